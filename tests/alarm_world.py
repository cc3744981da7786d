"""An installation whose feeds come late: a clock by hand, facts by hand, and who hears of it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from wharf import alerts
from wharf.alerts import Message, Sent
from wharf.contracts.alerts import Channel
from wharf.errors import AirflowUnavailable, WharfError
from wharf.intake import Intake, open_intake
from wharf.ledger import arrivals, batches, decisions, expected, incidents
from wharf.ledger.rows import Arrival, BatchRow, Decision, Incident, Outgoing, Poll, Transition
from wharf.settings import Connection, Settings, read_settings
from wharf.watch.evaluate import settle
from wharf.watch.promises import Promises, read_promises
from wharf.watch.tick import Ticked, tick

DAY = "2026-11-20"
MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
DESK = "{name: desk, kind: webhook, connection: desk, min_level: L1}"
CHAT = "{name: chat, kind: slack, connection: chat, channel: C1, min_level: L1}"
PAGER = "{name: pager, kind: pagerduty, connection: pager, min_level: L2}"
FEED = """
feed: {name}
active: {{from: "{first}", until: "{last}"}}
table: raw.{table}
supplier: {{id: {supplier}}}
source: {{kind: local, connection: {connection}, path: "{table}_{{period:%Y%m%d}}.csv"}}
format: {{kind: csv}}
columns: {{id: {{type: string}}}}
period: {{kind: day}}
timeliness: {{tz: UTC, opens: "T-1d 22:00", due: "T+0 06:30", grace: 20m, cutoff: "T+2d 18:00"}}
{more}
"""
PRODUCT = """
product: {name}
tier: {tier}
active: {{from: "2026-11-16"}}
period: {{kind: day}}
timeliness: {{tz: UTC, decide_at: "T+0 {decide}", due: "T+0 12:00", cutoff: "T+3d 18:00"}}
inputs: {{{inputs}}}
steps: [{{dbt: "tag:risk"}}]
"""


def at(clock: str, day: int = 20) -> datetime:
    """A time of day in November."""
    hour, minute = clock.split(":")
    return MIDNIGHT + timedelta(days=day - 20, hours=int(hour), minutes=int(minute))


@dataclass(frozen=True)
class Heard:
    """One message as a channel took it."""

    channel: str
    key: str
    thread: str
    message: Message
    handle: Mapping[str, Any]

    @property
    def action(self) -> str:
        return self.message.notice.action

    @property
    def level(self) -> str:
        return self.message.notice.level

    @property
    def what(self) -> str:
        return self.message.notice.what

    @property
    def incident(self) -> str:
        return self.message.notice.key


@dataclass
class AlarmWorld:
    """One installation; every feed is due 06:30 with 20 minutes of grace."""

    root: Path
    feeds: Mapping[str, str] = field(default_factory=lambda: {"acme.a": "acme_sftp"})
    """Feed names, each with its connection."""
    channels: tuple[str, ...] = (DESK,)
    products: tuple[str, ...] = ()
    more: str = ""
    """Further lines of each contract."""
    ledger_url: str = ""
    group_wait: int = 120
    first: str = DAY
    now: datetime = MIDNIGHT + timedelta(hours=6, minutes=40)
    hosts: dict[str, str] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)
    """Channels that take nothing."""
    send: alerts.Send | None = None

    def __post_init__(self) -> None:
        for name, connection in self.feeds.items():
            supplier, _, short = name.partition(".")
            path = self.root / "project/dags/feeds" / supplier / f"{short}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(
                FEED.format(
                    name=name, table=name.replace(".", "_"), supplier=supplier,
                    connection=connection, first=self.first, last=DAY, more=self.more,
                )
            )  # fmt: skip
        for number, text in enumerate(self.products):
            name = text.split("product: ")[1].split("\n")[0]
            path = self.root / f"project/dags/products/{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            assert number < 9
        routing = "\n".join(f"  - {each}" for each in self.channels)
        (self.root / "project/dags/alerts.yaml").write_text(f"channels:\n{routing}\n")
        assert not self.promises.project.invalid, self.promises.project.invalid

    @property
    def settings(self) -> Settings:
        where = {
            "WHARF_HOME": str(self.root),
            "WHARF_ENV": "prod",
            "WHARF_PROJECT": str(self.root / "project"),
            "WHARF_GROUP_WAIT": str(self.group_wait),
        }
        return read_settings(
            where | ({"WHARF_LEDGER_URL": self.ledger_url} if self.ledger_url else {})
        )

    @cached_property
    def place(self) -> Intake:
        return open_intake(self.settings, self.resolve)

    @cached_property
    def promises(self) -> Promises:
        return read_promises(self.place.ledger, self.root / "project", self.now)

    def resolve(self, name: str) -> Connection:
        return Connection(name, "sftp", host=self.hosts.get(name, f"{name}.example"), password="x")

    def tick(self, look: bool = True) -> Ticked:
        """One tick now, after a good look at every connection."""
        if look:
            self.look()
        return tick(
            self.place, self.promises, self.now, start_run=_start_nothing, running_keys=_no_runs,
            clock=lambda: self.now, send=self.send or self._hear,
        )  # fmt: skip

    def look(self, *failing: str) -> None:
        """One look at every connection; those named fail."""
        with self.place.ledger.write() as tx:
            for name in sorted(set(self.feeds.values())):
                error = "no route to host" if name in failing else ""
                arrivals.append_poll(tx, Poll(name, self.now, not error, error=error))
                if error:
                    for feed, connection in self.feeds.items():
                        if connection == name:
                            expected.make_due(tx, feed, [DAY], self.now)

    def go(self, until: datetime, *failing: str, every: int = 1) -> None:
        """Tick every so many minutes up to an instant, that one included."""
        while self.now < until:
            self.now = min(self.now + timedelta(minutes=every), until)
            self.look(*failing)
            self.tick(look=False)

    def arrive(self, feed: str, day: str = DAY, version: int = 1) -> None:
        with self.place.ledger.write() as tx:
            path = f"{feed.replace('.', '_')}_{day.replace('-', '')}.csv"
            arrivals.append_arrivals(
                tx, [Arrival(feed, day, "", path, 9, None, self.now, f"f{version}")]
            )
            expected.make_due(tx, feed, [day], self.now)

    def batch(self, feed: str, status: str, batch_id: str = "", day: str = DAY) -> None:
        with self.place.ledger.write() as tx:
            name = batch_id or f"{feed}-{self.now:%d%H%M}"
            table = f"raw.{feed.replace('.', '_')}"
            batches.record_batch(tx, BatchRow(name, table, day, feed, status, self.now, self.now))
            batches.set_status(tx, name, status, self.now)
            expected.make_due(tx, feed, [day], self.now)

    def publish(self, feed: str, day: str = DAY) -> None:
        """As a run does: arrive, publish, and evaluate its own row at once."""
        self.arrive(feed, day)
        self.batch(feed, "PUBLISHED", day=day)
        found = self.promises.feeds[feed]
        settle(self.place, self.promises, found, found.parse_period(day), self.now)

    def decide(self, feed: str, kind: str, until: datetime | None, day: str = DAY) -> None:
        with self.place.ledger.write() as tx:
            row = Decision(feed, day, kind, until, "ada", "because", self.now)
            decisions.record_decision(tx, row)
            expected.make_due(tx, feed, [day], self.now)

    def incidents(self, kind: str = "") -> list[Incident]:
        with self.place.ledger.read() as tx:
            ids = range(1, 1000)
            found = incidents.incidents_by_id(tx, ids).values()
        return [each for each in found if kind in ("", each.kind)]

    def open(self, kind: str = "") -> list[Incident]:
        return [each for each in self.incidents(kind) if each.resolved_at is None]

    def life(self, incident: Incident) -> list[Transition]:
        with self.place.ledger.read() as tx:
            return incidents.transitions_of(tx, incident.id)

    def outbox(self) -> list[Outgoing]:
        with self.place.ledger.read() as tx:
            return incidents.messages(tx)

    def told(self, channel: str = "desk") -> list[tuple[str, str]]:
        """Action and text of what a channel heard."""
        return [(each.action, each.what) for each in self.heard if each.channel == channel]

    def _hear(
        self,
        channel: Channel,
        message: Message,
        connection: Connection,
        key: str,
        handle: Mapping[str, Any],
    ) -> Sent:
        if channel.name in self.dead:
            raise _gone(channel.name)
        self.heard.append(Heard(channel.name, key, message.thread, message, dict(handle)))
        return Sent(key, handle={**handle, "said": handle.get("said", 0) + 1})


def product(name: str, feeds: Mapping[str, str], tier: int = 1, decide: str = "07:30") -> str:
    """A product's file; each feed with its policies."""
    inputs = ", ".join(f"{feed}: {{read: same, on_missing: {how}}}" for feed, how in feeds.items())
    return PRODUCT.format(name=name, tier=tier, decide=decide, inputs=inputs)


def _gone(name: str) -> WharfError:
    from wharf.errors import ChannelError

    return ChannelError(f"channel {name!r} cannot be reached")


def _start_nothing(dag_id: str, key: str, cause: str) -> bool:
    return False


def _no_runs() -> Set[tuple[str, str]]:
    raise AirflowUnavailable("this world has no Airflow")
