"""What is learned from two real pasts: 46 suppliers with weekly rounds, 174 files made daily."""

from __future__ import annotations

import csv
import gzip
import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from wharf.contracts import Period, Terms
from wharf.timeliness.calendars import open_days
from wharf.timeliness.creep import creep
from wharf.timeliness.learned import ALL, PastArrival, describe, eligible, learn, stratum_of
from wharf.timeliness.points import clock_points
from wharf.timeliness.suggest import Came, History, Suggestions, suggest

DATA = Path(os.environ.get("WHARF_REAL_DATA") or Path(__file__).parents[4] / "shared/data")
ROUNDS = DATA / "deliveries/flusight_46_suppliers/deliveries.csv.gz"
DAILY = DATA / "deliveries/nyc_health_snapshots/deliveries.csv.gz"
DAYS = open_days(None)
NEW_YORK = "America/New_York"

pytestmark = pytest.mark.skipif(not ROUNDS.exists(), reason=f"no real deliveries at {DATA}")


def terms(
    due: str, opens: str = "T-7d 00:00", cutoff: str = "T+6d 23:00", since: str = ""
) -> Terms:
    given = {"tz": NEW_YORK, "opens": opens, "due": due, "cutoff": cutoff}
    return Terms.model_validate({**given, **({"from": since} if since else {})})


def log(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt") as file:
        yield from csv.DictReader(file)


def first_versions(column: str) -> dict[str, dict[Period, list[datetime]]]:
    """When each supplier's file of a round came, all its versions, empty ones left out."""
    found: dict[str, dict[Period, list[datetime]]] = defaultdict(dict)
    for row in log(ROUNDS):
        if row["status"] != "D" and int(row["size"] or 0):
            week = Period.containing("week", date.fromisoformat(row["data_date"]))
            found[row["feed"]].setdefault(week, []).append(datetime.fromisoformat(row[column]))
    return found


def weeks(came: dict[Period, list[datetime]]) -> list[PastArrival]:
    found = []
    for week, times in came.items():
        points = clock_points(terms("T+0 23:00"), week, DAYS)
        restated = len(times) > 1
        found.append(
            PastArrival(
                week.key, week.first, points.due_at, points.cutoff_at, min(times),
                stratum_of(week, DAYS), restated,
            )
        )  # fmt: skip
    return found


def assert_as_numpy(known: list[PastArrival]) -> None:
    """What is learned of the whole feed is what numpy makes of the eligible deliveries."""
    values = [each.after_due.total_seconds() for each in eligible(known)[-60:]]
    usual = learn(known).get(ALL)
    assert (usual is None) is (len(values) < 14)
    if usual is not None:
        assert usual.n == len(values)
        assert usual.p50.total_seconds() == pytest.approx(np.percentile(values, 50), abs=1e-3)
        assert usual.p95.total_seconds() == pytest.approx(np.percentile(values, 95), abs=1e-3)


def test_the_weekly_rounds_are_learned_as_numpy_would() -> None:
    pasts = [weeks(came) for came in first_versions("arrived_utc").values()]
    for known in pasts:
        assert_as_numpy(known)
    assert sum(ALL in learn(known) for known in pasts) > 30


def test_rounds_come_on_tuesday_morning_and_later_from_january_2023_on() -> None:
    known = weeks(first_versions("arrived_utc")["CMU-TimeSeries"])
    before = [each for each in known if each.first < date(2022, 12, 1)]
    due = datetime(2022, 11, 22, 4, tzinfo=UTC)
    assert describe(learn(before)[ALL], due, NEW_YORK).startswith("usually by Tue 10:")
    assert creep(before) is None
    moved = creep(known)
    assert moved is not None
    assert timedelta(hours=20) < moved.moved < timedelta(hours=28), "due a day later since 2023-W02"


def suggestions(column: str, *dated: Terms) -> Suggestions:
    histories = []
    for feed, found in first_versions(column).items():
        came, week = [], min(found)
        while week <= max(found):
            [*_, now] = [each for each in dated if _holds(each, week)]
            due = clock_points(now, week, DAYS).due_at
            came.append(Came(week, due, min(found[week]) if week in found else None))
            week = week.next()
        histories.append(History(feed, dated[-1], DAYS, tuple(came)))
    return suggest(histories)


def _holds(one: Terms, week: Period) -> bool:
    return one.from_ is None or Period.parse("week", one.from_).first <= week.first


def test_the_summer_without_rounds_and_the_week_after_are_proposed_as_closed() -> None:
    found = suggestions("submitted_utc", terms("T+0 23:00"))
    assert [(each.first, each.last) for each in found.seasons] == [
        (date(2022, 6, 27), date(2022, 10, 2)),
        (date(2022, 10, 10), date(2022, 10, 16)),
    ]


def test_public_holidays_show_as_days_of_many_late_rounds() -> None:
    found = suggestions("submitted_utc", terms("T+0 23:00"), terms("T+1d 23:00", since="2023-W02"))
    days = {each.day for each in found.holidays}
    memorial, christmas, new_year = date(2022, 5, 30), date(2022, 12, 26), date(2023, 1, 2)
    assert {memorial, christmas, new_year} <= days
    assert len(days) < 6
    together = next(each for each in found.holidays if each.day == memorial)
    assert str(together) == "holiday on Mon 2022-05-30? 16 of 26 feeds were late"


def test_the_deadline_the_rounds_were_promised_by_since_2023_is_proposed() -> None:
    agreed = terms("T+1d 23:00", since="2023-W02")
    found = suggestions("submitted_utc", terms("T+0 23:00"), agreed)
    kept = [each for each in found.terms.values() if each.kept >= 0.9]
    assert len(kept) > 0.75 * len(found.terms), "under the terms agreed most keep their word"
    assert sum(each.verdict == "loosen" for each in found.terms.values()) < 6
    strict = suggestions("submitted_utc", terms("T+0 23:00"), terms("T+0 23:00", since="2023-W02"))
    [(feeds, proposal)] = strict.shared
    assert feeds == 46
    assert proposal.verdict == "loosen"
    assert str(proposal.proposed).startswith(("T+1d 2", "T+2d 0")), str(proposal)
    assert proposal.kept < 0.3


def daily() -> dict[str, list[PastArrival]]:
    """The first version of each file of a local day, and whether another followed."""
    times: dict[str, dict[date, list[datetime]]] = defaultdict(lambda: defaultdict(list))
    promise = terms("T+0 12:00", "T+0 00:00", "T+1d 12:00")
    for row in log(DAILY):
        if row["status"] != "D":
            at = datetime.fromisoformat(row["arrived_utc"])
            local = at.astimezone(ZoneInfo(NEW_YORK))
            times[row["path"]][local.date()].append(at)
    found: dict[str, list[PastArrival]] = {}
    for path, by_day in times.items():
        for day, versions in by_day.items():
            period = Period.containing("day", day)
            points = clock_points(promise, period, DAYS)
            found.setdefault(path, []).append(
                PastArrival(
                    period.key, day, points.due_at, points.cutoff_at, min(versions),
                    stratum_of(period, DAYS), len(versions) > 1,
                )
            )  # fmt: skip
    return found


def test_files_made_daily_are_learned_as_numpy_would_though_many_are_restated() -> None:
    pasts = daily()
    for known in pasts.values():
        assert_as_numpy(known)
    assert sum(ALL in learn(known) for known in pasts.values()) > 60


def test_files_made_daily_come_at_their_usual_time() -> None:
    known = daily()["trends/data-by-day.csv"]
    usual = learn(known)[ALL]
    late = sum(each.after_due > usual.p95 for each in eligible(known)[-60:])
    assert usual.n == 60
    assert late == 3, "one in twenty comes after p95"
