"""Which earlier periods a period is compared with: Mondays with Mondays, month-ends likewise."""

from __future__ import annotations

from datetime import timedelta

from wharf.contracts import Period

ALL = ""
_DAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_MONTHS = (
    "Januaries", "Februaries", "Marches", "Aprils", "Mays", "Junes", "Julys", "Augusts",
    "Septembers", "Octobers", "Novembers", "Decembers",
)  # fmt: skip
_BY_DAY = frozenset({"hour", "day", "business_day"})


def strata_of(period: Period) -> tuple[str, ...]:
    """The kinds a period belongs to, as a plural, from the rarest to all.

    A day is a month-end, then a weekday; a month is one of its name; others are of one kind.
    """
    day = period.first
    if period.kind == "month":
        return (_MONTHS[day.month - 1], ALL)
    if period.kind not in _BY_DAY:
        return (ALL,)
    step = 3 if period.kind == "business_day" and day.weekday() == 4 else 1
    is_last = (day + timedelta(days=step)).month != day.month
    weekday = _DAYS[day.weekday()]
    return ("month-ends", weekday, ALL) if is_last else (weekday, ALL)
