"""A ledger that ticks by hand: three feeds of two suppliers, what becomes known, who is told."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from wharf.alerts import Message, Sent
from wharf.batches import Batches
from wharf.contracts import Feed
from wharf.contracts.alerts import Channel
from wharf.errors import AirflowUnavailable
from wharf.intake import Intake, open_intake
from wharf.ledger import Ledger, arrivals, batches, expected, incidents
from wharf.ledger.rows import Arrival, BatchRow, ExpectedDelivery, Incident, Outgoing, Poll
from wharf.settings import Connection, Settings, read_settings
from wharf.watch.promises import Promises, read_promises
from wharf.watch.tick import Ticked, tick

START = datetime(2026, 11, 15, tzinfo=UTC)
FEEDS = {"acme.prices": (), "acme.stock": ("a", "b"), "beta.prices": ()}
DAYS = ("2026-11-16", "2026-11-17", "2026-11-18")
FIRST = datetime(2026, 11, 16, tzinfo=UTC)
END = datetime(2026, 11, 20, tzinfo=UTC)
"""All that happens, happens from `FIRST` on and before `END`; each day's cut-off is past then."""
CONTRACT = """
feed: {feed}
active: {{from: "{first}", until: "{last}"}}
table: raw.{table}
supplier: {{id: {supplier}}}
source: {{kind: local, connection: {supplier}_inbox, path: "{table}_{{period:%Y%m%d}}{part}.csv",
         parts: [{parts}], absence: withdrawn}}
format: {{kind: csv}}
columns: {{id: {{type: string}}}}
period: {{kind: day}}
timeliness: {{tz: UTC, opens: "T+0 06:00", warn: "T+0 11:00", due: "T+0 12:00", grace: 20m,
             cutoff: "T+1d 00:00"}}
"""
ROUTING = "channels: [{name: desk, kind: webhook, connection: desk, min_level: L1}]\n"


ABOUT_TICKS = {"id", "feed_id", "evaluated_at", "run_at", "fresh_seq", "not_usual_because"}
"""Of a row: its names, and traces of the looks and ticks themselves."""


@dataclass(frozen=True)
class Fact:
    """Something that becomes known at an instant."""

    feed: str
    day: str
    kind: str
    """`arrived`, `empty`, `withdrawn`, `published`, `quarantined`, `looked` or `blind`."""
    at: datetime
    part: int = 0

    @property
    def parts(self) -> tuple[str, ...]:
        """The feed's parts, one without a name where it has none."""
        return FEEDS[self.feed] or ("",)


@dataclass
class TickWorld:
    """One installation without Airflow; make it in an empty folder, or on a copy of another."""

    root: Path
    told: list[tuple[str, str]] = field(default_factory=list)
    """(channel, message key) of every message handed to a channel."""
    on_send: Callable[[str, str], None] = lambda channel, key: None
    is_durable: bool = False
    """Whether what was written outlives a killed process; slower."""

    @classmethod
    def make(cls, root: Path) -> TickWorld:
        """Write the project, and bring the stores up to date once."""
        for name, parts in FEEDS.items():
            supplier, _, short = name.partition(".")
            path = root / "project/dags/feeds" / supplier / f"{short}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(
                CONTRACT.format(
                    feed=name, supplier=supplier, table=name.replace(".", "_"), first=DAYS[0],
                    last=DAYS[-1], parts=", ".join(parts), part="_{part}" if parts else "",
                )
            )  # fmt: skip
        (root / "project/dags/alerts.yaml").write_text(ROUTING)
        world = cls(root)
        assert set(world.promises.feeds) == set(FEEDS), world.promises.project.invalid
        world.close()
        return world

    def copy_to(self, root: Path) -> TickWorld:
        """The same installation in another folder."""
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.root, root)
        return TickWorld(root)

    @property
    def settings(self) -> Settings:
        project = str(self.root / "project")
        return read_settings(
            {"WHARF_HOME": str(self.root), "WHARF_PROJECT": project, "WHARF_ENV": "prod"}
        )

    @cached_property
    def place(self) -> Intake:
        place = open_intake(self.settings, lambda name: Connection(name, "local"))
        if self.is_durable:
            return place
        ledger = Ledger.open(self.settings.ledger_url, throw_away=True)
        return replace(place, ledger=ledger, batches=Batches(place.lake, ledger))

    def close(self) -> None:
        self.place.ledger.engine.dispose()

    @cached_property
    def promises(self) -> Promises:
        return read_promises(self.place.ledger, self.root / "project", START)

    def feed(self, name: str) -> Feed:
        return self.promises.feeds[name]

    def learn_of(self, facts: Iterable[Fact]) -> None:
        """Put facts into the ledger, as a look or a run would."""
        for fact in facts:
            with self.place.ledger.write() as tx:
                if fact.kind in {"looked", "blind"}:
                    connection = self.feed(fact.feed).source.connection
                    arrivals.append_poll(tx, Poll(connection, fact.at, fact.kind == "looked"))
                    for feed in self.promises.feeds.values():
                        if feed.source.connection == connection:
                            expected.make_due(tx, feed.feed, DAYS, fact.at)
                elif fact.kind in {"published", "quarantined"}:
                    batches.record_batch(tx, _batch(fact))
                    expected.make_due(tx, fact.feed, [fact.day], fact.at)
                else:
                    arrivals.append_arrivals(tx, [_arrival(fact)])
                    expected.make_due(tx, fact.feed, [fact.day], fact.at)

    def publish_all(self, at: datetime) -> None:
        """Publish every feed's every day, and look at every source again."""
        for look in (at, at + timedelta(minutes=1)):
            self.learn_of(Fact(name, DAYS[0], "looked", look) for name in FEEDS)
        self.learn_of(Fact(name, day, "published", at) for name in FEEDS for day in DAYS)

    def tick(self, now: datetime) -> Ticked:
        return tick(
            self.place, self.promises, now, start_run=_start_nothing, running_keys=_no_runs,
            clock=lambda: now, send=self._hear,
        )  # fmt: skip

    def settle_down(self, after: datetime) -> datetime:
        """Tick until nothing is put off any more: groups, second good ticks, retries, digests."""
        for minutes in (0, 1, 3, 35):
            self.tick(after + timedelta(minutes=minutes))
        return after + timedelta(minutes=minutes)

    def rows(self) -> dict[str, object]:
        """Every field of every expected delivery, but for traces of the ticks themselves.

        A reason also says whether anybody had looked by the last evaluation, which is such a trace.
        """
        with self.place.ledger.read() as tx:
            found = expected.expected_between(tx, "", "9999")
        return {
            f"{row.feed} {row.period} {name}": value
            for row in found
            for name, value in asdict(_without_remark(row)).items()
            if name not in ABOUT_TICKS
        }

    def open_keys(self) -> list[str]:
        """Of every open incident, those of groups and summaries too."""
        return [each.dedup_key for each in self._open()]

    def open_about_deliveries(self) -> list[str]:
        """Of every open incident about one delivery."""
        return [each.dedup_key for each in self._open() if each.kind in {"late", "quality"}]

    def _open(self) -> list[Incident]:
        with self.place.ledger.read() as tx:
            return sorted(incidents.open_incidents(tx), key=lambda each: each.dedup_key)

    def lives(self) -> list[tuple[Incident, list[str]]]:
        """Every incident with the actions of its life, oldest first."""
        from wharf.ledger import history

        found: dict[int, tuple[Incident, list[str]]] = {}
        with self.place.ledger.read() as tx:
            for incident, step in history.incident_steps(tx):
                found.setdefault(incident.id, (incident, []))[1].append(step.kind)
        return list(found.values())

    def messages(self) -> list[Outgoing]:
        with self.place.ledger.read() as tx:
            return incidents.messages(tx)

    def _hear(
        self,
        channel: Channel,
        message: Message,
        connection: Connection,
        key: str,
        handle: Mapping[str, Any] = {},
    ) -> Sent:
        self.told.append((channel.name, key))
        self.on_send(channel.name, key)
        return Sent("heard")


def play(world: TickWorld, facts: Collection[Fact], ticks: Iterable[datetime]) -> None:
    """Tick at each instant, with every fact in the ledger by then; ticks may go back in time."""
    ahead = sorted(facts, key=lambda fact: fact.at)
    for now in ticks:
        known = [fact for fact in ahead if fact.at <= now]
        world.learn_of(known)
        ahead = ahead[len(known) :]
        world.tick(now)
    world.learn_of(ahead)


def _without_remark(row: ExpectedDelivery) -> ExpectedDelivery:
    return replace(row, reason=re.sub(r"; nobody looked at the source[^;]*", "", row.reason))


def _arrival(fact: Fact) -> Arrival:
    part = fact.parts[fact.part % len(fact.parts)]
    return Arrival(
        feed=fact.feed,
        period=fact.day,
        part=part,
        path=f"{fact.feed}_{fact.day}_{part}.csv",
        size=0 if fact.kind == "empty" else 9,
        source_ts=None,
        first_seen=fact.at,
        fingerprint="withdrawn" if fact.kind == "withdrawn" else fact.at.isoformat(),
        withdrawn=fact.kind == "withdrawn",
    )


def _batch(fact: Fact) -> BatchRow:
    return BatchRow(
        batch_id=f"{fact.at:%Y%m%dT%H%M%S}-{fact.feed}-{fact.day}-{fact.kind}",
        table=f"raw.{fact.feed.replace('.', '_')}",
        period=fact.day,
        subject=fact.feed,
        status=fact.kind.upper(),
        staged_at=fact.at,
        status_at=fact.at,
    )


def _start_nothing(dag_id: str, key: str, cause: str) -> bool:
    return False


def _no_runs() -> Set[tuple[str, str]]:
    raise AirflowUnavailable("this world has no Airflow")
