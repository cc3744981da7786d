"""46 suppliers and 56 weekly rounds of real deliveries, judged against an independent oracle."""

from __future__ import annotations

import csv
import gzip
import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from wharf.contracts import Calendar, Period, Terms
from wharf.timeliness.calendars import open_days
from wharf.timeliness.facts import ArrivalFact, Facts, State
from wharf.timeliness.points import clock_points
from wharf.timeliness.states import evaluate

DATA = Path(os.environ.get("WHARF_REAL_DATA") or Path(__file__).parents[4] / "shared/data")
LOG = DATA / "deliveries/flusight_46_suppliers/deliveries.csv.gz"
ORACLE = DATA / "expected/flusight_late.csv"
LONG_AFTER = datetime(2024, 1, 1, tzinfo=UTC)
OFF_SEASON = open_days(
    Calendar.model_validate(
        {
            "calendar": "rounds",
            "closed": [
                {"from": "2022-06-27", "until": "2022-10-02"},
                {"from": "2022-10-10", "until": "2022-10-16"},
            ],
        }
    )
)


def terms(due: str) -> Terms:
    return Terms.model_validate(
        {"tz": "America/New_York", "opens": "T-7d 00:00", "due": due, "cutoff": "T+6d 23:00"}
    )


def instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def week_of(day: str) -> Period:
    return Period.containing("week", date.fromisoformat(day))


def replayed() -> Iterator[tuple[str, Period, State]]:
    with gzip.open(LOG, "rt") as log:
        rows = list(csv.DictReader(log))
    facts: dict[str, dict[Period, list[ArrivalFact]]] = defaultdict(lambda: defaultdict(list))
    for seq, row in enumerate(rows):
        first_seen = instant(row["arrived_utc"])
        assert first_seen is not None
        facts[row["feed"]][week_of(row["data_date"])].append(
            ArrivalFact(
                seq=seq,
                part="",
                path=row["path"],
                size=int(row["size"] or 0),
                source_ts=instant(row["submitted_utc"]),
                first_seen=first_seen,
                withdrawn=row["status"] == "D",
            )
        )
    for feed, weeks in facts.items():
        week = min(weeks)
        while week <= max(weeks):
            if OFF_SEASON.any_open(week.first, week.last):
                due = "T+0 23:00" if week.first < date(2023, 1, 9) else "T+1d 23:00"
                points = clock_points(terms(due), week, OFF_SEASON)
                given = Facts(points=points, arrivals=tuple(weeks.get(week, ())))
                yield feed, week, evaluate(given, LONG_AFTER)
            week = week.next()


@pytest.mark.skipif(not LOG.exists(), reason=f"the real deliveries are not at {DATA}")
def test_real_deliveries_are_late_exactly_where_the_oracle_says() -> None:
    with ORACLE.open() as file:
        oracle = {(r["supplier"], week_of(r["round_date"])): r for r in csv.DictReader(file)}
    missing = 0
    for feed, week, state in replayed():
        told = oracle.pop((feed, week), None)
        if told is None:
            missing += 1
            assert state.timeliness == "MISSING"
            continue
        assert state.late_by_submission is not None
        assert state.late_by_arrival is not None
        assert state.due_at == instant(told["due_utc"])
        assert state.late_by_submission == timedelta(seconds=int(told["submitted_minus_due_s"]))
        assert state.late_by_submission > timedelta(0) or told["late_submitted"] == "0"
        assert (state.late_by_arrival > timedelta(0)) is (told["late_arrived"] == "1")
    assert missing == 104
    assert not oracle, "every delivery of the oracle was judged"
