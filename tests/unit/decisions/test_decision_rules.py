"""What is allowed and for how long, whatever the board, the command line or REST asks for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.decisions import KINDS, Person, Wish, parse_instant, plain
from wharf.decisions.rules import Situation, check, check_until
from wharf.errors import DecisionRefused
from wharf.ledger.rows import BatchRow, Delivery, ExpectedDelivery
from wharf.timeliness.facts import State

NOW = datetime(2026, 11, 20, 13, 0, tzinfo=UTC)
DUE = NOW - timedelta(hours=1)
ADA = Person("ada", "board", has_login=True)
SHELL = Person("cli:ada", "cli")
ROW = ExpectedDelivery(
    "acme.prices", "2026-11-20", "2026-11-20", "c", True, True, "arrival",
    opens_at=NOW - timedelta(hours=7), warn_at=DUE, due_at=DUE, late_at=DUE,
    cutoff_at=NOW + timedelta(hours=11),
)  # fmt: skip
LATE = State("LATE", "PARTIAL", "not complete", DUE, DUE, parts_present=1, parts_expected=3)
FINE = State("ON_TIME", "PUBLISHED", "arrived", DUE, DUE, complete_at=DUE, published_at=DUE)
BATCH = BatchRow("b1", "raw.x", "2026-11-20", "acme.prices", "QUARANTINED", NOW, NOW)


def file(seq: int, version: int, verdict: str) -> Delivery:
    return Delivery(
        "acme.prices", "2026-11-20", "", version, verdict, seq, "p.csv", "file:///x", 3, "0" * 64,
        None, NOW, NOW, seq=seq,
    )  # fmt: skip


FIRST, AGAIN, NEWER = file(1, 1, "NEW"), file(2, 1, "DUPLICATE"), file(3, 2, "RESTATEMENT")
OPEN = Situation(
    row=ROW, state=LATE, is_promised=True, has_parts=True, consumers=("risk",), batch=BATCH,
)  # fmt: skip
DETAILS = {
    "use_last_good": {"consumer": "risk", "max_age": "1bd"},
    "force_publish": {"batch_id": "b1"},
    "mark_duplicate": {"delivery": "3"},
    "mark_restatement": {"delivery": "2"},
}
FILES = {
    "mark_duplicate": Situation(file=NEWER, versions=(FIRST, AGAIN, NEWER)),
    "mark_restatement": Situation(file=AGAIN, versions=(FIRST, AGAIN)),
}
SINGLE = sorted(name for name, kind in KINDS.items() if kind.about != "window")


def wish(kind: str, until: timedelta = timedelta(hours=2), reason: str = "they called") -> Wish:
    return Wish(
        kind, "acme.prices", reason, NOW + until, "2026-11-20", detail=DETAILS.get(kind, {})
    )


def problem(asked: Wish, here: Situation, person: Person = ADA) -> str:
    try:
        check(asked, here, person, NOW)
    except DecisionRefused as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", SINGLE)
def test_every_kind_is_allowed_where_it_makes_sense(kind: str) -> None:
    assert problem(wish(kind), FILES.get(kind, OPEN)) == ""


@pytest.mark.parametrize("kind", SINGLE)
def test_every_kind_needs_a_reason_and_an_end_in_the_future(kind: str) -> None:
    here = FILES.get(kind, OPEN)
    assert problem(wish(kind, reason=""), here).startswith("reason: is missing")
    assert "is past" in problem(wish(kind, timedelta(0)), here)
    assert "is past" in problem(wish(kind, timedelta(seconds=-1)), here)
    longest = KINDS[kind].longest
    assert "too far away" in problem(wish(kind, longest + timedelta(seconds=1)), here)


@given(
    st.sampled_from(sorted(KINDS)),
    st.integers(0, 10**8).map(lambda seconds: NOW + timedelta(seconds=seconds)),
    st.timedeltas(timedelta(days=-900), timedelta(days=900)),
)
def test_an_end_is_taken_exactly_within_its_kinds_span(
    kind: str, now: datetime, span: timedelta
) -> None:
    allowed = timedelta(0) < span <= KINDS[kind].longest
    try:
        check_until(kind, now + span, now)
    except DecisionRefused:
        assert not allowed
    else:
        assert allowed


@pytest.mark.parametrize(
    ("asked", "here", "why"),
    [
        pytest.param(wish("ack"), Situation(row=ROW, state=FINE), "nothing is wrong", id="ack"),
        pytest.param(wish("ack"), Situation(), "nothing is expected", id="no row"),
        pytest.param(wish("waive"), Situation(row=ROW, state=FINE), "in time", id="waive"),
        pytest.param(wish("waive"), Situation(), "nothing is expected", id="waive no row"),
        pytest.param(wish("promise"), Situation(row=ROW, state=FINE), "came already", id="promise"),
        pytest.param(wish("promise", timedelta(hours=12)), OPEN, "cut-off", id="beyond cut-off"),
        pytest.param(wish("accept_partial"), Situation(row=ROW, state=LATE), "one file", id="one"),
        pytest.param(wish("use_last_good"), Situation(row=ROW, state=LATE), "no product", id="who"),
        pytest.param(wish("force_publish"), Situation(row=ROW), "no batch", id="no batch"),
        pytest.param(wish("force_publish"), Situation(batch=BATCH, is_read=True), "already",
                     id="read"),
        pytest.param(wish("mark_duplicate"), Situation(), "no file", id="no file"),
        pytest.param(wish("mark_duplicate"), Situation(file=FIRST, versions=(FIRST,)), "only",
                     id="only version"),
        pytest.param(wish("mark_duplicate"),
                     Situation(file=NEWER, versions=(FIRST, NEWER), is_read=True), "roll that back",
                     id="readers see it"),
        pytest.param(wish("mark_duplicate"), Situation(file=FIRST, versions=(FIRST, NEWER)),
                     "replaced", id="old version"),
        pytest.param(wish("mark_restatement"), Situation(file=FIRST, versions=(FIRST,)), "already",
                     id="new already"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_the_reason(
    asked: Wish, here: Situation, why: str
) -> None:
    assert why in problem(asked, here)


def test_a_failed_critical_check_needs_somebody_who_has_signed_in() -> None:
    assert "two people" in problem(wish("force_publish"), OPEN, SHELL)
    audited = Situation(batch=BatchRow(**{**vars(BATCH), "status": "ROLLED_BACK"}))
    assert problem(wish("force_publish"), audited, SHELL) == ""


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2h", NOW + timedelta(hours=2)),
        ("+90m", NOW + timedelta(minutes=90)),
        ("2026-11-20T18:30", datetime(2026, 11, 20, 17, 30, tzinfo=UTC)),
        ("2026-11-20T18:30Z", datetime(2026, 11, 20, 18, 30, tzinfo=UTC)),
        ("2026-11-20 18:30-05:00", datetime(2026, 11, 20, 23, 30, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, 23, 0, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_people_write_them(text: str, instant: datetime) -> None:
    assert parse_instant(text, NOW, tz="Europe/Amsterdam") == instant


@pytest.mark.parametrize(
    "text", ["", "soon", "25:00", "2026-13-01", "99999999999d", "9" * 400, "-2h"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(DecisionRefused, match="no time"):
        parse_instant(text, NOW)


@given(st.text())
def test_any_text_becomes_one_line_that_hides_nothing(text: str) -> None:
    clean = plain(text)
    assert "\n" not in clean
    assert not any(ord(each) < 32 or each in "\u202e\u2066\u200b\x7f" for each in clean)
    assert plain(clean) == clean
