"""Three hundred real deliveries through the whole way, beside what an oracle says of each.

All 9,533 are replayed by `make real`. These are chosen so that every kind of trouble is among them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pytest
import replay_data
from replay_data import FORECASTS, HEALTH, PROJECT, SETS, Delivered, DeliverySet
from replay_oracle import FOR_A_WHILE, Judge
from replay_world import Became, Replay

from wharf import quality
from wharf.contracts import load_project
from wharf.ledger.deliveries import verdict_of
from wharf.ledger.rows import Delivery

DATA = replay_data.data_folder()
SINGLE = 6
"""So many files of one version are taken of each feed."""
# Conflict markers stood in seven files for a quarter of an hour; a header said that it waits.
ODD_AT = {"2020-12-09T18:04:25Z", "2020-04-15T17:45:28Z"}
needs_data = pytest.mark.skipif(
    DATA is None, reason="no real deliveries; WHARF_REAL_DATA says where they lie"
)


@dataclass
class Played:
    """One set of deliveries that was replayed, and its judge."""

    became: list[Became]
    judge: Judge

    def ended(self, end: str) -> list[Became]:
        return [each for each in self.became if each.end == end]


def near(path: Sequence[Delivered], wanted: Iterable[int], around: int) -> set[int]:
    return {
        at
        for each in wanted
        for at in range(max(each - around, 0), min(each + around + 1, len(path)))
    }


def chosen_of_a_path(path: Sequence[Delivered]) -> set[int]:
    """The first and the last versions of a file, and those around what is odd."""
    hashes = [each.bytes_hash for each in path]
    taken = [at for at, each in enumerate(path) if each.status == "D"]
    changed = [at for at, each in enumerate(path) if each.facts.get("header_changed") == "1"]
    marked = [at for at, each in enumerate(path) if each.facts.get("arrived_utc") in ODD_AT]
    back = [at for at, each in enumerate(hashes) if at > 1 and each == hashes[at - 2]]
    again = [at for at, each in enumerate(hashes) if at > 0 and each == hashes[at - 1]]
    empty = [at for at, each in enumerate(path) if each.facts.get("size") == "0"]
    ends = [0, len(path) - 1]
    return (
        near(path, [*ends, *changed[:2], *marked, *again, *empty, *taken[:1]], 1)
        | near(path, back[:1], 2)
        | near(path, changed[2:3], 1)
    )


def choose(everything: Sequence[Delivered]) -> list[Delivered]:
    """What is odd of each file with several versions, and a feed's first other files."""
    by_path: dict[str, list[Delivered]] = defaultdict(list)
    for each in everything:
        by_path[each.path].append(each)
    wanted: set[int] = set()
    single: Counter[str] = Counter()
    for path in by_path.values():
        if len(path) == 1:
            single[path[0].feed] += 1
        if len(path) > 1 or single[path[0].feed] <= SINGLE:
            wanted |= {id(path[at]) for at in chosen_of_a_path(path)}
    return [each for each in everything if id(each) in wanted]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[DeliverySet, Played]:
    assert DATA is not None
    root = tmp_path_factory.mktemp("replay")
    replay = Replay(root, PROJECT)
    found = {}
    for of in SETS:
        wanted = choose(of.replayable(DATA))
        of.unpack(DATA, wanted, root / "payload")
        judge = Judge(replay, root / "payload" / of.name)
        became = replay.play(wanted, root / "payload", of, told=judge.judge)
        found[of] = Played(became, judge)
    return found


@pytest.fixture
def health(played: dict[DeliverySet, Played]) -> Played:
    return played[HEALTH]


@pytest.fixture
def forecasts(played: dict[DeliverySet, Played]) -> Played:
    return played[FORECASTS]


def test_the_contracts_of_the_replay_are_sound() -> None:
    found = load_project(PROJECT)
    assert found.invalid == ()
    assert len(found.feeds) == 16 + 14
    for name, feed in found.feeds.items():
        assert quality.check_suite(quality.suite_path(PROJECT, name), feed.columns) == []


@needs_data
@pytest.mark.timeout(1800)
def test_every_delivery_agrees_with_the_oracle(played: dict[DeliverySet, Played]) -> None:
    assert sum(len(each.became) for each in played.values()) >= 300
    for each in played.values():
        assert each.judge.mismatches == []
        ours, oracle = each.judge.figures.ours, each.judge.figures.oracle
        assert ours["rows"] == oracle["rows"] > 20_000
        assert ours["cells changed"] == oracle["cells changed"] > 1_000


@needs_data
def test_an_unfinished_merge_is_refused_and_the_last_good_batch_is_read(health: Played) -> None:
    merged = [each for each in health.ended("refused") if "merge conflict" in each.reason]
    assert len(merged) == 7
    assert all(each.after == each.before is not None for each in merged)
    assert {each.delivery.outcome for each in merged if each.delivery} == {"refused"}


@needs_data
def test_a_header_that_waits_for_data_is_refused_by_the_column_it_hides(health: Played) -> None:
    [waits] = [each for each in health.ended("refused") if "diagnosis_date" in each.reason]
    assert FOR_A_WHILE in (health.judge.payload / waits.given.payload).read_bytes()[:60]
    assert waits.after == waits.before is not None


@needs_data
def test_bytes_that_come_back_are_published_again_as_a_new_version(health: Played) -> None:
    back = [each for each in health.became if each.delivery and each.delivery.reverts_to]
    assert len(back) >= 15
    by_version = {
        (each.given.feed, each.delivery.version): each for each in health.became if each.delivery
    }
    for each in back:
        assert each.delivery is not None
        older = by_version[each.given.feed, each.delivery.reverts_to or 0]
        assert each.end == "loaded"
        assert _without_names(health.judge.rows(each)) == _without_names(health.judge.rows(older))


@needs_data
def test_the_same_bytes_again_are_a_duplicate_also_after_they_were_withdrawn(
    forecasts: Played,
) -> None:
    [again] = forecasts.ended("duplicate")
    assert again.delivery is not None
    assert again.delivery.verdict == "DUPLICATE"
    assert again.given.facts["same_bytes_as_prev"] == "1"
    taken = [each.given.path for each in forecasts.ended("withdrawn")]
    assert len(taken) == 5
    assert again.given.path in taken


@needs_data
def test_a_file_of_no_bytes_is_waited_for_and_loaded_when_it_is_complete(
    forecasts: Played,
) -> None:
    waited = {each.given.path: each for each in forecasts.ended("waiting")}
    assert len(waited) == 4
    for path, each in waited.items():
        [after] = [one for one in forecasts.ended("loaded") if one.given.path == path]
        assert (after.given.arrived - each.given.arrived).total_seconds() == 3


@needs_data
def test_no_version_is_lost(played: dict[DeliverySet, Played]) -> None:
    for each in played.values():
        loaded = each.ended("loaded")
        assert len(loaded) > 60
        assert [text for one in loaded for text in each.judge.lost(one)] == []


@needs_data
def test_all_deliveries_of_the_log_get_the_verdict_that_their_hashes_ask_for() -> None:
    assert DATA is not None
    counted: Counter[str] = Counter()
    for of in SETS:
        known: dict[str, list[Delivery]] = defaultdict(list)
        had: dict[str, dict[str, int]] = defaultdict(dict)
        for each in of.log(DATA):
            if each.status == "D":
                continue
            own = known[each.path]
            found = verdict_of(own, each.bytes_hash)
            if found.name == "RESTATEMENT":
                assert found.reverts_to == had[each.path].get(each.bytes_hash)
            had[each.path][each.bytes_hash] = found.version
            counted[f"{of.name} {found.name}"] += 1
            counted[f"{of.name} goes back"] += found.reverts_to is not None
            own.append(_delivery(each, found.name, found.version))
    assert counted["health DUPLICATE"] == 4
    assert counted["health goes back"] == 186
    assert counted["health NEW"] + counted["health RESTATEMENT"] == 33_582 - 4
    assert counted["forecasts DUPLICATE"] == 2
    assert counted["forecasts goes back"] == 0


def _without_names(rows: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    """Rows without the column that names their batch."""
    return [{key: value for key, value in row.items() if key != "_batch_id"} for row in rows]


def _delivery(given: Delivered, name: str, version: int) -> Delivery:
    return Delivery(
        feed=given.feed, period=given.period, part="", verdict=name, version=version,
        reverts_to=None, same_as_period=None, arrival_seq=version, path=given.path, uri="",
        size=0, sha256=given.bytes_hash, submitted_at=given.submitted, arrived_at=given.arrived,
        landed_at=given.arrived,
    )  # fmt: skip
