"""Acme, a bank's supplier: three feeds, a risk report before eight, a desk, a pager, a mailbox."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from channel_servers import PagerDutyDesk, SlackDesk

from wharf import intake, products
from wharf.contracts import Feed, Period
from wharf.demo.receivers import MailReceiver
from wharf.intake import Intake, open_intake
from wharf.ledger import expected, facts, incidents
from wharf.ledger.rows import ExpectedDelivery, Incident, ManifestRow, Outgoing
from wharf.settings import Connection, read_settings
from wharf.timeliness.facts import State
from wharf.watch.evaluate import settle
from wharf.watch.look import look
from wharf.watch.promises import PromiseReader, Promises
from wharf.watch.tick import Ticked, tick

ZONE = ZoneInfo("Europe/Amsterdam")
REPOSITORY = Path(__file__).parents[1]
CALENDAR = """
calendar: nl_banking
weekmask: mon tue wed thu fri
public_holidays: {country: NL}
"""
FEED = """
feed: acme.{name}
active: {{from: "2026-11-19"}}
table: raw.acme_{name}
supplier: {{id: acme, contacts: {{late: ops@acme.example}}}}
source: {{kind: local, connection: acme_inbox, {source}}}
format: {{kind: csv}}
columns: {{account: {{type: string, required: true}}, amount: {{type: "decimal(18,2)"}}}}
period: {{kind: business_day, calendar: nl_banking}}
timeliness:
  {{tz: Europe/Amsterdam, opens: "T+0 22:00", due: "T+1bd 06:30", grace: {grace},
   cutoff: "T+3bd 18:00"}}
"""
IN_PARTS = (
    'path: "pos_{period:%Y%m%d}_{part}.csv", parts: [a, b, c], done_flag: "pos_{period:%Y%m%d}.ok"'
)
PRODUCT = """
product: {name}
tier: {tier}
active: {{from: "2026-11-19"}}
period: {{kind: business_day, calendar: nl_banking}}
timeliness:
  {{tz: Europe/Amsterdam, decide_at: "T+1bd 07:30", due: "T+1bd 08:00", cutoff: "T+3bd 18:00"}}
inputs: {{{feed}: {{read: same, on_missing: [wait, {{last_good: {{max_age: 3bd}}}}, fail]}}}}
steps: [{{dbt: "tag:{name}"}}]
"""
MODEL = """{{{{ config(tags=['{name}']) }}}}
select account, sum(amount) as amount, count(*) as positions
from {{{{ source('raw', '{table}') }}}}
group by account
"""
SUITE = {
    "expectations": [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "amount", "min_value": 0},
            "severity": "critical",
        }
    ]
}
ROUTING = """
channels:
  - {name: desk, kind: slack, connection: desk, channel: "#desk", repeat: 4h}
  - {name: pager, kind: pagerduty, connection: pager, min_level: L2}
  - {name: mail, kind: smtp, connection: mail, to: [desk@bank.example], min_level: L3}
"""


def at(day: str, clock: str) -> datetime:
    """A time of day in Amsterdam."""
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZONE)


BEGINS = at("2026-11-20", "05:40")


@dataclass
class Bank:
    """The installation; its clock is set by hand, its channels are servers of this machine."""

    root: Path
    now: datetime = BEGINS
    started: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.slack, self.pager = SlackDesk(), PagerDutyDesk()
        self.mailbox = MailReceiver(self.root / "mails.jsonl")
        self.inbox.mkdir(parents=True)
        _write_project(self.root / "project")
        settings = read_settings(
            {
                "WHARF_HOME": str(self.root / "home"),
                "WHARF_PROJECT": str(self.root / "project"),
                "WHARF_GROUP_WAIT": "120",
                "WHARF_RERUN_WAIT": "0",
            }
        )
        self.place: Intake = open_intake(settings, self.resolve)
        self.reader = PromiseReader(settings.project)

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    def serving(self, stack: ExitStack) -> Bank:
        """With the channels' servers on, until the stack closes."""
        stack.enter_context(self.slack.serving())
        stack.enter_context(self.pager.serving())
        stack.enter_context(self.mailbox)
        return self

    def resolve(self, connection_id: str) -> Connection:
        known: Mapping[str, Connection] = {
            "acme_inbox": Connection("acme_inbox", "local", extra={"root": str(self.inbox)}),
            "desk": self.slack.connection,
            "pager": self.pager.connection,
            "mail": Connection(
                "mail", "smtp", "127.0.0.1", self.mailbox.port,
                extra={"from_email": "wharf@bank.example", "disable_ssl": True,
                       "disable_tls": True, "tls": "none"},
            ),
        }  # fmt: skip
        return replace(known[connection_id], id=connection_id)

    @property
    def promises(self) -> Promises:
        return self.reader.read(self.place.ledger, self.now)

    @property
    def context(self) -> products.Context:
        place = self.place
        return products.Context(
            place.settings, self.promises.project, place.ledger, place.lake, place.batches
        )

    def until(self, day: str, clock: str, every: timedelta = timedelta(minutes=9)) -> Ticked:
        """Let the minutes go by: a look and a tick every so often, and one at the very instant."""
        end = at(day, clock)
        while self.now + every < end:
            self.now += every
            self.tick()
        self.now = end
        return self.tick()

    def tick(self) -> Ticked:
        def start(dag_id: str, key: str, cause: str) -> bool:
            self.started.append((dag_id, key, cause))
            return True

        look(self.place, self.promises.feeds, self.now)
        return tick(self.place, self.promises, self.now, start_run=start, running_keys=set)

    def feed(self, name: str) -> Feed:
        return self.promises.feeds[f"acme.{name}"]

    def send(self, name: str, rows: str) -> None:
        """Acme puts a file into the inbox."""
        file = self.inbox / name
        file.write_text(rows)
        os.utime(file, (self.now.timestamp(), self.now.timestamp()))

    def stage(self, name: str, day: str) -> str:
        """The first half of a feed's run; gives the batch."""
        feed, period = self.feed(name), self.period(name, day)
        intake.land_delivery(self.place, feed, period, now=self.now)
        return intake.stage_batch(self.place, feed, period, now=self.now, run_id="run")

    def audit(self, name: str, batch: str) -> None:
        intake.audit_batch(self.place, self.feed(name), batch, now=self.now)

    def publish(self, name: str, day: str, batch: str) -> State:
        feed = self.feed(name)
        intake.publish_batch(self.place, feed, batch, now=self.now, by="run")
        return settle(self.place, self.promises, feed, self.period(name, day), self.now)

    def make(self, product: str, day: str) -> ManifestRow:
        """One whole run of a product."""
        row = products.gather(self.context, product, day, now=self.now)
        assert isinstance(row, ManifestRow), row
        products.run_step(self.context, product, row.manifest_id, 0, now=self.now, run_id="run")
        products.release(self.context, product, row.manifest_id, now=self.now, by="run")
        return row

    def period(self, name: str, day: str) -> Period:
        return self.feed(name).parse_period(day)

    def row(self, name: str, day: str) -> ExpectedDelivery:
        with self.place.ledger.read() as tx:
            found = expected.find_expected(tx, f"acme.{name}", day)
        assert found is not None
        return found

    def state(self, name: str, day: str) -> State:
        """What the board shows at this second."""
        row = self.row(name, day)
        with self.place.ledger.read() as tx:
            return facts.state_of(tx, self.feed(name), row, self.now)

    def incident(self, name: str, day: str, kind: str) -> Incident:
        with self.place.ledger.read() as tx:
            found = incidents.incidents_of(tx, f"acme.{name}", day)
        [one] = [each for each in found if each.kind == kind]
        return one

    def sent(self) -> list[Outgoing]:
        with self.place.ledger.read() as tx:
            return incidents.messages(tx)


def _write_project(project: Path) -> None:
    files: dict[str, Any] = {
        "dags/calendars/nl_banking.yaml": CALENDAR,
        "dags/alerts.yaml": ROUTING,
        "dags/feeds/acme/positions.yaml": FEED.format(
            name="positions", source=IN_PARTS, grace="20m"
        ),
        "dags/products/risk_daily.yaml": PRODUCT.format(
            name="risk_daily", tier=1, feed="acme.positions"
        ),
        "dags/products/trades_daily.yaml": PRODUCT.format(
            name="trades_daily", tier=2, feed="acme.trades"
        ),
        "dbt/models/facts/risk_daily.sql": MODEL.format(name="risk_daily", table="acme_positions"),
        "dbt/models/facts/trades_daily.sql": MODEL.format(name="trades_daily", table="acme_trades"),
        "dbt/models/sources.yml": json.dumps(
            {
                "version": 2,
                "sources": [
                    {
                        "name": "raw",
                        "schema": "raw",
                        "tables": [{"name": "acme_positions"}, {"name": "acme_trades"}],
                    }
                ],
            }
        ),
    }
    for name in ("trades", "rates"):
        source = f'path: "{name}_{{period:%Y%m%d}}.csv"'
        text = FEED.format(name=name, source=source, grace="25m")
        files[f"dags/feeds/acme/{name}.yaml"] = text
    for name in ("positions", "trades", "rates"):
        files[f"expectations/acme/{name}.json"] = json.dumps({"name": f"acme.{name}", **SUITE})
    for name in ("dbt_project.yml", "profiles.yml"):
        files[f"dbt/{name}"] = (REPOSITORY / "dbt" / name).read_text()
    for name, text in files.items():
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    shutil.copytree(REPOSITORY / "dbt" / "macros", project / "dbt" / "macros")
