"""The demo's story: which supplier does what on which day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from wharf.demo.days import Days, DuneDays, is_weekday
from wharf.demo.script import Condition, Expected, PlacedFile, Script, Step

PARCELS, SIGNALS, PERMITS = 5_200, 100_000, 200
BROKEN_ROWS = 40
PARTS = ("a", "b", "c")
_ZONES = {
    "alder": ZoneInfo("America/Chicago"),
    "birch": ZoneInfo("America/New_York"),
    "cedar": ZoneInfo("America/Chicago"),
    "dune": ZoneInfo("America/Denver"),
    "signalpath": ZoneInfo("UTC"),
}
_NOT_EXPECTED = Expected("NOT_EXPECTED", "NONE", (), 0)
_CLOSED = "the county's offices are closed"


def first_scripts(days: Days, today: date) -> Iterator[Script]:
    """The five days of a first run, and ember today."""
    for day in days.all:
        number = days.number(day)
        yield _alder(day, number)
        yield _birch(day, number)
        yield _cedar(day, number)
        yield _signalpath(day, late=number == 4)
    yield from _dune_first(days)
    yield ember(day=today, waits=True)


def later_scripts(day: date) -> Iterator[Script]:
    """A plain day added by a later run."""
    yield _alder(day, 0)
    yield _birch(day, 0)
    yield _cedar(day, 0)
    yield _signalpath(day, late=False)
    yield _dune(day) if is_weekday(day) else Script("dune.parcels", str(day), (), _NOT_EXPECTED)


def ember(day: date, *, waits: bool) -> Script:
    """Ember's permits: on the day of the run they come only once somebody was told.

    A period between two runs is delivered at once, and late: judged by its arrival.
    """
    told = Condition("message") if waits else None
    file = PlacedFile(f"permits_{day:%Y%m%d}.csv", "ember.permits", None)
    messages = ("late", "resolved") if waits else None
    expected = Expected("LATE_ARRIVED", rows_staged=PERMITS, messages=messages)
    title = "late on the real clock, then delivered" if waits else "delivered late"
    return Script("ember.permits", str(day), (Step((file,), told),), expected, title=title)


def _alder(day: date, number: int) -> Script:
    name = f"out/parcels_{day:%Y%m%d}"
    plain = PlacedFile(f"{name}.csv", "alder.parcels", _at("alder", day, "12:10"))
    script = _parcels("alder.parcels", day, plain)
    if number == 2:
        again = PlacedFile(f"{name}_resend.csv", "alder.parcels", _at("alder", day, "14:20"))
        steps = (*script.steps, Step((again,), Condition("published")))
        expected = replace(script.expected, verdicts=("NEW", "DUPLICATE"))
        return replace(script, steps=steps, expected=expected, title="same bytes sent twice")
    if number == 3:
        other = replace(plain, recipe="alder.parcels:restated",
                        submitted=_at("alder", day, "13:50"))  # fmt: skip
        back = replace(plain, submitted=_at("alder", day, "15:05"))
        steps = (
            *script.steps,
            Step((other,), Condition("published", 1)),
            Step((back,), Condition("published", 2)),
        )
        verdicts = ("NEW", "RESTATEMENT", "RESTATEMENT")
        expected = replace(script.expected, verdicts=verdicts, versions=3)
        return replace(script, steps=steps, expected=expected, title="restated, then taken back")
    return script


def _birch(day: date, number: int) -> Script:
    special = {2: ":broken_rows", 4: ":new_column"}.get(number, "")
    at = _at("birch", day, "14:00")
    file = PlacedFile(f"parcels_{day:%Y%m%d}.xlsx", f"birch.parcels{special}", at)
    script = _parcels("birch.parcels", day, file)
    if number == 2:
        expected = replace(
            script.expected, rows_staged=PARCELS - BROKEN_ROWS, rows_quarantined=BROKEN_ROWS
        )
        return replace(script, expected=expected, title="40 rows broken")
    return replace(script, title="one new column") if number == 4 else script


def _cedar(day: date, number: int) -> Script:
    file = PlacedFile(f"parcels-{day}.jsonl.gz", "cedar.parcels", _at("cedar", day, "10:30"))
    script = _parcels("cedar.parcels", day, file)
    if number == 3:
        cut = replace(file, recipe="cedar.parcels:cut", submitted=_at("cedar", day, "13:00"))
        whole = replace(file, submitted=_local("cedar", day, "17:00"))
        expected = replace(
            script.expected,
            timeliness="LATE_ARRIVED",
            verdicts=("NEW", "RESTATEMENT"),
            versions=2,
        )
        steps = (Step((cut,)), Step((whole,), Condition("refused")))
        return replace(
            script, steps=steps, expected=expected, title="truncated, whole an hour after due"
        )
    return script


def _signalpath(day: date, *, late: bool) -> Script:
    stem = f"signals_{day:%Y%m%d}"
    parts = [
        PlacedFile(f"{stem}_{part}.csv.gz", f"signalpath.locations:{part}",
                   _at("signalpath", day, f"18:{40 + 5 * number}", spread=3))
        for number, part in enumerate(PARTS)
    ]  # fmt: skip
    flag = PlacedFile(f"{stem}.ok", "signalpath.locations:flag", _local("signalpath", day, "19:10"))
    verdicts = ("NEW",) * len(PARTS)
    expected = Expected(verdicts=verdicts, rows_staged=SIGNALS)
    if not late:
        steps: tuple[Step, ...] = (Step((*parts, flag)),)
        return Script("signalpath.locations", str(day), steps, expected)
    third = replace(parts[2], submitted=_local("signalpath", day, "21:10"))
    flag = replace(flag, submitted=_local("signalpath", day, "21:12"))
    steps = (Step(tuple(parts[:2])), Step((third, flag), Condition("arrival", 2)))
    expected = replace(expected, timeliness="LATE_ARRIVED")
    return Script("signalpath.locations", str(day), steps, expected, title="the third part late")


def _dune_first(days: Days) -> Iterator[Script]:
    story = DuneDays.among(days)
    shown = sorted({*days.all, *story.plain})
    for day in shown:
        if day == story.missing:
            never = Expected("MISSING", "NONE", (), 0)
            yield Script("dune.parcels", str(day), (), never, title="never comes")
        elif day == story.broken:
            script = _dune(day, ":negative")
            expected = replace(script.expected, delivery="QUARANTINED")
            yield replace(script, expected=expected, title="values below zero")
        elif day in story.plain:
            yield _dune(day)
        else:
            yield Script("dune.parcels", str(day), (), _NOT_EXPECTED, title=_CLOSED)


def _dune(day: date, special: str = "") -> Script:
    path = f"{day:%Y}/dune_{day:%Y%m%d}.parquet"
    file = PlacedFile(path, f"dune.parcels{special}", _at("dune", day, "15:00", spread=40))
    return _parcels("dune.parcels", day, file)


def _parcels(feed: str, day: date, file: PlacedFile) -> Script:
    return Script(feed, str(day), (Step((file,)),), Expected(rows_staged=PARCELS))


def _at(supplier: str, day: date, local: str, spread: int = 50) -> datetime:
    """A time some minutes after a local one: no supplier is punctual to the minute."""
    minutes = (day.toordinal() * 7919 + len(supplier) * 104_729) % spread
    return _local(supplier, day, local) + timedelta(minutes=minutes, seconds=minutes * 7 % 60)


def _local(supplier: str, day: date, local: str) -> datetime:
    wall = datetime.combine(day, time.fromisoformat(local), _ZONES[supplier])
    return wall.astimezone(UTC)
