from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from contract_world import COUNTED, OFFICE, counted_statements, expect, history, rows, write
from harbour import CONTRACT, Harbour

from wharf.ledger import contracts, horizon, products
from wharf.watch.expect import expect_horizon, expect_one


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    return Harbour(tmp_path)


def test_the_horizon_has_a_row_for_each_day_with_all_its_points(harbour: Harbour) -> None:
    assert expect(harbour) == 13
    made = rows(harbour)
    assert (min(made), max(made)) == ("2026-11-16", "2026-11-28")
    row = made["2026-11-20"]
    assert row.expected_at == row.warn_at == row.due_at == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert row.contract == harbour.promises.hashes["acme.prices"]
    assert (row.calendar, row.closed_because) == ("", "")


def test_nothing_is_asked_of_the_rows_while_nothing_changed(harbour: Harbour) -> None:
    expect(harbour)
    promises = harbour.promises
    with counted_statements(harbour) as told:
        assert expect_horizon(harbour.place.ledger, promises, harbour.now) == 0
    assert len([each for each in told if not each.startswith("BEGIN")]) == 1
    assert not any("expected_delivery" in each for each in told)


def test_the_next_day_adds_the_next_row_and_touches_no_other(harbour: Harbour) -> None:
    expect(harbour)
    before = rows(harbour)
    harbour.wait(days=1)
    assert expect(harbour) == 1
    after = rows(harbour)
    assert {key: row for key, row in after.items() if key in before} == before
    assert set(after) - set(before) == {"2026-11-29"}


def test_a_contract_edit_moves_only_what_is_not_yet_due_and_names_old_and_new_times(
    harbour: Harbour,
) -> None:
    expect(harbour)
    harbour.wait(hours=6)
    old = harbour.promises.hashes["acme.prices"]
    harbour.write_contract(CONTRACT.replace("T+0 12:00", "T+0 15:00"))
    new = harbour.promises.hashes["acme.prices"]
    assert expect(harbour) == 8
    made = rows(harbour)
    assert {key for key, row in made.items() if row.due_at.hour == 12} == {
        "2026-11-16", "2026-11-17", "2026-11-18", "2026-11-19", "2026-11-20",
    }  # fmt: skip
    assert history(harbour, "2026-11-20") == []
    [change] = history(harbour, "2026-11-21")
    assert change.at == harbour.now
    assert change.was["due_at"] == "2026-11-21T12:00:00+00:00"
    assert change.is_["due_at"] == "2026-11-21T15:00:00+00:00"
    assert "opens_at" not in change.was
    assert change.why == f"contract changed from {old[:8]} to {new[:8]}"
    assert expect(harbour) == 0


def test_nobody_becomes_late_by_terms_that_were_written_afterwards(harbour: Harbour) -> None:
    harbour.wait(hours=3)
    expect(harbour)
    harbour.write_contract(CONTRACT.replace("T+0 12:00", "T+0 08:00"))
    expect(harbour)
    made = rows(harbour)
    assert made["2026-11-20"].due_at.hour == 12
    assert made["2026-11-21"].due_at.hour == 8


def test_an_edited_calendar_moves_what_is_not_yet_due_and_the_event_names_it(
    harbour: Harbour,
) -> None:
    write(harbour, "dags/calendars/office.yaml", OFFICE)
    harbour.write_contract(COUNTED)
    harbour.wait(hours=6)
    expect(harbour)
    holidays = OFFICE + 'holidays: ["2026-11-20", "2026-11-26"]\n'
    write(harbour, "dags/calendars/office.yaml", holidays)
    assert expect(harbour) == 1
    made = rows(harbour)
    assert made["2026-11-20"].expected
    assert (made["2026-11-26"].expected, made["2026-11-26"].closed_because) == (
        False, "holiday in office",
    )  # fmt: skip
    [change] = history(harbour, "2026-11-26")
    assert change.is_["expected"] is False
    assert change.why.startswith("calendar changed from office@")
    assert change.was["calendar"] != change.is_["calendar"]
    with harbour.place.ledger.read() as tx:
        assert contracts.current_contracts(tx)["calendars/office"].text == holidays


def test_a_calendar_that_another_one_names_counts_as_well(harbour: Harbour) -> None:
    write(harbour, "dags/calendars/office.yaml", OFFICE.replace("weekmask: mon tue wed thu fri",
                                                                "union: [base]"))  # fmt: skip
    write(harbour, "dags/calendars/base.yaml", OFFICE.replace("office", "base"))
    harbour.write_contract(COUNTED)
    expect(harbour)
    write(harbour, "dags/calendars/base.yaml", "calendar: base\nweekmask: mon tue wed thu\n")
    assert expect(harbour) == 2
    assert not rows(harbour)["2026-11-27"].expected


def test_a_promise_that_ends_earlier_takes_its_later_rows_with_it(harbour: Harbour) -> None:
    expect(harbour)
    harbour.write_contract(CONTRACT.replace('"2026-11-16"}', '"2026-11-16", until: "2026-11-23"}'))
    assert expect(harbour) == 5
    made = rows(harbour)
    assert [key for key, row in made.items() if not row.expected] == [
        "2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27", "2026-11-28",
    ]  # fmt: skip
    assert made["2026-11-24"].closed_because == (
        "not promised any more; see active and period of acme.prices"
    )
    assert history(harbour, "2026-11-24")[0].is_["expected"] is False


def test_a_feed_that_turns_weekly_owes_no_days_any_more(harbour: Harbour) -> None:
    expect(harbour)
    weekly = CONTRACT.replace("{kind: day}", "{kind: week}").replace('"2026-11-16"', '"2026-W48"')
    harbour.write_contract(weekly.replace("{period:%Y%m%d}", "{period:%G-W%V}"))
    expect(harbour)
    made = rows(harbour)
    assert made["2026-W48"].expected
    assert {key for key, row in made.items() if not row.expected} == {
        f"2026-11-{day}" for day in range(20, 29)
    }


def test_a_row_made_by_hand_beyond_the_horizon_follows_the_contract_too(harbour: Harbour) -> None:
    ledger, promises = harbour.place.ledger, harbour.promises
    far = promises.feeds["acme.prices"].parse_period("2027-02-01")
    expect_one(ledger, promises.project, promises.feeds["acme.prices"], far, "c", harbour.now)
    harbour.write_contract(CONTRACT.replace("T+0 12:00", "T+0 15:00"))
    expect(harbour)
    assert rows(harbour)["2027-02-01"].due_at.hour == 15


def test_a_run_makes_its_row_and_never_moves_one(harbour: Harbour) -> None:
    expect(harbour)
    before = rows(harbour)
    older = CONTRACT.replace("T+0 12:00", "T+0 09:00")
    harbour.write_contract(older)
    feed = harbour.feed
    row = expect_one(
        harbour.place.ledger, harbour.promises.project, feed, harbour.period, "other", harbour.now
    )
    assert row == before["2026-11-20"]
    assert rows(harbour) == before


def test_a_run_that_cannot_read_its_calendar_counts_by_the_last_valid_one(
    harbour: Harbour,
) -> None:
    write(harbour, "dags/calendars/office.yaml", OFFICE)
    harbour.write_contract(COUNTED)
    feed, ledger = harbour.feed, harbour.place.ledger
    from wharf.contracts import Project

    alone = Project(harbour.root / "project")
    saturday = feed.parse_period("2026-11-21")
    assert not expect_one(ledger, alone, feed, saturday, "c", harbour.now).expected


def test_what_is_remembered_is_replaced_and_not_piled_up(harbour: Harbour) -> None:
    expect(harbour)
    harbour.wait(days=1)
    expect(harbour)
    with harbour.place.ledger.read() as tx:
        kept = horizon.remembered(tx)
    assert set(kept) == {"acme.prices"}
    assert kept["acme.prices"].endswith("open 2026-11-21")


def test_a_products_periods_follow_its_contract_until_they_are_decided(harbour: Harbour) -> None:
    product = (
        "product: risk\nactive: {from: '2026-11-19'}\nperiod: {kind: day}\n"
        "timeliness: {tz: UTC, decide_at: 'T 13:00', due: 'T 14:00', cutoff: 'T 20:00'}\n"
        "inputs: {acme.prices: {on_missing: [wait, fail]}}\nsteps: [{dbt: 'tag:risk'}]\n"
    )

    def decided() -> dict[str, str]:
        with harbour.place.ledger.read() as tx:
            found = products.product_periods(tx, "risk")
        return {each.period: f"{each.decide_at:%H:%M}" for each in found}

    write(harbour, "dags/products/risk.yaml", product)
    harbour.wait(hours=6, minutes=30)
    expect(harbour)
    write(harbour, "dags/products/risk.yaml", product.replace("T 13:00", "T 13:45"))
    expect(harbour)
    assert (decided()["2026-11-20"], decided()["2026-11-21"]) == ("13:00", "13:45")
    harbour.now = harbour.now.replace(day=21, hour=12)
    write(harbour, "dags/products/risk.yaml", product.replace("T 13:00", "T 11:00"))
    expect(harbour)
    assert (decided()["2026-11-21"], decided()["2026-11-22"]) == ("13:45", "11:00")


def test_a_moved_delivery_says_why_wherever_it_is_told(harbour: Harbour) -> None:
    moved = 'one_off: [{from: "2026-11-20", to: "2026-11-23", why: "the supplier moves house"}]\n'
    write(harbour, "dags/calendars/office.yaml", OFFICE + moved)
    harbour.write_contract(COUNTED)
    expect(harbour)
    row = rows(harbour)["2026-11-20"]
    assert row.due_at == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert harbour.state().reason.endswith(
        "due 2026-11-23 12:00 UTC (moved from 2026-11-20 to 2026-11-23: the supplier moves house)"
    )


def test_a_row_past_its_cut_off_is_judged_again_by_an_edited_contract(harbour: Harbour) -> None:
    strict = CONTRACT.replace("*.csv", "_{part}.csv").replace('csv"}', 'csv", parts: [a, b]}')
    harbour.write_contract(strict)
    harbour.deliver("id,price\na,1.50\n", "prices_20261120_a.csv")
    harbour.look()
    harbour.tick()
    harbour.wait(days=2)
    harbour.look()
    harbour.tick()
    assert rows(harbour)["2026-11-20"].timeliness == "MISSING"
    assert rows(harbour)["2026-11-20"].next_change_at is None
    harbour.write_contract(strict.replace("[a, b]", "[a]"))
    harbour.tick()
    assert rows(harbour)["2026-11-20"].timeliness == "ON_TIME"
