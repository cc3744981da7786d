"""`make real`: real deliveries, each through the whole way, beside what an oracle says of it.

Nothing that is made stays: each process works in a folder of its own, which goes at its end.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

import replay_data
from replay_data import SETS, Delivered, DeliverySet
from replay_oracle import Figures, Judge
from replay_world import Became, Replay

EVERY = 100
"""Deliveries between two lines of progress."""
SAMPLE = 20
"""One batch of so many is compared with its file value by value; all are counted."""


@dataclass
class Outcome:
    """What one process found."""

    name: str
    figures: Figures = field(default_factory=Figures)
    mismatches: list[str] = field(default_factory=list)
    deliveries: int = 0
    delivered_bytes: int = 0
    disk_bytes: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    memory: int = 0
    spent: dict[str, float] = field(default_factory=dict)


def shards(wanted: Sequence[Delivered], count: int) -> list[list[Delivered]]:
    """Share deliveries out by feed, so that each share takes about as long."""
    weights: Counter[str] = Counter()
    for each in wanted:
        weights[each.feed] += 1 + int(each.facts.get("size") or 0) // 100_000
    loads, of = [0] * count, dict[str, int]()
    for feed, weight in weights.most_common():
        of[feed] = loads.index(min(loads))
        loads[of[feed]] += weight
    found: list[list[Delivered]] = [[] for _ in range(count)]
    for each in wanted:
        found[of[each.feed]].append(each)
    return [each for each in found if each]


def play(name: str, of: DeliverySet, wanted: Sequence[Delivered], until: float) -> Outcome:
    """Replay some deliveries in this process, and judge each.

    Args:
        name: Of this share, for its lines of progress.
        of: The set they belong to.
        wanted: The deliveries.
        until: When to stop before the end, on the clock of `time.time`.
    """
    data = replay_data.data_folder()
    assert data is not None
    root = Path(tempfile.mkdtemp(prefix="wharf-replay-"))
    done = Outcome(name)
    try:
        of.unpack(data, wanted, root / "payload")
        replay = Replay(root, replay_data.PROJECT)
        judge = Judge(replay, root / "payload" / of.name)
        started, cpu = time.monotonic(), time.process_time()

        def told(became: Became) -> None:
            known = len(judge.mismatches)
            judge.judge(became)
            for each in judge.mismatches[known:]:
                print(f"{name}: {each}", file=sys.stderr, flush=True)
            done.deliveries += 1
            done.delivered_bytes += int(became.given.facts.get("size") or 0)
            if done.deliveries % EVERY == 0 or done.deliveries == len(wanted):
                each = (time.monotonic() - started) / done.deliveries
                mismatches = len(judge.mismatches)
                print(
                    f"{name}: {done.deliveries:,} of {len(wanted):,} deliveries, "
                    f"{each * 1000:.0f} ms each, {mismatches} mismatches",
                    flush=True,
                )
            if time.time() > until:
                raise TimeoutError

        try:
            replay.play(wanted, root / "payload", of, told=told)
        except TimeoutError:
            print(f"{name}: stopped after {done.deliveries:,} deliveries: its time is up")
        done.wall, done.cpu = time.monotonic() - started, time.process_time() - cpu
        judge.mismatches += lost_versions(judge, replay.became)
        done.disk_bytes = sum(each.stat().st_size for each in (root / "home").rglob("*.*"))
        done.figures, done.mismatches, done.spent = judge.figures, judge.mismatches, replay.spent
    finally:
        shutil.rmtree(root, ignore_errors=True)
    done.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return done


def lost_versions(judge: Judge, became: Sequence[Became]) -> Iterator[str]:
    """Versions whose rows can no longer be read by their batch: all counted, some by value."""
    loaded = [each for each in became if each.end == "loaded"]
    for number, each in enumerate(loaded):
        judge.figures.ours["versions read again"] += 1
        by_value = number % SAMPLE == 0 or (each.delivery and each.delivery.reverts_to)
        judge.figures.ours["of them value by value"] += bool(by_value)
        told = judge.lost(each) if by_value else judge.miscounted(each)
        for text in told:
            judge.figures.ours["versions lost"] += 1
            yield f"{each.given.feed} version {each.given.version}: {text}"
    judge.figures.ours["versions lost"] += 0


def show(outcomes: Sequence[Outcome]) -> None:
    """Print the figures of all processes together, beside the oracle's."""
    console = Console()
    total = Figures()
    for each in outcomes:
        total.ours.update(each.figures.ours)
        total.oracle.update(each.figures.oracle)
    table = Table("figure", "wharf", "oracle")
    for line in total.lines():
        table.add_row(*line)
    console.print(table)
    costs = Table("process", "deliveries", "wall s", "CPU s", "CPU ms each", "memory MB", "disk")
    for each in outcomes:
        costs.add_row(
            each.name,
            f"{each.deliveries:,}",
            f"{each.wall:,.0f}",
            f"{each.cpu:,.0f}",
            f"{each.cpu / max(each.deliveries, 1) * 1000:.0f}",
            f"{each.memory / 2**20:,.0f}",
            f"{each.disk_bytes / max(each.delivered_bytes, 1):.2f} bytes a byte",
        )
    console.print(costs)
    spent: Counter[str] = Counter()
    for each in outcomes:
        spent.update(each.spent)
    console.print("CPU s: " + ", ".join(f"{name} {s:,.0f}" for name, s in spent.most_common()))


def main() -> int:
    """Read the arguments, replay in as many processes as there are cores, print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", choices=[each.name for each in SETS], help="only this one")
    parser.add_argument("--first", type=int, help="only so many deliveries of each set")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--minutes", type=float, default=600.0, help="stop after so long")
    given = parser.parse_args()
    data = replay_data.data_folder()
    if data is None:
        print("skipped: no real data; WHARF_REAL_DATA says where it lies")
        return 0
    until = time.time() + given.minutes * 60
    jobs = [
        (f"{of.name} {number}", of, share, until)
        for of in SETS
        if given.set in {None, of.name}
        for number, share in enumerate(
            shards(of.replayable(data)[: given.first], given.workers), start=1
        )
    ]
    context = multiprocessing.get_context("spawn")
    with context.Pool(given.workers) as pool:
        outcomes = pool.starmap(play, jobs, chunksize=1)
    show(outcomes)
    told = [text for each in outcomes for text in each.mismatches]
    for text in told[:100]:
        print(text, file=sys.stderr)
    print(f"{len(told)} claims do not hold" if told else "every claim holds")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
