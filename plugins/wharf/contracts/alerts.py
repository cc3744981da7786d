"""Routing of messages: `dags/alerts.yaml`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import time, timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from wharf.contracts.feed import Feed, Level
from wharf.contracts.formats import known_zone
from wharf.contracts.spec import Duration, OptionalText, Spec, parse_absent

Kind = Literal["webhook", "smtp", "slack", "pagerduty", "jsm", "sns", "teams"]
News = Literal["late", "quality", "own", "summary", "digest"]
ALL_NEWS: tuple[News, ...] = ("late", "quality", "own", "summary", "digest")
_OPTIONS = {
    "to": "smtp",
    "channel": "slack",
    "shape": "webhook",
    "responders": "jsm",
    "topic": "sns",
}
_TIME = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)$")


def parse_time(value: object) -> object:
    """Read `08:00` as a time of day."""
    if not isinstance(value, str):
        return value
    match = _TIME.match(value.strip())
    if not match:
        raise ValueError("write a time of day such as 08:00")
    return time(int(match[1]), int(match[2]))


def parse_hours(value: object) -> object:
    """Read `08:00-18:00` as two times of day; the second may be on the next morning."""
    if not isinstance(value, str):
        return value
    first, dash, last = value.partition("-")
    try:
        hours = parse_time(first), parse_time(last)
    except ValueError:
        dash = ""
    if not dash or hours[0] == hours[1]:
        raise ValueError("write hours such as 08:00-18:00, or 22:00-06:00 over midnight")
    return hours


Hours = Annotated[tuple[time, time], BeforeValidator(parse_hours)]
OptionalTime = Annotated[
    time | None, BeforeValidator(lambda value: parse_time(parse_absent(value)))
]
OptionalDuration = Annotated[Duration | None, BeforeValidator(parse_absent)]


class Attention(Spec):
    """When people look at a channel: pages outside are held, unless they are critical (L3)."""

    calendar: OptionalText = None
    """Its open days; without one, every day."""
    tz: str
    hours: Hours

    @field_validator("tz")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        return known_zone(value)


class Channel(Spec):
    """Where messages of some suppliers go, from which level on, and when."""

    name: Annotated[str, Field(min_length=1)]
    kind: Kind
    connection: str
    min_level: Level = "L1"
    suppliers: tuple[str, ...] = ("*",)
    """Ids or patterns such as `acme*`."""
    feeds: tuple[str, ...] = ("*",)
    """Names or patterns such as `*.positions`."""
    news: tuple[News, ...] = ALL_NEWS
    attention: Annotated[Attention | None, BeforeValidator(parse_absent)] = None
    tz: str = "UTC"
    digest: OptionalTime = None
    """When the daily digest leaves, in the channel's zone; none without."""
    repeat: OptionalDuration = timedelta(hours=4)
    """How often an open incident is told again; never when null."""
    to: tuple[str, ...] = ()
    channel: str = ""
    shape: Literal["wharf", "alertmanager"] = "wharf"
    responders: tuple[str, ...] = ()
    """Names of the teams that JSM pages."""
    topic: str = ""
    """The ARN of an SNS topic."""

    @field_validator("tz")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        return known_zone(value)

    @model_validator(mode="after")
    def _has_only_options_of_its_kind(self) -> Channel:
        for option, kind in _OPTIONS.items():
            if option in self.model_fields_set and self.kind != kind:
                raise ValueError(f"`{option}` is an option of kind {kind}, not of {self.kind}")
        return self

    @property
    def digest_tz(self) -> str:
        """The zone in which the digest's time is meant."""
        return self.attention.tz if self.attention else self.tz

    def takes(self, supplier: str, level: str, feed: str = "", news: str = "late") -> bool:
        """Whether a message goes to this channel.

        Args:
            supplier: Whom it is about; empty where it is about no single one.
            level: How loud it is.
            feed: What it is about; empty where it is about no single one.
            news: What kind of news; any kind of incident but `late` and `quality` is `own`.
        """
        if level < self.min_level or news not in self.news:
            return False
        about = not feed or matches(self.feeds, feed)
        return about and matches(self.suppliers, supplier)


class Routing(Spec):
    """All channels of a project."""

    channels: tuple[Channel, ...] = ()
    supplier_mail: OptionalText = None
    """The smtp channel through which suppliers are written to; the first one by default."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Routing:
        names = [each.name for each in self.channels]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"channels: {twice[0]!r} is there twice; give each its own name")
        mail = [each.name for each in self.channels if each.kind == "smtp"]
        if self.supplier_mail and self.supplier_mail not in mail:
            choices = ", ".join(mail) or "none yet"
            raise ValueError(
                f"supplier_mail is {self.supplier_mail!r}; smtp channels here: {choices}"
            )
        return self

    @property
    def mail_to_suppliers(self) -> Channel | None:
        """The channel through which suppliers are written to, if there is any."""
        mail = [each for each in self.channels if each.kind == "smtp"]
        named = [each for each in mail if each.name == self.supplier_mail]
        return next(iter(named or mail), None)


def loose_ends(routing: Routing, feeds: Iterable[Feed]) -> Iterator[str]:
    """What a routing with channels leaves open: feeds nobody hears of, names that match nothing."""
    if not routing.channels:
        return
    known = {feed.feed: feed for feed in feeds}
    suppliers = {feed.supplier_id for feed in known.values()}
    for channel in routing.channels:
        for what, patterns, names in (
            ("suppliers", channel.suppliers, suppliers),
            ("feeds", channel.feeds, set(known)),
        ):
            for pattern in patterns:
                if pattern != "*" and not any(matches((pattern,), name) for name in names):
                    choices = ", ".join(sorted(names)) or "none yet"
                    yield f"channel {channel.name!r}: {what} has {pattern!r}; here are {choices}"
    unheard = [
        name
        for name, feed in sorted(known.items())
        if not any(each.takes(feed.supplier_id, "L3", name) for each in routing.channels)
    ]
    if unheard:
        yield f"no channel hears when these are late: {', '.join(unheard)}"
    written = [name for name, feed in sorted(known.items()) if feed.supplier.contacts]
    if written and routing.mail_to_suppliers is None:
        yield (
            f"no smtp channel is there to write to the suppliers' contacts of {', '.join(written)}"
        )


def news_of(kind: str) -> News:
    """What kind of news an incident's or notice's kind is, for `Channel.takes`."""
    known: dict[str, News] = {each: each for each in ALL_NEWS}
    return known.get(kind, "own")


def matches(patterns: Sequence[str], name: str) -> bool:
    """Whether a name is one of these names or patterns."""
    return "*" in patterns or _matches(tuple(patterns), name)


@lru_cache(maxsize=100_000)
def _matches(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


__all__ = ["ALL_NEWS", "Attention", "Channel", "Routing", "loose_ends", "matches", "news_of"]
