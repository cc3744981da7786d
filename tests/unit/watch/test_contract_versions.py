from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from contract_world import (
    COUNTED,
    OFFICE,
    PRICES,
    counted_statements,
    expect,
    history,
    remove,
    rows,
    write,
)
from harbour import CONTRACT, Harbour

from wharf.ledger import contracts, decisions
from wharf.ledger.retired import retire_feed, retired_feeds
from wharf.watch.promises import PromiseReader


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    return Harbour(tmp_path)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("calendar: office\nweekmask: never\n", id="not a weekday"),
        pytest.param("calendar: office\npublic_holidays: {country: ZZ}\n", id="unknown country"),
        pytest.param("calendar: office\nunion: [nowhere]\n", id="unknown calendar"),
        pytest.param("", id="empty"),
    ],
)
def test_a_broken_calendar_leaves_the_last_valid_one_in_force(
    harbour: Harbour, broken: str
) -> None:
    write(harbour, "dags/calendars/office.yaml", OFFICE)
    harbour.write_contract(COUNTED)
    expect(harbour)
    before = rows(harbour)
    write(harbour, "dags/calendars/office.yaml", broken)
    assert expect(harbour) == 0
    assert rows(harbour) == before
    with harbour.place.ledger.read() as tx:
        assert list(contracts.contract_problems(tx)) == ["dags/calendars/office.yaml"]
    write(harbour, "dags/calendars/office.yaml", OFFICE + 'holidays: ["2026-11-26"]\n')
    assert expect(harbour) == 1
    with harbour.place.ledger.read() as tx:
        assert contracts.contract_problems(tx) == {}


def test_a_removed_calendar_goes_on_for_the_feeds_that_count_by_it(harbour: Harbour) -> None:
    write(harbour, "dags/calendars/office.yaml", OFFICE)
    harbour.write_contract(COUNTED)
    expect(harbour)
    before = rows(harbour)
    remove(harbour, "dags/calendars/office.yaml")
    assert expect(harbour) == 0
    assert rows(harbour) == before
    with harbour.place.ledger.read() as tx:
        assert "period.calendar is 'office'" in contracts.contract_problems(tx)[PRICES]


def test_a_feed_whose_calendar_never_was_valid_promises_nothing_yet(harbour: Harbour) -> None:
    write(harbour, "dags/calendars/office.yaml", "calendar: office\nweekmask: never\n")
    harbour.write_contract(COUNTED)
    assert harbour.promises.feeds == {}
    with harbour.place.ledger.read() as tx:
        assert "which has no valid file yet" in contracts.contract_problems(tx)[PRICES]


def test_broken_routing_and_products_go_on_as_they_last_were(harbour: Harbour) -> None:
    channels = "channels: [{name: desk, kind: webhook, connection: hook}]"
    product = (
        "product: risk\nactive: {from: '2026-11-20'}\nperiod: {kind: day}\n"
        "timeliness: {tz: UTC, decide_at: 'T 13:00', due: 'T 14:00', cutoff: 'T 20:00'}\n"
        "inputs: {acme.prices: {on_missing: [wait, fail]}}\nsteps: [{dbt: 'tag:risk'}]\n"
    )
    write(harbour, "dags/alerts.yaml", channels)
    write(harbour, "dags/products/risk.yaml", product)
    first = harbour.promises
    write(harbour, "dags/alerts.yaml", channels.replace("webhook", "pigeon"))
    write(harbour, "dags/products/risk.yaml", product.replace("tag:risk", ""))
    again = harbour.promises
    assert len(again.project.invalid) == 2
    assert again.project.routing == first.project.routing
    assert again.products == first.products
    remove(harbour, "dags/products/risk.yaml")
    remove(harbour, "dags/alerts.yaml")
    gone = harbour.promises
    assert (dict(gone.products), gone.project.routing.channels) == ({}, ())


def test_a_broken_feed_does_not_break_the_products_that_read_it(harbour: Harbour) -> None:
    product = (
        "product: risk\nactive: {from: '2026-11-20'}\nperiod: {kind: day}\n"
        "timeliness: {tz: UTC, decide_at: 'T 13:00', due: 'T 14:00', cutoff: 'T 20:00'}\n"
        "inputs: {acme.prices: {on_missing: [wait, fail]}}\nsteps: [{dbt: 'tag:risk'}]\n"
    )
    write(harbour, "dags/products/risk.yaml", product)
    harbour.write_contract(CONTRACT.replace("kind: csv", "kind: cvs"))
    [problem] = harbour.promises.project.invalid
    assert problem.file == PRICES


def test_a_contract_that_turns_back_is_a_new_version(harbour: Harbour) -> None:
    edited = CONTRACT.replace("T+0 12:00", "T+0 15:00")
    for text in (CONTRACT, edited, CONTRACT):
        harbour.write_contract(text)
        expect(harbour)
    assert rows(harbour)["2026-11-25"].due_at.hour == 12
    assert len(history(harbour, "2026-11-25")) == 2
    reader = PromiseReader(harbour.root / "project")
    with counted_statements(harbour) as told:
        reader.read(harbour.place.ledger, harbour.now)
    assert not any(each.startswith(("INSERT", "UPDATE", "DELETE")) for each in told)


def test_a_stored_contract_that_cannot_be_read_any_more_stops_nothing(harbour: Harbour) -> None:
    expect(harbour)
    with harbour.place.ledger.write() as tx:
        tx.exec_driver_sql(
            "INSERT INTO contract_version (name, path, sha256, text, stored_at, problem) VALUES "
            "('old.feed', 'dags/feeds/old/feed.yaml', 'x', 'feed: old.feed', '2020-01-01', '')"
        )
    assert list(harbour.promises.feeds) == ["acme.prices"]


def retire(harbour: Harbour, first: date) -> list[str]:
    with harbour.place.ledger.write() as tx:
        return retire_feed(tx, "acme.prices", first, "ann", "the contract ended", harbour.now)


def test_a_removed_feed_stays_expected_until_a_person_retires_it(harbour: Harbour) -> None:
    expect(harbour)
    remove(harbour, PRICES)
    harbour.wait(days=2)
    assert expect(harbour) == 2
    assert harbour.promises.orphaned == ("acme.prices",)
    ended = retire(harbour, date(2026, 11, 21))
    assert ended == [f"2026-11-{day}" for day in range(21, 31)]
    assert harbour.promises.orphaned == ()
    assert harbour.promises.feeds["acme.prices"].active.until == "2026-11-20"
    harbour.wait(days=3)
    assert expect(harbour) == 0
    row = rows(harbour)["2026-11-21"]
    assert (row.expected, row.next_change_at) == (False, harbour.now - timedelta(days=3))
    assert row.closed_because == "feed retired by ann: the contract ended"
    assert rows(harbour)["2026-11-20"].expected
    [change] = history(harbour, "2026-11-22")
    assert change.why == "feed retired by ann: the contract ended"
    with harbour.place.ledger.read() as tx:
        [decision] = decisions.decisions_of(tx, "acme.prices")
    assert (decision.kind, decision.by, decision.first) == ("retire", "ann", "2026-11-21")


def test_a_retired_feed_is_expected_again_once_its_file_is_back(harbour: Harbour) -> None:
    expect(harbour)
    remove(harbour, PRICES)
    expect(harbour)
    retire(harbour, date(2026, 11, 21))
    expect(harbour)
    harbour.write_contract(CONTRACT)
    expect(harbour)
    made = rows(harbour)
    assert all(row.expected for row in made.values())
    with harbour.place.ledger.read() as tx:
        assert retired_feeds(tx) == {}
        assert decisions.decisions_of(tx, "acme.prices")[0].revoked_by == PRICES


def test_a_retired_feed_keeps_what_came(harbour: Harbour) -> None:
    expect(harbour)
    with harbour.place.ledger.write() as tx:
        tx.exec_driver_sql(
            "UPDATE expected_delivery SET timeliness = 'ON_TIME' WHERE period = '2026-11-21'"
        )
    assert "2026-11-21" not in retire(harbour, date(2026, 11, 20))


def test_a_removed_feed_that_had_an_end_is_no_orphan(harbour: Harbour) -> None:
    harbour.write_contract(CONTRACT.replace('"2026-11-16"}', '"2026-11-16", until: "2026-11-23"}'))
    expect(harbour)
    remove(harbour, PRICES)
    assert harbour.promises.orphaned == ()
    assert "acme.prices" in harbour.promises.feeds


def test_a_renamed_feed_takes_its_rows_along_and_makes_no_second_ones(harbour: Harbour) -> None:
    expect(harbour)
    before = {key: row.id for key, row in rows(harbour).items()}
    text = CONTRACT.replace("feed: acme.prices", "feed: acme.quotes\nformerly: [acme.prices]")
    write(harbour, "dags/feeds/acme/quotes.yaml", text)
    remove(harbour, PRICES)
    expect(harbour)
    assert {key: row.id for key, row in rows(harbour, "acme.quotes").items()} == before
    assert rows(harbour) == {}
    assert harbour.promises.orphaned == ()


def test_retiring_a_feed_ends_its_alarms_at_the_next_tick(harbour: Harbour) -> None:
    harbour.tick()
    harbour.look()
    harbour.wait(hours=6)
    harbour.tick()
    assert [each.resolved_at for each in harbour.incidents()] == [None]
    remove(harbour, PRICES)
    harbour.tick()
    assert [each.resolved_at for each in harbour.incidents()] == [None]
    retire(harbour, date(2026, 11, 20))
    for _ in range(3):
        harbour.wait(minutes=1)
        harbour.tick()
    assert all(each.resolved_at for each in harbour.incidents())
    assert rows(harbour)["2026-11-20"].timeliness == "NOT_EXPECTED"
