"""What a delivered file is among the versions of its feed, period and part: for any sequence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.batches.recording import newer
from wharf.ledger.deliveries import Verdict, verdict_of
from wharf.ledger.rows import BatchRow, Delivery

NOW = datetime(2026, 11, 20, tzinfo=UTC)
# Few different bytes, so that the same come again and again.
SEQUENCES = st.lists(st.sampled_from("ABCD"), min_size=1, max_size=30)


def take_in(sequence: Sequence[str]) -> list[tuple[Delivery, Verdict]]:
    """Deliver bytes one after the other, each with the verdict that it got."""
    known: list[Delivery] = []
    found = []
    for number, content in enumerate(sequence, start=1):
        verdict = verdict_of(known, content)
        row = Delivery(
            feed="acme.prices", period="2026-11-20", part="", version=verdict.version,
            verdict=verdict.name, arrival_seq=number, path=f"file-{number}", uri="", size=1,
            sha256=content, submitted_at=None, arrived_at=NOW, landed_at=NOW,
            reverts_to=verdict.reverts_to, seq=number,
        )  # fmt: skip
        known.append(row)
        found.append((row, verdict))
    return found


@pytest.mark.parametrize(
    ("sequence", "said"),
    [
        ("A", ["NEW 1"]),
        ("AA", ["NEW 1", "DUPLICATE 1"]),
        ("AB", ["NEW 1", "RESTATEMENT 2"]),
        ("ABA", ["NEW 1", "RESTATEMENT 2", "RESTATEMENT 3 to 1"]),
        ("ABBA", ["NEW 1", "RESTATEMENT 2", "DUPLICATE 2", "RESTATEMENT 3 to 1"]),
        ("ABAA", ["NEW 1", "RESTATEMENT 2", "RESTATEMENT 3 to 1", "DUPLICATE 3"]),
        ("ABACA", ["NEW 1", "RESTATEMENT 2", "RESTATEMENT 3 to 1", "RESTATEMENT 4",
                   "RESTATEMENT 5 to 3"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_sequence_of_bytes_gets_these_verdicts(sequence: str, said: list[str]) -> None:
    found = [verdict for _, verdict in take_in(sequence)]
    assert [
        f"{each.name} {each.version}" + (f" to {each.reverts_to}" if each.reverts_to else "")
        for each in found
    ] == said


@given(SEQUENCES)
def test_only_the_first_is_new_and_only_the_current_bytes_are_a_duplicate(
    sequence: list[str],
) -> None:
    found = [verdict for _, verdict in take_in(sequence)]
    assert [each.name == "NEW" for each in found] == [at == 0 for at in range(len(found))]
    for at in range(1, len(sequence)):
        assert (found[at].name == "DUPLICATE") == (sequence[at] == sequence[at - 1])


@given(SEQUENCES)
def test_versions_count_what_was_not_a_duplicate(sequence: list[str]) -> None:
    version = 0
    for _, verdict in take_in(sequence):
        version += verdict.name != "DUPLICATE"
        assert verdict.version == version


@given(SEQUENCES)
def test_the_version_that_counts_always_has_the_bytes_that_came_last(sequence: list[str]) -> None:
    rows = [row for row, _ in take_in(sequence)]
    for upto in range(1, len(rows) + 1):
        current = [row for row in rows[:upto] if row.verdict != "DUPLICATE"][-1]
        assert current.sha256 == sequence[upto - 1]


@given(SEQUENCES)
def test_bytes_go_back_to_the_latest_version_that_had_them(sequence: list[str]) -> None:
    had: dict[str, int] = {}
    for row, verdict in take_in(sequence):
        if verdict.name == "RESTATEMENT":
            assert verdict.reverts_to == had.get(row.sha256)
        else:
            assert verdict.reverts_to is None
        had[row.sha256] = verdict.version


@given(SEQUENCES, st.data())
def test_a_name_means_nothing_to_a_verdict(sequence: list[str], data: st.DataObject) -> None:
    rows = [row for row, _ in take_in(sequence)]
    content = data.draw(st.sampled_from("ABCDE"))
    renamed = [Delivery(**{**vars(row), "path": "another"}) for row in rows]
    assert verdict_of(rows, content) == verdict_of(renamed, content)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 50)), unique=True, max_size=12))
def test_batches_are_in_one_order_of_delivery_version_and_then_ledger_sequence(
    pairs: list[tuple[int, int]],
) -> None:
    rows = [
        BatchRow(
            f"b{seq}", "raw.x", "2026", "acme.x", "AUDITED", NOW, NOW, version=version, seq=seq
        )
        for version, seq in pairs
    ]
    for left in rows:
        assert newer(left, None)
        assert not newer(left, left)
        for right in rows:
            expected = (left.version, left.seq) > (right.version, right.seq)
            assert newer(left, right) == expected
