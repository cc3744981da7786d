"""Findings of our own: what of a batch differs from the batches of the feed before it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from wharf.contracts import Period
from wharf.contracts.quality import Quality
from wharf.quality.bands import Band, band, unusual
from wharf.quality.profiles import ColumnProfile, Profile
from wharf.quality.strata import strata_of
from wharf.quality.words import number, plural, shown

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Past:
    """The profile of an earlier batch."""

    period: Period
    profile: Profile


@dataclass(frozen=True)
class Odd:
    """One thing about a batch that differs from what is usual, or from a limit."""

    kind: str
    """`volume`, `nulls`, `quarantined`, `distinct` or `range`."""
    column: str
    severity: str
    message: str
    n: int = 0
    """With how many earlier batches it was compared; 0 for a limit of the contract."""

    def describe(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class _Before:
    """Earlier profiles of one kind, oldest first."""

    stratum: str
    past: Sequence[Past]

    def figures(self, take: Callable[[Past], float | None]) -> list[float]:
        return [value for each in self.past if (value := take(each)) is not None]

    @property
    def on(self) -> str:
        return f" on {self.stratum}" if self.stratum else ""


def odd_things(profile: Profile, period: Period, past: Sequence[Past], rules: Quality) -> list[Odd]:
    """Compare a batch with those before it.

    Args:
        profile: The batch.
        period: Its period.
        past: Earlier batches; those of the period itself and of later ones are left out, and of
            one period the last counts.
        rules: What the contract says.
    """
    before = _before(period, past, rules)
    found = [*_limits(profile, rules)]
    volume = list(_volume(profile, before, rules)) if before else []
    found += volume
    if before:
        found += _quarantined(profile, before, rules)
        for name, column in profile.columns.items():
            found += _nulls(name, column, profile.rows, before, rules)
            if not volume and profile.rows:  # a cut file has fewer values of everything
                found += _distinct(name, column, before, rules)
                found += _range(name, column, period, before, rules)
    told: dict[tuple[str, str], Odd] = {}
    for each in found:
        told.setdefault((each.kind, each.column), each)
    return list(told.values())


def _before(period: Period, past: Sequence[Past], rules: Quality) -> _Before | None:
    latest = {each.period.key: each for each in past if each.period.start < period.start}
    ordered = sorted(latest.values(), key=lambda each: each.period.start)
    for stratum in strata_of(period):
        alike = [each for each in ordered if stratum in strata_of(each.period)][-rules.window :]
        if len(alike) >= rules.min_history:
            return _Before(stratum, alike)
    return None


def _limits(profile: Profile, rules: Quality) -> Iterator[Odd]:
    volume, rows = rules.volume, profile.rows
    if volume.severity != "off":
        said = f"{number(rows)} {plural(rows, 'row')}"
        if volume.min is not None and rows < volume.min:
            told = f"{said}; the contract says at least {number(volume.min)}"
            yield Odd("volume", "", volume.severity, told)
        if volume.max is not None and rows > volume.max:
            told = f"{said}; the contract says at most {number(volume.max)}"
            yield Odd("volume", "", volume.severity, told)
    shares = [("quarantined", "", profile.quarantined, rules.quarantined)]
    shares += [("nulls", name, each.nulls, rules.nulls) for name, each in profile.columns.items()]
    for kind, name, share, rule in shares:
        if rule.severity != "off" and rule.max is not None and share > rule.max:
            told = f"{_share_of(name)} {_percent(share)}; the contract says at most "
            yield Odd(kind, name, rule.severity, told + _percent(rule.max))


def _volume(profile: Profile, before: _Before, rules: Quality) -> Iterator[Odd]:
    if rules.volume.severity == "off":
        return
    rows = before.figures(lambda each: each.profile.rows)
    floor = 0.1 + 1 / math.sqrt(1 + band(rows, 0).low)
    logs = [math.log1p(each) for each in rows]
    if unusual(logs, math.log1p(profile.rows), floor, grows=True):
        usual = _between(band(rows, 0), lambda value: number(round(value)))
        told = f"{number(profile.rows)} {plural(profile.rows, 'row')}; usually {usual}{before.on}"
        yield Odd("volume", "", rules.volume.severity, told, len(rows))


def _quarantined(profile: Profile, before: _Before, rules: Quality) -> Iterator[Odd]:
    if rules.quarantined.severity == "off":
        return
    shares = before.figures(lambda each: each.profile.quarantined)
    yield from _share("quarantined", "", profile.quarantined, profile.rows, shares, before,
                      rules.quarantined.severity)  # fmt: skip


def _nulls(
    name: str, column: ColumnProfile, rows: int, before: _Before, rules: Quality
) -> Iterator[Odd]:
    if rules.nulls.severity == "off" or not rows:
        return
    shares = before.figures(lambda each: _of(each, name, lambda c: c.nulls))
    if len(shares) >= rules.min_history:
        yield from _share("nulls", name, column.nulls, rows, shares, before, rules.nulls.severity)


def _share(
    kind: str, name: str, share: float, rows: int, shares: list[float], before: _Before,
    severity: str,
) -> Iterator[Odd]:  # fmt: skip
    middle = band(shares, 0)
    spread = math.sqrt(max(middle.high * (1 - middle.high), 0) / max(rows, 1))
    if found := unusual(shares, share, 0.01 + spread + 1 / max(rows, 1), grows=False):
        told = (
            f"{_share_of(name)} {_percent(share)}; usually {_between(found, _percent)}{before.on}"
        )
        yield Odd(kind, name, severity, told, len(shares))


def _distinct(name: str, column: ColumnProfile, before: _Before, rules: Quality) -> Iterator[Odd]:
    severity = rules.distinct.severity
    if severity == "off":
        return
    yield from _values(name, column, before, rules)
    if column.distinct is None:
        return
    counts = before.figures(lambda each: _of(each, name, lambda c: c.distinct))
    if len(counts) < rules.min_history:
        return
    floor = 0.15 + 1 / math.sqrt(1 + band(counts, 0).low)
    logs = [math.log1p(each) for each in counts]
    if unusual(logs, math.log1p(column.distinct), floor, grows=True):
        usual = _between(band(counts, 0), lambda value: number(round(value)))
        told = f"{name} has about {number(column.distinct)} different values; usually {usual}"
        yield Odd("distinct", name, severity, told + before.on, len(counts))


def _values(name: str, column: ColumnProfile, before: _Before, rules: Quality) -> Iterator[Odd]:
    """A value of a small set that is new, or gone though it was always there."""
    sets = [
        set(values)
        for each in before.past
        if (c := each.profile.columns.get(name)) and (values := c.values) is not None
    ]
    if column.values is None or len(sets) < max(rules.min_history, len(before.past)):
        return
    ever, always = set.union(*sets), set.intersection(*sets)
    # A set that kept growing is none that a new value could surprise.
    settled = set.union(*sets[: len(sets) // 2]) == ever
    told = []
    if settled and (new := sorted(set(column.values) - ever)):
        told.append(f"has {shown(new, 200)}, which none of the {len(sets)} before had")
    if gone := sorted(always - set(column.values)):
        told.append(f"has no {shown(gone, 200)}, which all of the {len(sets)} before had")
    if told:
        yield Odd("distinct", name, rules.distinct.severity, f"{name} {', and '.join(told)}",
                  len(sets))  # fmt: skip


def _range(
    name: str, column: ColumnProfile, period: Period, before: _Before, rules: Quality
) -> Iterator[Odd]:
    """The first of smallest, largest and mean that is unusual."""
    if rules.range.severity == "off":
        return
    tell = _date if column.kind == "date" else _amount
    for label, take in _FIGURES[column.kind].items():
        value = take(column)
        known = [each for each in before.past if _of(each, name, take) is not None]
        if value is None or len(known) < rules.min_history:
            continue
        if told := tell(name, label, value, period, _Before(before.stratum, known), take):
            yield Odd("range", name, rules.range.severity, told, len(known))
            return


def _amount(
    name: str, label: str, value: float, period: Period, before: _Before, take: _Take
) -> str:
    """What is unusual about a number; empty when nothing is."""
    values = before.figures(lambda each: _of(each, name, take))
    widths = before.figures(lambda each: _of(each, name, _width))
    floor = max(band(widths, 0).high / 20, 1e-9 * max(map(abs, values), default=0.0))
    found = unusual(values, value, floor, grows=True)
    if found is None:
        return ""
    return f"the {label} {name} is {_plain(value)}; usually {_between(found, _plain)}{before.on}"


def _date(name: str, label: str, value: float, period: Period, before: _Before, take: _Take) -> str:
    """What is unusual about a day, counted from 1970 or from the period, as is the steadier."""
    days = before.figures(lambda each: _of(each, name, take))
    starts = [_day_of(each.period) for each in before.past]
    apart = [day - start for day, start in zip(days, starts, strict=True)]
    by_period = _spread(apart) <= _spread(days)
    start = _day_of(period)
    found = unusual(
        apart if by_period else days, value - start if by_period else value, 1.0, grows=True
    )
    if found is None:
        return ""
    said = f"the {label} {name} is {_as_day(value)}"
    if not by_period:
        return f"{said}; usually {_between(found, _as_day)}{before.on}"
    low, high = round(found.low), round(found.high)
    usual = f"{low}" if low == high else f"{low} to {high}"
    return (
        f"{said}, {number(round(value - start))} days from the first day of its period; "
        f"usually {usual}{before.on}"
    )


_Take = Callable[[ColumnProfile], float | None]
_NUMBERS: dict[str, _Take] = {
    "smallest": lambda column: column.low,
    "largest": lambda column: column.high,
    "mean": lambda column: column.mean,
}
_DATES: dict[str, _Take] = {
    "earliest": lambda column: column.low,
    "latest": lambda column: column.high,
}
_FIGURES: dict[str, dict[str, _Take]] = {
    "number": _NUMBERS,
    "date": _DATES,
    "text": {},
    "other": {},
}


def _of(each: Past, name: str, take: _Take) -> float | None:
    column = each.profile.columns.get(name)
    return None if column is None else take(column)


def _width(column: ColumnProfile) -> float | None:
    return None if column.low is None or column.high is None else column.high - column.low


def _spread(values: Sequence[float]) -> float:
    found = band(values, 0)
    return found.high - found.low


def _day_of(period: Period) -> float:
    return float((period.first - _EPOCH).days)


def _share_of(name: str) -> str:
    return f"empty cells in {name}:" if name else "rows in quarantine:"


def _between(found: Band, say: Callable[[float], str]) -> str:
    low, high = say(found.low), say(found.high)
    return low if low == high else f"{low} to {high}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _plain(value: float) -> str:
    return number(value, rounded=True)


def _as_day(value: float) -> str:
    return (_EPOCH + timedelta(days=round(value))).isoformat()
