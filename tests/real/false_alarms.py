"""How often findings of our own speak: every version of the health tables, held against its past.

    .venv/bin/python tests/real/false_alarms.py [--last N] [TABLE...]

Each delivery is one batch of its day; it counts where at least seven earlier days are known. Prints
a line for each table and what was said most; the rate is that of deliveries with a finding.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[1]))

from replay_data import HEALTH, PROJECT, Delivered, data_folder

from wharf.contracts import Feed, Period
from wharf.contracts.project import load_feeds
from wharf.contracts.quality import Quality
from wharf.ledger.audits import KEPT_IN_MIND
from wharf.quality.engines import columns_in, quoted
from wharf.quality.profiles import Profile, profile_batch
from wharf.quality.usual import Odd, Past, odd_things
from wharf.reading.casts import Spelling, cast_text, cleaned


@dataclass
class Told:
    """What came of one table."""

    deliveries: int = 0
    judged: int = 0
    spoke: int = 0
    days: set[date] = field(default_factory=set)
    said: Counter[str] = field(default_factory=Counter)


def judge(feed: Feed, versions: Sequence[Delivered], folder: Path, rules: Quality) -> Told:
    """Hold every version of a table against those before it."""
    told, past = Told(), list[Past]()
    for each in tqdm(versions, feed.feed, leave=False):
        profile = profiled(feed, folder / HEALTH.name / each.payload)
        if profile is None:
            continue
        told.deliveries += 1
        period = Period.find("day", each.arrived.date().isoformat())
        if len({one.period for one in past if one.period < period}) >= rules.min_history:
            told.judged += 1
            odd: list[Odd] = odd_things(profile, period, past, rules)
            told.spoke += bool(odd)
            told.days |= {each.arrived.date()} if odd else set()
            told.said.update({f"{one.kind} {one.column}".strip() for one in odd})
        past = [*past, Past(period, profile)][-KEPT_IN_MIND:]
    return told


def profiled(feed: Feed, file: Path) -> Profile | None:
    """A file in figures, its cells cast by the contract; None where it is not that table."""
    with duckdb.connect() as connection:
        try:
            rows = connection.read_csv(str(file), all_varchar=True, header=True, sep=",")
        except duckdb.Error:
            return None
        asked = list(columns(feed, rows.columns))
        if len(asked) * 2 < len(feed.columns):
            return None
        rows.create("cells")
        connection.execute(f"CREATE VIEW batch AS SELECT {', '.join(asked)} FROM cells")
        kinds = columns_in(connection)
        [(count,)] = connection.execute("SELECT count(*) FROM batch").fetchall()
        return profile_batch(connection, kinds, rows=count)


def columns(feed: Feed, found: Sequence[str]) -> Iterator[str]:
    """The contract's columns that a file has, cast as a reading casts them."""
    there = {name.strip().lower(): name for name in found}
    spelling = Spelling.of(feed.format)
    for name, column in feed.columns.items():
        own = next((there[one.lower()] for one in (name, *column.spellings)
                    if one.lower() in there), None)  # fmt: skip
        if own is not None:
            value = cast_text(cleaned(quoted(own), column, spelling), column, spelling)
            yield f"{value} AS {quoted(name)}"


def main() -> None:
    """Judge the tables and print what came of it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("tables", nargs="*", help="such as root_by_age; all by default")
    asked.add_argument("--last", type=int, help="So many versions of each table; all by default.")
    options = asked.parse_args()
    data = data_folder()
    if data is None:
        sys.exit("the real deliveries are not here; set WHARF_REAL_DATA")
    feeds = load_feeds(PROJECT).feeds
    log = [each for each in HEALTH.log(data) if each.payload]
    wanted = {f"nyc_health.{name}" for name in options.tables} or {each.feed for each in log}
    every, rules = Told(), Quality()
    with tempfile.TemporaryDirectory() as folder:
        mine = {
            name: [each for each in log if each.feed == name][-(options.last or len(log)) :]
            for name in sorted(wanted)
        }
        HEALTH.unpack(data, [each for some in mine.values() for each in some], Path(folder))
        for name, versions in mine.items():
            told = judge(feeds[name], versions, Path(folder), rules)
            most = ", ".join(f"{what} {count}" for what, count in told.said.most_common(3))
            print(line(name, told), most, flush=True)
            every.deliveries += told.deliveries
            every.judged += told.judged
            every.spoke += told.spoke
    print(line("all", every))


def line(name: str, told: Told) -> str:
    """One table in figures."""
    share = told.spoke / told.judged if told.judged else 0.0
    return f"{name:45} {told.deliveries:6,} {told.judged:6,} {told.spoke:4,} {share:6.2%}"


if __name__ == "__main__":
    main()
