"""Notices: one thing to tell people, with all that its message shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from wharf.timeliness.incidents import Transition


@dataclass(frozen=True)
class Consumer:
    """A product that reads the feed, when it decides, and what it then does."""

    product: str
    tier: int
    decide_at: datetime
    policy: str = ""


@dataclass(frozen=True)
class Link:
    """Somewhere to go; only web addresses become links."""

    label: str
    href: str


@dataclass(frozen=True)
class Attachment:
    """A small file that goes with a mail."""

    name: str
    text: str


@dataclass(frozen=True)
class Notice:
    """What happened to one incident, or of many (`summary`, `digest`), or a word to a supplier.

    The action is open, update, raise, lower, ack, repeat or resolve for an incident; summary,
    digest or test; chaser, receipt or rejection for a mail to the supplier.
    """

    key: str
    """The incident's key."""
    number: int
    """Which transition of the incident this is; the first is 1."""
    env: str
    action: str
    kind: str
    level: str
    supplier: str
    feed: str
    period: str
    at: datetime
    what: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    tz: str = "UTC"
    usual: str = ""
    """The usual arrival, such as "by 05:52, at the latest 06:10"."""
    consumers: tuple[Consumer, ...] = ()
    automatic: tuple[str, ...] = ()
    """What happens without anybody doing anything."""
    actions: tuple[str, ...] = ()
    """What a person can do, as commands or sentences."""
    links: tuple[Link, ...] = ()
    streak: int = 1
    """How many periods in a row are late, with this one."""
    missed: int = 0
    lines: tuple[str, ...] = ()
    """What a summary is made of."""
    thread: str = ""
    """Names the thread of messages, where the key had an incident before; the key by default."""
    to: tuple[str, ...] = ()
    """Whom to mail instead of the channel's own recipients."""
    attachments: tuple[Attachment, ...] = ()

    @classmethod
    def of(cls, transition: Transition, *, number: int, env: str, **more: Any) -> Notice:
        """The notice of an incident's transition.

        Args:
            transition: What was decided.
            number: Its number in the incident's life, from 1.
            env: Name of the installation.
            more: Any other field of a notice.
        """
        values: dict[str, Any] = {
            "action": transition.action,
            "kind": transition.kind,
            "level": transition.level,
            "supplier": transition.supplier,
            "feed": transition.feed,
            "period": transition.period,
            "at": transition.at,
            "what": transition.what,
            "numbers": transition.numbers,
            "tz": transition.tz,
        }
        return cls(key=transition.key, number=number, env=env, **{**values, **more})

    def to_json(self) -> dict[str, Any]:
        """The notice as JSON values, as an outbox keeps it."""
        values = asdict(self)
        values["at"] = self.at.isoformat()
        for consumer in values["consumers"]:
            consumer["decide_at"] = consumer["decide_at"].isoformat()
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Notice:
        """Read a notice back from `to_json`."""
        consumers = [
            Consumer(**{**each, "decide_at": datetime.fromisoformat(each["decide_at"])})
            for each in values.get("consumers", ())
        ]
        return cls(
            **{
                **values,
                "at": datetime.fromisoformat(values["at"]),
                "consumers": tuple(consumers),
                "links": tuple(Link(**each) for each in values.get("links", ())),
                "attachments": tuple(Attachment(**each) for each in values.get("attachments", ())),
                **{n: tuple(values.get(n, ())) for n in ("automatic", "actions", "lines", "to")},
            }
        )

    @property
    def is_about_a_delivery(self) -> bool:
        """Whether the notice tells of one incident, not of many or of none."""
        return self.action not in {"test", "summary", "digest"}

    @property
    def is_for_the_supplier(self) -> bool:
        """Whether it is a word to the supplier: it tells nothing of our own affairs."""
        return self.action in {"chaser", "receipt", "rejection"}

    @property
    def due_at(self) -> datetime | None:
        """When the delivery was due, if the notice says so."""
        return _instant(self.numbers.get("due_at"))

    @property
    def late_since(self) -> datetime | None:
        """When the alarm rang or will ring: due plus grace, or the promise."""
        return _instant(self.numbers.get("late_at"))

    @property
    def late_minutes(self) -> int | None:
        """Minutes from due to when it came, or to the notice while it has not come.

        A delivery that came in time has none; one judged by submission counts as it was sent.
        """
        if self.numbers.get("late_by_min") is not None:
            return int(self.numbers["late_by_min"])
        if self.due_at is None or self.numbers.get("complete_at"):
            return None
        return max((self.at - self.due_at) // timedelta(minutes=1), 0)


def test_notice(env: str, now: datetime) -> Notice:
    """A notice that only asks whether a channel works."""
    return Notice(
        key=f"wharf:{env}:test:{now:%Y%m%dT%H%M%SZ}",
        number=1,
        env=env,
        action="test",
        kind="test",
        level="L1",
        supplier="",
        feed="",
        period="",
        at=now,
        what="a test message; nothing is wrong",
    )


def _instant(value: object) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else None
