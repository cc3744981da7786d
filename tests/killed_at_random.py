"""Processes killed by `kill -9` at random times and at every named point, and what is left then.

Each killed process is followed by a plain retry, which may be killed as well, until the day is
done; after each kill a reader looks at every period.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count, cycle

from killed_cycle import READ, TASKS, Cycle, live
from killed_readers import Seen, leftovers, seen_by_iceberg, seen_by_wharf, told, whole
from killed_world import Point
from lake_world import child_context

MAX_DAYS = 6
"""Days before a fresh installation is taken, so that first publishes are killed as well."""
LAKE, BATCHES = "wharf.lake.lake:Lake", "wharf.batches.batches:Batches"
POINTS = [
    (where, when)
    for where in (
        "wharf.sources.local:LocalFolder.fetch",
        "wharf.lake.storage:_copy",
        "wharf.lake.storage:sync_folder",
        "wharf.lake.landing:Landing.store",
        "wharf.ledger.deliveries:record_delivery",
        "wharf.intake:land_delivery",
        "wharf.lake.landing:Landing.fetch",
        "wharf.intake:plan_reading",
        "wharf.intake:write_plan",
        f"{LAKE}.put",
        f"{LAKE}.write_batch",
        "wharf.ledger.batches:record_batch",
        f"{BATCHES}.stage",
        "wharf.intake:stage_batch",
        f"{LAKE}.check",
        "wharf.quality:audit",
        "wharf.ledger.batches:set_status",
        f"{BATCHES}.audited",
        "wharf.lake.publisher:find_table",
        "wharf.batches.batches:follow",
        "wharf.lake.commit:data_file",
        "pyiceberg.manifest:ManifestWriter.to_manifest_file",
        "wharf.lake.catalog:LakeCatalog._write_metadata",
        "pyiceberg.catalog.sql:SqlCatalog.commit_table",
        f"{LAKE}.publish",
        "wharf.ledger.batches:record_publish",
        f"{BATCHES}.publish",
        f"{BATCHES}.rollback",
    )
    for when in ("before", "after")
]


@dataclass
class Figures:
    """What a series of kills came to."""

    kills: Counter[str] = field(default_factory=Counter)
    """By the step that was killed."""
    named: int = 0
    torn: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """Publishes that were acknowledged, and that readers did not see after a kill."""
    unacknowledged: int = 0
    recovered: int = 0
    differ: list[str] = field(default_factory=list)
    """Days that ended in another state than an undisturbed one."""
    failed: list[str] = field(default_factory=list)
    """Retries that ended with an error."""
    days: int = 0
    left: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return sum(self.kills.values())


def kill_at_random(
    new_place: Callable[[], Cycle],
    kills: int,
    seed: int,
    progress: Callable[[Figures], None] = lambda _: None,
) -> Figures:
    """Kill processes until so many have died; each day they were at is then brought to its end."""
    figures, chance = Figures(), random.Random(seed)
    named = cycle(chance.sample(POINTS, len(POINTS)))
    while figures.total < kills:
        place = new_place()
        place.prepare()
        world = World(place, figures, chance, named)
        world.undisturbed()
        for _ in range(MAX_DAYS):
            world.day(lambda: figures.total < kills)
            progress(figures)
            if figures.total >= kills:
                break
        figures.left.update(leftovers(place))
    return figures


@dataclass
class World:
    """One installation and the days that it was sent."""

    place: Cycle
    figures: Figures
    chance: random.Random
    named: Iterator[tuple[str, str]]
    took: dict[str, float] = field(default_factory=dict)
    finished: dict[str, int] = field(default_factory=dict)
    ends: list[object] = field(default_factory=list)
    days: Iterator[date] = field(
        default_factory=lambda: (date(2026, 1, 1) + timedelta(n) for n in count())
    )

    def undisturbed(self) -> None:
        """A day that nothing happens to: how long each task takes, and how it ends."""
        day = next(self.days).isoformat()
        assert self._run(day, None) == 0
        self.finished[day] = 3
        self.ends = told(self.place, day)
        assert self._seen() == {day: whole(self.place, day, 3)}

    def day(self, may_kill: Callable[[], bool]) -> None:
        """A day whose processes are killed until it is done."""
        day = next(self.days).isoformat()
        killed = False
        while len(self.place.acknowledged(day)) < len(TASKS):
            left = TASKS[len(self.place.acknowledged(day)) :]
            task = self.chance.choice(left) if may_kill() else None
            code = self._run(day, task)
            if code not in {0, -9}:
                self.figures.failed.append(f"{day}: exit code {code} after {left[0]}")
                return
            self.figures.recovered += killed and len(self.place.acknowledged(day)) > len(
                TASKS
            ) - len(left)
            killed = code == -9
            self._look(day)
        self.finished[day] = 3
        self.figures.days += 1
        if (ended := told(self.place, day)) != self.ends:
            self.figures.differ.append(f"{day}: {ended}")

    def _run(self, day: str, task: str | None) -> int | None:
        """A process that does what is left of a day, killed during a task if one is given."""
        points: tuple[Point, ...] = ()
        if task and self.chance.random() < 0.3:
            points = (Point(*next(self.named), call=self.chance.randint(1, 3)),)
        context = child_context()
        here, there = context.Pipe()
        child = context.Process(
            target=live, args=(self.place.root, self.place.environ, day, points, there)
        )
        child.start()
        there.close()
        begun, at = "", time.monotonic()
        try:
            while child.is_alive() or here.poll():
                said = here.recv()
                self.took[begun], at = time.monotonic() - at, time.monotonic()
                begun = said
                if begun == task and not points:
                    time.sleep(self.chance.uniform(0, 1.1 * self.took.get(task, 0.1)))
                    child.kill()
                    break
        except EOFError:
            pass
        child.join(120)
        while here.poll():
            try:
                begun = here.recv()
            except EOFError:
                break
        if child.exitcode == -9:
            self.figures.kills[begun.split(" ")[0] or "begin"] += 1
            self.figures.named += bool(points)
        return child.exitcode

    def _look(self, day: str) -> None:
        """What readers see: each finished day whole, and this one as far as it was acknowledged."""
        try:
            seen = self._seen()
        except AssertionError as error:
            self.figures.torn.append(f"{day}: {error}")
            return
        for each, version in self.finished.items():
            if seen.pop(each, None) != whole(self.place, each, version):
                self.figures.lost.append(f"{each} while {day} was killed")
        done = [each.task for each in self.place.acknowledged(day)]
        before, after = self._version(done), self._version(TASKS[: len(done) + 1])
        found = seen.pop(day, None)
        if seen:
            self.figures.torn.append(f"periods nobody sent: {seen}")
        if found == whole(self.place, day, before):
            return
        if found == whole(self.place, day, after):
            self.figures.unacknowledged += 1
        else:
            self.figures.lost.append(f"{day} after {done}: {found}")

    def _seen(self) -> dict[str, Seen]:
        seen = seen_by_iceberg(self.place)
        assert seen == seen_by_wharf(self.place), "readers do not agree"
        return seen

    def _version(self, done: list[str] | tuple[str, ...]) -> int:
        return next((READ[task] for task in reversed(done) if task in READ), 0)
