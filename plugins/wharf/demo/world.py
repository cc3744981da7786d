"""The demo's world: suppliers that deliver by script, and a memory of what they have done.

A second run the same day finds everything done; a run on another day adds the new days as plain
ones and leaves the rest as it was.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from wharf.demo.days import Days, DuneDays
from wharf.demo.project import Span
from wharf.demo.script import Condition, Expected, PlacedFile, Script, Step, from_json, to_json
from wharf.demo.story import ember, first_scripts, later_scripts
from wharf.errors import DemoError

Holds = Callable[[str, str, Condition], bool]
_VERSION = 1
# After a longer pause the days between are left out: the promise begins anew.
_LONGEST_PAUSE = timedelta(days=10)
LOCAL_INBOXES = ("alder", "cedar", "dune", "ember", "signalpath")
_DAILY = tuple(
    f"feeds/{name}.yaml"
    for name in ("alder/parcels", "birch/parcels", "cedar/parcels", "signalpath/locations")
)
_PRODUCTS = tuple(
    f"products/{name}.yaml"
    for name in ("parcel_facts", "parcel_use", "signals_by_use", "supplier_scorecard")
)


@dataclass(frozen=True)
class Stamps:
    """What the demo's copies of the contracts must say."""

    spans: Mapping[str, Span]
    """File below `dags/` -> the periods it promises. Today's deliveries are no part of the story,
    but ember's."""
    holidays: tuple[date, ...]
    """Of dune's calendar."""


@dataclass(frozen=True)
class Outstanding:
    """A step that waits for the ledger."""

    feed: str
    period: str
    waits_for: Condition | None


class World:
    """The suppliers' folders under a home, and the scripts they follow."""

    def __init__(self, home: Path, memory: dict[str, Any], today: date) -> None:
        self.folder = home / "demo" / "suppliers"
        self.days = Days.up_to(today)
        self.today = today
        self._file = home / "demo" / "world.json"
        self._memory = memory
        self.scripts = [from_json(raw) for raw in memory["scripts"]]

    @classmethod
    def open(cls, home: Path, today: date) -> World:
        """Open the world of a home, made now if there is none, with all days up to yesterday.

        Args:
            home: `WHARF_HOME`.
            today: The UTC date of this run.

        Raises:
            DemoError: The file that remembers the world is damaged, or is of a later date.
        """
        memory = _remembered(home / "demo" / "world.json")
        world = cls(home, memory or _new_memory(today), today)
        if memory is None:
            world.scripts = list(first_scripts(world.days, today))
        else:
            world._add_days()
        world._remember()
        for supplier in (*LOCAL_INBOXES, "birch"):
            (world.folder / supplier).mkdir(parents=True, exist_ok=True)
        return world

    @property
    def start(self) -> date:
        """First day of this world."""
        return date.fromisoformat(self._memory["start"])

    @property
    def stamps(self) -> Stamps:
        """What the demo's copies of the contracts must say on this run."""
        first = {name: date.fromisoformat(day) for name, day in self._memory["first"].items()}
        until = self.days.d5
        return Stamps(
            spans={
                **dict.fromkeys(_DAILY, Span(first["daily"], until)),
                "feeds/dune/parcels.yaml": Span(first["dune"], until),
                "feeds/ember/permits.yaml": Span(first["ember"], self.today),
                **dict.fromkeys(_PRODUCTS, Span(first["products"], until)),
            },
            holidays=tuple(date.fromisoformat(day) for day in self._memory["holidays"]),
        )

    def expected(self) -> dict[tuple[str, str], Expected]:
        """What must come out, by feed and period."""
        ordered = sorted(self.scripts, key=lambda script: (script.feed, script.period))
        return {(script.feed, script.period): script.expected for script in ordered}

    def outstanding(self) -> list[Outstanding]:
        """The steps not carried out yet, one for each feed and period."""
        return [
            Outstanding(script.feed, script.period, step.after)
            for script in self.scripts
            if (step := script.next_step) is not None
        ]

    def advance(self, holds: Holds, now: datetime) -> list[str]:
        """Let each supplier do what it may do now.

        Args:
            holds: Whether the ledger shows a condition for a feed and period; never asked for
                a step that waits for nothing.
            now: Time of files that bear the moment they are written, UTC.

        Returns:
            What was put in place, a line for each file; empty when all have to wait.
        """
        placed: list[str] = []
        for position, script in enumerate(self.scripts):
            while (step := script.next_step) is not None and _may(script, step, holds):
                for file in step.files:
                    self._place(script, file, now)
                    placed.append(f"{script.supplier}: {file.path}")
                script = script.advanced()
                self.scripts[position] = script
                self._remember()
        return placed

    def connections(self, web_address: str) -> dict[str, str]:
        """Connection id -> Airflow's JSON, for the suppliers' connections.

        Args:
            web_address: Where birch's folder is served, such as `http://127.0.0.1:8123`.
        """
        local = {
            f"{supplier}_inbox": {"conn_type": "local",
                                  "extra": {"root": str(self.folder / supplier)}}
            for supplier in LOCAL_INBOXES
        }  # fmt: skip
        web = {"birch_web": {"conn_type": "http", "extra": {"root": web_address}}}
        return {name: json.dumps(value) for name, value in {**local, **web}.items()}

    def _place(self, script: Script, file: PlacedFile, now: datetime) -> None:
        """Write a file as suppliers do: under another name, with its own time, then rename."""
        from wharf.demo.files import content

        target = self.folder / script.supplier / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{target.name}.part")
        aside.write_bytes(content(file.recipe, date.fromisoformat(script.period), self.start))
        at = (file.submitted or now).timestamp()
        os.utime(aside, (at, at))
        aside.replace(target)

    def _add_days(self) -> None:
        """Plan the days since the last run; after a long pause only the last five."""
        covered = date.fromisoformat(self._memory["covered"])
        if covered > self.days.d5:
            raise DemoError(
                f"{self._file} knows days up to {covered}, but today is {self.today}; is the "
                "clock right? Else start anew with another WHARF_HOME."
            )
        first_new = covered + timedelta(days=1)
        if self.days.d5 - covered > _LONGEST_PAUSE:
            first_new = self.days.d1
            begins_anew = dict.fromkeys(("daily", "dune", "ember"), str(first_new))
            self._memory["first"] = {**self._memory["first"], **begins_anew}
        day = first_new
        while day <= self.days.d5:
            self.scripts += later_scripts(day)
            self._ember_once(day, waits=False)
            day += timedelta(days=1)
        self._ember_once(self.today, waits=True)
        self._memory["covered"] = str(self.days.d5)

    def _ember_once(self, day: date, *, waits: bool) -> None:
        """Ember's periods run a day ahead: the first of the new days may be there already."""
        if ("ember.permits", str(day)) not in self.expected():
            self.scripts.append(ember(day, waits=waits))

    def _remember(self) -> None:
        self._memory["scripts"] = [to_json(script) for script in self.scripts]
        self._file.parent.mkdir(parents=True, exist_ok=True)
        aside = self._file.with_name(f".{self._file.name}.{secrets.token_hex(4)}")
        aside.write_text(json.dumps(self._memory, indent=1), encoding="utf-8")
        aside.replace(self._file)


def _may(script: Script, step: Step, holds: Holds) -> bool:
    return step.after is None or holds(script.feed, script.period, step.after)


def _new_memory(today: date) -> dict[str, Any]:
    days = Days.up_to(today)
    dune = DuneDays.among(days)
    return {
        "version": _VERSION,
        "start": str(dune.earlier or days.d1),
        "covered": str(days.d5),
        "holidays": [str(dune.holiday)],
        "first": {
            "daily": str(days.d1),
            "dune": str(dune.earlier or days.d1),
            "ember": str(today),
            "products": str(days.d5),
        },
        "scripts": [],
    }


def _remembered(file: Path) -> dict[str, Any] | None:
    try:
        memory = json.loads(file.read_text(encoding="utf-8"))
        if memory["version"] != _VERSION:
            raise DemoError(
                f"{file} was made by another version of the demo; use another WHARF_HOME"
            )
        [from_json(raw) for raw in memory["scripts"]]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DemoError(
            f"{file} is damaged ({error}); start anew with another WHARF_HOME"
        ) from error
    return dict(memory)
