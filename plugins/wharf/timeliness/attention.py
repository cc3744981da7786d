"""Attention: when the people behind a channel may be called. The supplier's days are another thing.

The calendar of a feed says when a supplier delivers; that of a channel says when we look. A page
that may wait is held until somebody looks; a critical one is not.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from wharf.contracts.alerts import Attention
from wharf.timeliness.calendars import OpenDays
from wharf.timeliness.points import to_utc

_PAGES, _CRITICAL = "L2", "L3"
_DAY = timedelta(days=1)


def may_page(attention: Attention | None, days: OpenDays, level: str, at: datetime) -> bool:
    """Whether a message of a level may go out at an instant.

    Args:
        attention: When the channel's people look; None for always.
        days: Open days of its calendar.
        level: `L0` and `L1` wake nobody and `L3` is critical: only `L2` has to wait.
        at: The instant.
    """
    if attention is None or level < _PAGES or level >= _CRITICAL:
        return True
    return next_attention(attention, days, at) == at


def next_attention(attention: Attention | None, days: OpenDays, at: datetime) -> datetime:
    """The first instant, from one on, at which a channel's people look; UTC.

    Raises:
        ContractError: Its calendar has no open day within ten years.
    """
    if attention is None:
        return at
    # Hours over midnight belong to the day on which they begin.
    day = at.astimezone(UTC).date() - 2 * _DAY
    while True:
        day = days.next_open(day)
        begins, ends = _hours(attention, day)
        if at < ends:
            return max(at, begins)
        day += _DAY


def _hours(attention: Attention, day: date) -> tuple[datetime, datetime]:
    opens, closes = attention.hours
    last = day if opens < closes else day + _DAY
    begins = to_utc(datetime.combine(day, opens), attention.tz, "first")
    return begins, to_utc(datetime.combine(last, closes), attention.tz, "last")
