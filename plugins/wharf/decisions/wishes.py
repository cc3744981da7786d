"""Wishes: what somebody wants decided, read from a form, a command or a JSON body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from wharf.contracts import Feed
from wharf.decisions.desk import Desk
from wharf.decisions.instants import parse_instant
from wharf.decisions.kinds import KINDS, Kind
from wharf.errors import DecisionRefused, PeriodError

LONGEST_REASON = 2000
FIELDS = {
    "kind", "feed", "period", "first", "last", "until", "reason",
    "consumer", "max_age", "batch_id", "delivery",
}  # fmt: skip
_CONTROLS = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\s]+"
)


@dataclass(frozen=True)
class Wish:
    """One decision somebody asks for; nothing of it has been checked against the ledger."""

    kind: str
    feed: str
    reason: str
    until: datetime
    period: str | None = None
    first: str | None = None
    last: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def read_wish(
    desk: Desk, fields: Mapping[str, str], now: datetime, *, tz: str | None = None
) -> Wish:
    """Read a wish from named texts.

    Args:
        desk: The contracts in force.
        fields: Of `FIELDS`; an empty text is the same as none.
        now: The instant of the wish.
        tz: The zone of times written without one; the feed's own when None.

    Raises:
        DecisionRefused: A field is missing, unknown, or cannot be read.
    """
    given = {name: text.strip() for name, text in fields.items() if text.strip()}
    if unknown := sorted(set(given) - FIELDS):
        raise DecisionRefused(unknown[0], f"unknown; fields: {', '.join(sorted(FIELDS))}")
    kind = KINDS.get(given.get("kind", ""))
    if kind is None or kind.about == "window":
        choices = ", ".join(name for name, each in KINDS.items() if each.about != "window")
        raise DecisionRefused("kind", f"{given.get('kind', '')!r} is none; use {choices}")
    feed = desk.feed(given.get("feed", ""))
    period, first, last = _periods(kind, feed, given)
    zone = tz or feed.timeliness[-1].tz
    if "until" not in given:
        raise DecisionRefused("until", "is missing: no decision goes on for ever")
    return Wish(
        kind=kind.name,
        feed=feed.feed,
        reason=plain(given.get("reason", "")),
        until=parse_instant(given["until"], now, tz=zone),
        period=period,
        first=first,
        last=last,
        detail={name: given[name] for name in _NAMED[kind.about] if name in given},
    )


_NAMED: Mapping[str, tuple[str, ...]] = {
    "delivery": (), "periods": (), "feed": (), "window": (),
    "consumer": ("consumer", "max_age"), "batch": ("batch_id",), "file": ("delivery",),
}  # fmt: skip


def plain(text: str) -> str:
    """A text of one line, without characters that hide or turn others round."""
    return _CONTROLS.sub(" ", text).strip()


def _periods(
    kind: Kind, feed: Feed, given: Mapping[str, str]
) -> tuple[str | None, str | None, str | None]:
    """The one period it is about, or the first and last day of a range."""
    if kind.about == "feed":
        if "period" in given or "first" in given:
            raise DecisionRefused("period", f"{kind.name} is about the whole feed; leave it out")
        return None, None, None
    is_range = "first" in given or "last" in given
    if is_range and kind.about != "periods":
        raise DecisionRefused("first", f"{kind.name} is about one period; say which")
    try:
        if not is_range:
            if "period" not in given:
                raise DecisionRefused("period", f"is missing; {kind.name} is about one")
            return feed.parse_period(given["period"]).key, None, None
        if "first" not in given or "last" not in given or "period" in given:
            raise DecisionRefused("first", "a range has a first and a last period, and no other")
        first, last = feed.parse_period(given["first"]), feed.parse_period(given["last"])
    except PeriodError as error:
        raise DecisionRefused("period", str(error)) from None
    return None, first.first.isoformat(), last.first.isoformat()
