"""Feeds learn when they usually come; that warns, and never moves a deadline or tells anybody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from harbour import CONTRACT, DAY, GOOD, Harbour
from hypothesis import given
from hypothesis import strategies as st

from wharf.ledger import arrivals, decisions, expected, learned, past_arrivals
from wharf.ledger.past_arrivals import Imported
from wharf.ledger.rows import Decision, Poll
from wharf.timeliness.facts import ArrivalFact, Facts
from wharf.timeliness.learned import ALL, Usual
from wharf.timeliness.points import ClockPoints
from wharf.timeliness.states import evaluate
from wharf.timeliness.telling import tell_late
from wharf.watch.learn import learn_feeds, past_of
from wharf.watch.suggested import creep_lines, suggestions

HOUR = timedelta(hours=1)
OPENS = DAY + 6 * HOUR
POINTS = ClockPoints(OPENS, DAY + 12 * HOUR, DAY + 12 * HOUR, DAY + 13 * HOUR, DAY + 24 * HOUR)


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    return Harbour(tmp_path)


def remember(harbour: Harbour, count: int = 20, late: float = 0) -> None:
    """Hand in past days, each delivered 65 minutes after its opening."""
    rows = []
    for number in range(1, count + 1):
        day = DAY - timedelta(days=number)
        after = timedelta(minutes=65 + late * (number <= 5), seconds=number)
        rows.append(Imported("acme.prices", f"{day:%Y-%m-%d}", day + 6 * HOUR + after))
    with harbour.place.ledger.write() as tx:
        past_arrivals.import_past(tx, rows)
    learn_feeds(harbour.place.ledger, harbour.promises, ["acme.prices"], harbour.now)


def look_and_tick(harbour: Harbour, at: datetime) -> None:
    harbour.now = at
    with harbour.place.ledger.write() as tx:
        arrivals.append_poll(tx, Poll("acme_inbox", at, ok=True))
    harbour.tick()


def timeliness(harbour: Harbour) -> str:
    with harbour.place.ledger.read() as tx:
        row = expected.find_expected(tx, "acme.prices", harbour.day)
    assert row is not None
    return row.timeliness


def usual(harbour: Harbour) -> Usual | None:
    with harbour.place.ledger.read() as tx:
        return learned.usual_of(tx, "acme.prices")


def test_the_usual_time_past_makes_a_row_at_risk_and_tells_nobody(harbour: Harbour) -> None:
    remember(harbour)
    seen = []
    for minutes in (1, 60, 70, 359, 361):
        look_and_tick(harbour, OPENS + timedelta(minutes=minutes))
        seen.append((timeliness(harbour), len(harbour.incidents())))
    assert seen == [("DUE", 0), ("DUE", 0), ("AT_RISK", 0), ("AT_RISK", 0), ("LATE", 1)]
    with harbour.place.ledger.read() as tx:
        row = expected.find_expected(tx, "acme.prices", harbour.day)
        assert row is not None
        [at_risk] = [e for e in expected.events_of(tx, row.id) if e.is_["timeliness"] == "AT_RISK"]
    assert "later than usual (2026-11-20 07:05 UTC), due 2026-11-20 12:00" in at_risk.why
    assert harbour.incidents()[0].opened_at == DAY + 12 * HOUR, "due, as without learning"


def test_a_contract_may_forbid_the_warning(harbour: Harbour) -> None:
    harbour.write_contract(CONTRACT + "learned: {use_for: [eta]}\n")
    remember(harbour)
    look_and_tick(harbour, OPENS + timedelta(minutes=1))
    look_and_tick(harbour, OPENS + timedelta(minutes=90))
    assert timeliness(harbour) == "DUE"


def deliver_days(harbour: Harbour, count: int, *, looks: bool = True) -> None:
    """Days on which the file comes 30 minutes after opening, looked for each minute around it."""
    for number in range(count):
        day = DAY - timedelta(days=4 - number)
        harbour.day = f"{day:%Y-%m-%d}"
        look_and_tick(harbour, day + 6 * HOUR + timedelta(seconds=30))
        if looks:
            look_and_tick(harbour, day + 6 * HOUR + timedelta(minutes=29))
        harbour.now = day + 6 * HOUR + timedelta(minutes=30)
        harbour.deliver(GOOD, f"prices_{day:%Y%m%d}.csv")
        harbour.look()
        harbour.tick()


def test_a_tick_learns_from_deliveries_as_they_are_decided(harbour: Harbour) -> None:
    harbour.write_contract(CONTRACT + "learned: {window: 3, min_n: 2}\n")
    deliver_days(harbour, 1)
    assert usual(harbour) is None
    deliver_days(harbour, 3)
    assert usual(harbour) == Usual(3, -5.5 * HOUR, -5.5 * HOUR, timedelta(0))


def test_what_came_while_nobody_looked_teaches_nothing(harbour: Harbour) -> None:
    harbour.write_contract(CONTRACT + "learned: {window: 3, min_n: 2}\n")
    deliver_days(harbour, 4, looks=False)
    assert usual(harbour) is None
    with harbour.place.ledger.read() as tx:
        past = past_of(tx, harbour.promises.project, harbour.feed)
    assert {each.not_usual_because for each in past} == {
        "nobody looked at the source for a while before"
    }


def test_history_taken_in_at_the_first_look_teaches_nothing(harbour: Harbour) -> None:
    harbour.write_contract(CONTRACT + "learned: {window: 3, min_n: 2}\n")
    for number in range(4):
        harbour.deliver(GOOD, f"prices_202611{16 + number}.csv")
    harbour.now = DAY + 7 * HOUR
    for number in range(4):
        harbour.day = f"2026-11-{16 + number}"
        harbour.look()
    harbour.tick()
    assert timeliness(harbour) == "LATE_ARRIVED"
    assert usual(harbour) is None


def test_a_waived_period_teaches_nothing(harbour: Harbour) -> None:
    harbour.write_contract(CONTRACT + "learned: {window: 3, min_n: 2}\n")
    harbour.day = "2026-11-16"
    waived = Decision(
        "acme.prices", harbour.day, "waive", DAY, "jo@example.org", "a strike", DAY - 120 * HOUR
    )
    look_and_tick(harbour, DAY - 90 * HOUR)
    with harbour.place.ledger.write() as tx:
        decisions.record_decision(tx, waived)
    deliver_days(harbour, 2)
    harbour.now = DAY + HOUR
    harbour.tick()
    assert usual(harbour) is None


def test_learning_again_with_nothing_new_changes_nothing(harbour: Harbour) -> None:
    harbour.write_contract(CONTRACT + "learned: {window: 3, min_n: 2}\n")
    deliver_days(harbour, 3)
    before = usual(harbour)
    for _ in range(3):
        harbour.tick()
    assert usual(harbour) == before


def test_a_contract_that_is_due_at_another_time_keeps_its_past(harbour: Harbour) -> None:
    remember(harbour)
    first = learn_feeds(harbour.place.ledger, harbour.promises, ["acme.prices"], harbour.now)
    harbour.write_contract(CONTRACT.replace("T+0 12:00", "T+0 11:00"))
    again = learn_feeds(harbour.place.ledger, harbour.promises, ["acme.prices"], harbour.now)
    assert again["acme.prices"][ALL].p50 == first["acme.prices"][ALL].p50 + HOUR


def test_creep_is_one_line_of_a_digest(harbour: Harbour) -> None:
    remember(harbour, 40, late=30)
    with harbour.place.ledger.read() as tx:
        lines = creep_lines(tx, harbour.promises, harbour.now)
        assert creep_lines(tx, harbour.promises, harbour.now + timedelta(days=60)) == {}
    assert (
        lines["acme.prices"] == "acme.prices comes 30 min later than it used to, since 2026-11-15"
    )
    harbour.tick()
    assert harbour.incidents() == []


def test_the_past_in_the_ledger_speaks_for_another_deadline(harbour: Harbour) -> None:
    remember(harbour)
    with harbour.place.ledger.read() as tx:
        found = suggestions(tx, harbour.promises, ["acme.prices"])
    [line] = found.sentences()
    assert line.startswith("acme.prices: tighten due T+0 12:00 to T+0 07:15: 100% in time")


def test_imports_make_no_row_no_incident_and_no_message(harbour: Harbour) -> None:
    rows = [Imported("acme.prices", f"2026-11-{day}", DAY + 9 * HOUR) for day in range(10, 21)]
    with harbour.place.ledger.write() as tx:
        past_arrivals.import_past(tx, rows)
    harbour.now = DAY + 5 * HOUR
    harbour.tick()
    assert harbour.incidents() == []
    assert harbour.messages() == []
    assert timeliness(harbour) == "SCHEDULED", "an import is no arrival"


moments = st.integers(0, 60 * 60).map(lambda minutes: OPENS - 2 * HOUR + timedelta(minutes=minutes))


@given(moments, moments, st.none() | moments)
def test_learning_changes_nothing_but_whether_a_row_is_at_risk(
    usual_by: datetime, now: datetime, came: datetime | None
) -> None:
    file = ArrivalFact(1, "", "a.csv", 9, None, came) if came else None
    known = Facts(POINTS, arrivals=(file,) if file else ())
    without, taught = evaluate(known, now), evaluate(replace(known, usual_by=usual_by), now)
    assert (taught.due_at, taught.late_at, taught.late_by) == (
        without.due_at, without.late_at, without.late_by,
    )  # fmt: skip
    if taught.timeliness != without.timeliness:
        assert (without.timeliness, taught.timeliness) == ("DUE", "AT_RISK")
    told = [tell_late("acme.prices", "p", POINTS, state, "UTC") for state in (without, taught)]
    assert told[0] == told[1]


def test_a_row_knows_the_kind_of_day_it_is_for(harbour: Harbour) -> None:
    harbour.now = datetime(2026, 11, 30, tzinfo=UTC)
    harbour.tick()
    with harbour.place.ledger.read() as tx:
        rows = {row.period: row.stratum for row in expected.expected_of(tx, "acme.prices")}
    assert rows["2026-11-30"] == "monday last"
    assert rows["2026-11-29"] == "weekend"
    assert date.fromisoformat("2026-11-29").weekday() == 6
