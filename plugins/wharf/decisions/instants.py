"""Instants as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from wharf.contracts.spec import parse_duration
from wharf.errors import DecisionRefused


def parse_instant(
    text: str, now: datetime, *, tz: str = "UTC", field: str = "until", ends: bool = True
) -> datetime:
    """Read an instant: `2h` from now, `2026-11-20T09:30` with or without a zone, or a day.

    Args:
        text: What was written.
        now: The instant that a duration counts from.
        tz: The zone of what is written without one.
        field: The name of what was written, for the message.
        ends: Whether a day alone stands for its end; otherwise for its beginning.

    Raises:
        DecisionRefused: It is none of these.
    """
    written = text.strip()
    try:
        duration = parse_duration(written.removeprefix("+"))
    except (ValueError, OverflowError):
        duration = None
    try:
        if isinstance(duration, timedelta):
            return (now + duration).astimezone(UTC)
        zone = ZoneInfo(tz)
        if len(written) == len("2026-11-20"):
            day = date.fromisoformat(written) + timedelta(days=ends)
            return datetime.combine(day, datetime.min.time(), zone).astimezone(UTC)
        instant = datetime.fromisoformat(written)
        return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise DecisionRefused(
            field, f"{text!r} is no time; write 2026-11-20T09:30, a day, or 2h from now"
        ) from None
