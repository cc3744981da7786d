"""`wharf rehearse` on 46 suppliers and 56 weekly rounds of real deliveries, beside its oracle.

The contracts are generated from what is known of the rounds; the data is never copied here.
"""

from __future__ import annotations

import csv
import gzip
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

DATA = Path(os.environ.get("WHARF_REAL_DATA") or Path(__file__).parents[3] / "shared/data")
LOG = DATA / "deliveries/flusight_46_suppliers/deliveries.csv.gz"
ORACLE = DATA / "expected/flusight_late.csv"
CALENDAR = """
calendar: rounds
closed:
  - {from: 2022-06-27, until: 2022-10-02, why: off-season}
  - {from: 2022-10-10, until: 2022-10-16, why: off-season}
"""
CONTRACT = """
feed: {feed}
active: {{from: {first}, until: {last}}}
table: raw.{supplier}
supplier: {{id: {supplier}}}
source:
  {{kind: local, connection: {supplier}, path: "data-forecasts/{folder}/{{period:%Y-%m-%d}}-*.csv",
   absence: withdrawn}}
format: {{kind: csv}}
columns: {{target: {{type: string}}}}
period: {{kind: week, calendar: rounds}}
timeliness:
  - {{tz: America/New_York, opens: "T-7d 00:00", due: "T+0 23:00", cutoff: "T+6d 23:00"}}
  - {{from: "2023-W02", tz: America/New_York, opens: "T-7d 00:00", due: "T+1d 23:00",
     cutoff: "T+6d 23:00"}}
"""
pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not LOG.exists(), reason=f"the real deliveries are not at {DATA}"),
]
Row = Mapping[str, str]


def feed_of(name: str) -> str:
    return f"{re.sub('[^a-z0-9]+', '_', name.lower())}.forecasts"


def week_of(day: str) -> str:
    return f"{date.fromisoformat(day):%G-W%V}"


def instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def write_contracts(log: list[Row], folder: Path) -> None:
    """A folder of 46 contracts and their calendar, each in force from its first to last round."""
    (folder / "calendars").mkdir(parents=True)
    (folder / "calendars/rounds.yaml").write_text(CALENDAR)
    rounds: dict[str, set[str]] = defaultdict(set)
    for row in log:
        rounds[row["feed"]].add(row["data_date"])
    for name, days in rounds.items():
        feed = feed_of(name)
        supplier = feed.partition(".")[0]
        (folder / f"{supplier}.yaml").write_text(
            CONTRACT.format(
                feed=feed, supplier=supplier, folder=name,
                first=week_of(min(days)), last=week_of(max(days)),
            )
        )  # fmt: skip


def write_arrivals(log: list[Row], path: Path) -> None:
    columns = ("feed", "period", "file", "submitted_utc", "arrived_utc", "status", "bytes")
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in log:
            known = (row["data_date"], row["path"], row["submitted_utc"], row["arrived_utc"])
            writer.writerow([feed_of(row["feed"]), *known, row["status"], row["size"]])


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `wharf rehearse`, as a process of its own, makes of the log."""
    root = tmp_path_factory.mktemp("rounds")
    with gzip.open(LOG, "rt") as file:
        log: list[Row] = list(csv.DictReader(file))
    write_contracts(log, root / "feeds")
    write_arrivals(log, root / "arrivals.csv")
    command = [sys.executable, "-c", "from wharf.cli.main import main; main()", "rehearse"]
    asked = {"feeds": "feeds", "arrivals": "arrivals.csv", "until": "2023-07-01", "out": "out"}
    options = [text for name, value in asked.items() for text in (f"--{name}", value)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "WHARF_HOME": "home"}
    done = subprocess.run(
        [*command, *options, "--suggest"],
        cwd=root, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (root / "out/said.txt").write_text(done.stdout)
    return root / "out"


def rows_of(path: Path) -> list[Row]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def compared() -> Iterator[tuple[tuple[str, str], Row]]:
    for row in rows_of(ORACLE):
        yield (feed_of(row["supplier"]), week_of(row["round_date"])), row


def test_every_row_is_late_exactly_where_the_oracle_says(rehearsed: Path) -> None:
    rows = {(r["feed"], r["period"]): r for r in rows_of(rehearsed / "expected_deliveries.csv")}
    oracle = dict(compared())
    assert len(oracle) == 1323
    for key, told in oracle.items():
        row = rows.pop(key)
        assert instant(row["due_utc"]) == instant(f"{told['due_utc']}+00:00")
        assert row["late_by_submission"] == told["late_submitted"]
        assert row["late_by_arrival"] == told["late_arrived"]
        assert row["late_by_submitted_s"] == told["submitted_minus_due_s"]
        assert row["versions"] == told["versions"]
        assert row["withdrawals"] == told["withdrawals"]
    assert Counter(row["state"] for row in rows.values()) == {"MISSING": 104, "NOT_EXPECTED": 240}


def test_the_totals_are_those_of_the_oracle(rehearsed: Path) -> None:
    rows = rows_of(rehearsed / "expected_deliveries.csv")
    assert sum(row["late_by_submission"] == "1" for row in rows) == 155
    assert sum(row["late_by_arrival"] == "1" for row in rows) == 1237
    assert sum(row["state"] != "NOT_EXPECTED" for row in rows) == 1427
    assert rows_of(rehearsed / "not_counted.csv") == []
    said = (rehearsed / "said.txt").read_text()
    assert "expected  1,427: 86 on time, 1,237 came late, 104 missing, 0 not decided" in said


def test_each_late_delivery_was_told_once_and_its_end_once(rehearsed: Path) -> None:
    steps = [r for r in rows_of(rehearsed / "transitions.csv") if r["kind"] == "late"]
    lives: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in steps:
        if row["action"] in {"open", "resolve"}:
            lives[row["feed"], row["period"]].append(row["action"])
    assert len(lives) == 1237 + 104
    assert Counter(map(tuple, lives.values())) == {("open", "resolve"): 1237, ("open",): 104}
    keys = [row["key"] for row in rows_of(rehearsed / "notifications.csv")]
    assert len(set(keys)) == len(keys)
