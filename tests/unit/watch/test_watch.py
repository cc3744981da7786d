from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.harbour import CONTRACT, GOOD, Harbour

from wharf.errors import AirflowUnavailable
from wharf.ledger import arrivals, expected
from wharf.watch.look import look_for
from wharf.watch.readiness import NotYet, Past, Ready, readiness
from wharf.watch.starts import Wanted, start_runs


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    return Harbour(tmp_path)


def test_a_feed_that_never_delivered_is_late_without_any_run(harbour: Harbour) -> None:
    harbour.tick()
    harbour.look()
    harbour.wait(hours=5, minutes=1)
    harbour.tick()
    [incident] = [each for each in harbour.incidents() if each.kind == "late"]
    assert incident.level == "L1"
    assert harbour.state().timeliness == "LATE"


def test_a_tick_repeated_changes_nothing(harbour: Harbour) -> None:
    harbour.tick()
    harbour.look()
    harbour.wait(hours=5, minutes=1)
    harbour.tick()
    again = harbour.tick()
    assert (again.expected, again.evaluated.changed, again.evaluated.told) == (0, 0, 0)


def test_publishing_resolves_the_incident_at_once(harbour: Harbour) -> None:
    harbour.tick()
    harbour.look()
    harbour.wait(hours=5, minutes=30)
    harbour.tick()
    harbour.deliver(GOOD)
    harbour.run()
    assert harbour.state().timeliness == "LATE_ARRIVED"
    assert all(each.resolved_at for each in harbour.incidents())


def test_one_look_lists_a_file_once(harbour: Harbour) -> None:
    harbour.deliver(GOOD)
    harbour.look()
    harbour.look()
    with harbour.place.ledger.read() as tx:
        assert len(arrivals.arrivals_of(tx, "acme.prices", "2026-11-20")) == 1


def test_a_failed_look_is_recorded_and_says_nothing_about_files(harbour: Harbour) -> None:
    harbour.inbox.rmdir()
    harbour.look()
    with harbour.place.ledger.read() as tx:
        [poll] = arrivals.polls_of(tx, "acme_inbox")
    assert not poll.ok
    assert poll.error


def test_a_row_without_run_gets_one_and_a_second_tick_starts_no_other(harbour: Harbour) -> None:
    harbour.tick()
    assert harbour.started == []
    harbour.look()
    harbour.tick()
    wanted = ("feed__acme__prices", "2026-11-20")
    assert wanted in {(dag, key) for dag, key, _ in harbour.started}
    count = len(harbour.started)
    harbour.tick()
    assert len(harbour.started) == count


def test_an_arrival_after_the_run_ended_gets_a_run_of_its_own(harbour: Harbour) -> None:
    harbour.tick()
    harbour.deliver(GOOD)
    harbour.run()
    harbour.tick()
    before = len(harbour.started)
    harbour.wait(minutes=10)
    harbour.deliver(GOOD.replace("1.50", "1.75"))
    harbour.look()
    harbour.tick()
    assert len(harbour.started) == before + 1
    assert harbour.started[-1][2].startswith("arrival-")


def test_a_run_waits_until_the_delivery_is_there(harbour: Harbour) -> None:
    harbour.look()
    ask = lambda: readiness(harbour.place.ledger, harbour.feed, harbour.period, harbour.now)  # noqa: E731
    assert isinstance(ask(), NotYet)
    harbour.deliver(GOOD)
    harbour.look()
    assert isinstance(ask(), Ready)


def test_a_run_ends_after_the_cutoff_when_nothing_came(harbour: Harbour) -> None:
    harbour.look()
    harbour.wait(hours=18)
    answer = readiness(harbour.place.ledger, harbour.feed, harbour.period, harbour.now)
    assert isinstance(answer, Past)


def test_a_period_of_long_ago_is_judged_as_soon_as_it_is_taken_in(harbour: Harbour) -> None:
    harbour.wait(days=90)
    harbour.deliver(GOOD)
    harbour.look()
    look_for(harbour.place, harbour.feed, harbour.period, harbour.now)
    harbour.wait(seconds=5)
    for _, step in harbour.steps():
        step()
    harbour.tick()
    with harbour.place.ledger.read() as tx:
        row = expected.find_expected(tx, "acme.prices", "2026-11-20")
    assert row is not None
    assert (row.timeliness, row.delivery) == ("LATE_ARRIVED", "PUBLISHED")


def test_a_broken_contract_leaves_the_last_valid_one_in_force(harbour: Harbour) -> None:
    harbour.tick()
    harbour.write_contract(CONTRACT.replace("kind: csv", "kind: cvs"))
    harbour.wait(hours=1)
    promises = harbour.promises
    assert promises.feeds["acme.prices"].format.kind == "csv"
    assert "format.kind is 'cvs'" in str(promises.project.invalid[0])


def test_a_removed_contract_stays_expected_and_is_listed_as_orphaned(harbour: Harbour) -> None:
    harbour.tick()
    (harbour.root / "project/dags/feeds/acme/prices.yaml").unlink()
    promises = harbour.promises
    assert promises.orphaned == ("acme.prices",)
    assert "acme.prices" in promises.feeds


def test_a_renamed_feed_keeps_its_history(harbour: Harbour) -> None:
    harbour.deliver(GOOD)
    harbour.run()
    old = harbour.root / "project/dags/feeds/acme/prices.yaml"
    renamed = CONTRACT.replace("feed: acme.prices", "feed: acme.quotes\nformerly: [acme.prices]")
    (old.parent / "quotes.yaml").write_text(renamed)
    old.unlink()
    promises = harbour.promises
    assert list(promises.feeds) == ["acme.quotes"]
    with harbour.place.ledger.read() as tx:
        assert expected.find_expected(tx, "acme.quotes", "2026-11-20") is not None


def test_a_feed_that_turns_daily_stops_neither_the_looks_nor_the_ticks(tmp_path: Path) -> None:
    weekly = CONTRACT.replace("{kind: day}", "{kind: week}").replace('"2026-11-16"', '"2026-W46"')
    weekly = weekly.replace("{period:%Y%m%d}", "{period:%G-W%V}")
    harbour = Harbour(tmp_path, contract=weekly)
    harbour.look()
    harbour.tick()
    harbour.write_contract(CONTRACT)
    harbour.deliver(GOOD)
    harbour.look()
    harbour.wait(minutes=1)
    harbour.tick()
    with harbour.place.ledger.read() as tx:
        found = {row.period: row for row in expected.expected_of(tx, "acme.prices")}
    assert found["2026-11-20"].delivery == "COMPLETE"
    assert {found["2026-W46"].timeliness, found["2026-W47"].timeliness} == {"MISSING"}


def test_an_airflow_that_answers_slowly_holds_no_tick_up(harbour: Harbour) -> None:
    asked: list[str] = []

    def start(dag_id: str, key: str, cause: str) -> bool:
        asked.append(key)
        raise AirflowUnavailable("Airflow does not answer")

    wanted = [Wanted("feed__acme__prices", f"2026-11-{day}", "row-1") for day in range(10, 20)]
    started, problems = start_runs(
        harbour.place.ledger, wanted, start, harbour.now, lambda: timedelta(seconds=9 * len(asked))
    )
    assert started == []
    assert asked == ["2026-11-10", "2026-11-11", "2026-11-12"]
    assert problems[-1] == "7 runs are left to the next tick"
