"""Building the grid: feeds by day, the states of this second, worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from wharf.board import marks
from wharf.board.cells import Line
from wharf.board.marks import ALL, NOTHING
from wharf.board.promised import Promised
from wharf.board.pulse import Pulse
from wharf.board.standing import Fresh, evaluate_unsure
from wharf.contracts import Feed
from wharf.ledger import Transaction, heat
from wharf.ledger.rows import ExpectedDelivery

DAILY = {"day", "business_day"}
AHEAD = timedelta(days=7)
"""How far into the future columns may reach: what opens before its day stands there."""
Slot = tuple[date, str]


@dataclass(frozen=True)
class Grid:
    """The whole board."""

    at: datetime
    columns: tuple[date, ...]
    lines: tuple[Line, ...]
    promised: Promised
    pulse: Pulse
    fresh: Fresh

    @cached_property
    def counts(self) -> Counter[str]:
        """How many cells count for each tone."""
        return marks.count_tones("".join(line.all_codes for line in self.lines))

    @cached_property
    def total(self) -> int:
        """How many cells there are."""
        return sum(len(line.all_codes) for line in self.lines)

    @cached_property
    def keys(self) -> frozenset[str]:
        """The columns' days as keys of daily periods."""
        return frozenset(day.isoformat() for day in self.columns)

    @property
    def has_earlier(self) -> bool:
        """Whether a line has something older than the columns."""
        return any(line.earlier for line in self.lines)

    @property
    def since(self) -> datetime:
        """The earliest cut-off of what was read."""
        first = min(self.columns, default=self.at.date())
        return datetime.combine(first, datetime.min.time(), self.at.tzinfo) - timedelta(days=1)


def build_grid(tx: Transaction, promised: Promised, now: datetime, days: int, pulse: Pulse) -> Grid:
    """Tell what should have come in the last days, and what is older and still open.

    Args:
        tx: A reading transaction.
        promised: Contracts in force.
        now: The instant to evaluate.
        days: How many days to show, today among them.
        pulse: How looks and ticks go.
    """
    first = now.date() - timedelta(days=days - 1)
    fresh = evaluate_unsure(tx, promised.feeds, pulse.sights, now)
    slots = _slots(tx, promised, first, now)
    _put_fresh(slots, promised.feeds, fresh, now)
    _put_idle(slots, tx, promised.feeds, fresh, first, now)
    columns = _columns(slots, first, now.date())
    keys = [day.isoformat() for day in columns]
    lines = [
        _line(promised, feed, slots[name], columns, keys) for name, feed in promised.feeds.items()
    ]
    return Grid(
        at=now,
        columns=columns,
        lines=tuple(sorted(lines, key=lambda line: (-line.weight, line.feed))),
        promised=promised,
        pulse=pulse,
        fresh=fresh,
    )


def _slots(
    tx: Transaction, promised: Promised, first: date, now: datetime
) -> dict[str, dict[str, Slot]]:
    """Of every feed its periods, each with its day and letter, as recorded."""
    feeds = promised.feeds
    midnight = datetime.combine(first, datetime.min.time(), now.tzinfo)
    since = midnight - timedelta(days=1)
    others = {name for name, feed in feeds.items() if feed.period.kind not in DAILY}
    slots: dict[str, dict[str, Slot]] = {name: {} for name in feeds}
    days: dict[str, date] = {}
    codes: dict[str, str] = {}
    for name, texts in heat.marks_by_feed(tx, since, now, but=others).items():
        own = slots.get(name)
        if own is None:
            continue
        for text in texts:
            key, mark = text[:10], text[10:]
            day = days.get(key) or days.setdefault(key, date.fromisoformat(key))
            code = codes.get(mark) or codes.setdefault(mark, marks.code_of_text(mark))
            own[key] = (day, code)
    for row in heat.marked_rows(tx, others, since, now):
        day = _day(feeds[row.feed], row.period, row.period_first, row.due_at, now)
        slots[row.feed][row.period] = (day, marks.code_of_text(row.mark))
    return slots


def _put_fresh(
    slots: dict[str, dict[str, Slot]], feeds: Mapping[str, Feed], fresh: Fresh, now: datetime
) -> None:
    """What was evaluated takes the place of what is recorded."""
    for row in fresh.rows:
        slots[row.feed][row.period] = _slot(feeds[row.feed], row, fresh, now)


def _put_idle(
    slots: dict[str, dict[str, Slot]],
    tx: Transaction,
    feeds: Mapping[str, Feed],
    fresh: Fresh,
    first: date,
    now: datetime,
) -> None:
    """The last two periods of a feed of which nothing falls into the days shown."""
    idle = [
        name
        for name, own in slots.items()
        if not any(day >= first or _matters(code) for day, code in own.values())
    ]
    for row in heat.last_opened(tx, idle, now, 2):
        slots[row.feed][row.period] = (date.min, _slot(feeds[row.feed], row, fresh, now)[1])


def _slot(feed: Feed, row: ExpectedDelivery, fresh: Fresh, now: datetime) -> Slot:
    stands = fresh.stand(row, now)
    code = marks.code_of(stands.timeliness, stands.delivery, row.expected)
    return _day(feed, row.period, row.period_first, row.due_at, now), code


def _day(feed: Feed, period: str, first: str, due_at: datetime, now: datetime) -> date:
    """The column of a period: its day, or for longer ones the day on which it is due."""
    if feed.period.kind in DAILY or feed.period.kind == "hour":
        return date.fromisoformat(first)
    zone = ZoneInfo(feed.terms_for(feed.parse_period(period)).tz)
    return min(due_at.astimezone(zone).date(), now.date())


def _columns(slots: Mapping[str, Mapping[str, Slot]], first: date, today: date) -> tuple[date, ...]:
    """Every day from the first with a cell to the last, with today."""
    found = {day for own in slots.values() for day, _ in own.values() if day >= first}
    if not found:
        return ()
    start, end = min(found), min(max(found | {today}), today + AHEAD)
    return tuple(start + timedelta(days=offset) for offset in range((end - start).days + 1))


def _line(
    promised: Promised,
    feed: Feed,
    slots: Mapping[str, Slot],
    columns: Sequence[date],
    keys: Sequence[str],
) -> Line:
    if feed.period.kind in DAILY:
        placed = _place_days(slots, keys)
    else:
        placed = _place(slots, columns)
    return Line(
        feed=feed.feed,
        supplier_id=feed.supplier_id,
        supplier=feed.supplier.name or feed.supplier_id,
        about=feed.about,
        codes=placed.codes,
        days=columns,
        keys=placed.keys,
        hidden=placed.hidden,
        earlier=placed.earlier,
        is_broken=feed.feed in promised.broken,
        orphaned=promised.orphaned.get(feed.feed, ""),
        is_trial=feed.active.trial,
    )


@dataclass(frozen=True)
class _Placed:
    """The periods of a feed in their columns."""

    codes: str
    keys: Mapping[int, str]
    hidden: Mapping[int, Sequence[tuple[str, str]]]
    earlier: Sequence[tuple[str, str]]


def _place_days(slots: Mapping[str, Slot], keys: Sequence[str]) -> _Placed:
    """One period a day: most feeds, so that this is kept short."""
    codes = "".join([slot[1] if (slot := slots.get(key)) else NOTHING for key in keys])
    earlier: list[tuple[str, str]] = []
    if len(slots) > len(codes) - codes.count(NOTHING):
        outside = slots.keys() - set(keys)
        earlier = _earlier((key, *slots[key]) for key in outside)
    return _Placed(codes, {}, {}, earlier)


def _place(slots: Mapping[str, Slot], columns: Sequence[date]) -> _Placed:
    """Periods of any length, the worst in front where several share a day."""
    place = {day: column for column, day in enumerate(columns)}
    by_column: dict[int, list[tuple[str, str]]] = {}
    for period, (day, code) in slots.items():
        if day in place:
            by_column.setdefault(place[day], []).append((period, code))
    keys: dict[int, str] = {}
    hidden: dict[int, list[tuple[str, str]]] = {}
    codes = [NOTHING] * len(columns)
    for column, found in by_column.items():
        first, *others = sorted(found, key=lambda each: (-ALL[each[1]].weight, each[0]))
        keys[column], codes[column] = first
        if others:
            hidden[column] = others
    outside = ((key, day, code) for key, (day, code) in slots.items() if day not in place)
    return _Placed("".join(codes), keys, hidden, _earlier(outside))


def _earlier(outside: Iterable[tuple[str, date, str]]) -> list[tuple[str, str]]:
    """What is in no column, and of that only what still matters."""
    return sorted((key, code) for key, day, code in outside if day == date.min or _matters(code))


def _matters(code: str) -> bool:
    """Whether what is older than the days shown is waited for; the rest more days show."""
    return code in marks.AWAITED


def periods_of(lines: Iterable[Line]) -> list[tuple[str, str]]:
    """(feed, period) of everything that some lines show."""
    return [
        (line.feed, period)
        for line in lines
        for column in range(len(line.codes))
        for period, _ in line.periods_at(column)
    ] + [(line.feed, period) for line in lines for period, _ in line.last_earlier]
