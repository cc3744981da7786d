"""Runs that are killed at a named moment, and their plain retries, each in a fresh process."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from harbour import Harbour
from lake_world import die_at, in_children

from wharf import intake
from wharf.errors import WharfError

REFUSED = 3


class Point(NamedTuple):
    """Where a process dies: `module:function`, before or after it, at which call."""

    where: str
    when: str = "after"
    call: int = 1


@dataclass(frozen=True)
class Template:
    """A folder as it was before the kill; each test works on a copy of it, at the same path."""

    place: Path

    def keep(self) -> None:
        """Take the folder as it is now for what every test begins with."""
        shutil.copytree(self.place, self._kept)

    def fresh(self) -> Path:
        """The folder as it was kept."""
        shutil.rmtree(self.place)
        shutil.copytree(self._kept, self.place)
        return self.place

    @property
    def _kept(self) -> Path:
        return self.place.with_name(f"{self.place.name}-kept")


def killed(work: Callable[[Path], None], root: Path, point: Point) -> None:
    """Do work in a process that dies by `kill -9` at a point, and has to reach it."""
    [code] = in_children(_work_and_die, [(work, root, point)])
    assert code == -9, f"{point} was not reached: exit code {code}"


def retried(work: Callable[[Path], None], root: Path) -> int | None:
    """Do work in a fresh process; gives its exit code, `REFUSED` for an error of ours."""
    [code] = in_children(_work, [(work, root)])
    return code


def later(root: Path) -> Harbour:
    """The harbour of a folder as it stands, half an hour after its first files came."""
    contract = root / "project/dags/feeds/acme/prices.yaml"
    harbour = Harbour(root, contract=contract.read_text())
    harbour.wait(minutes=30)
    return harbour


def run_feed(root: Path) -> None:
    """All that a run of the feed does."""
    later(root).run()


def hand_in(root: Path) -> None:
    """Bring a file by hand that is not at the source."""
    harbour = later(root)
    file = root / "by hand.csv"
    intake.hand_in(harbour.place, harbour.feed, harbour.period, "", file, now=harbour.now)


def _work(work: Callable[[Path], None], root: Path) -> None:
    try:
        work(root)
    except WharfError:
        raise SystemExit(REFUSED) from None


def _work_and_die(work: Callable[[Path], None], root: Path, point: Point) -> None:
    tempfile.tempdir = str(root)
    die_at(*point)
    work(root)
