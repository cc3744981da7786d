"""A big ledger to measure: contracts in a temporary place, and their past made by bulk SQL."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from sqlalchemy import text

from wharf.contracts import Period
from wharf.intake import Intake, open_intake
from wharf.ledger.feeds import feed_ids
from wharf.ledger.learned import BOOKMARK
from wharf.settings import Connection, Settings, read_settings
from wharf.timeliness.calendars import open_days
from wharf.timeliness.points import clock_points
from wharf.watch.promises import Promises, read_promises

NOW = datetime(2026, 11, 20, 12, 31, tzinfo=UTC)
OPEN_FOR = 200
FEED = """
feed: s{supplier}.f{number}
active: {{from: "{first}"}}
table: raw.s{supplier}_f{number}
supplier: {{id: s{supplier}}}
source: {{kind: local, connection: c{connection}, path: "f{number}_{{period:%Y%m%d}}.csv"}}
format: {{kind: csv}}
columns: {{id: {{type: string}}}}
period: {{kind: day}}
timeliness: {{tz: UTC, opens: "T+0 06:00", warn: "T+0 11:00", due: "T+0 12:00", grace: 30m,
  cutoff: "T+{open_for}d 00:00"}}
"""
PRODUCT = """
product: p{number}
tier: {tier}
active: {{from: "{first}"}}
period: {{kind: day}}
timeliness: {{tz: UTC, decide_at: "T+0 14:00", due: "T+0 15:00", cutoff: "T+3d 00:00"}}
inputs: {{s{supplier}.f{feed}: {{read: same, on_missing: [{{last_good: {{max_age: 3d}}}}, fail]}}}}
steps: [{{dbt: "tag:p{number}"}}]
"""
ROUTING = "channels: [{name: desk, kind: webhook, connection: desk, min_level: L1}]\n"


@dataclass
class World:
    """An installation made for measuring."""

    root: Path
    url: str
    feeds: int
    rows: int
    connections: int = 20
    open_for: int = OPEN_FOR
    settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        self.settings = read_settings(
            {
                "WHARF_HOME": str(self.root / "home"),
                "WHARF_PROJECT": str(self.root / "project"),
                "WHARF_LEDGER_URL": self.url,
                "WHARF_ENV": "prod",
            }
        )
        first = f"{NOW - timedelta(days=self.periods - 1):%Y-%m-%d}"
        for number in range(self.feeds):
            named = {"number": number, "supplier": number // 20, "first": first}
            self._write(
                f"feeds/s{number // 20}/f{number}.yaml",
                FEED.format(connection=number % self.connections, open_for=self.open_for, **named),
            )
            if number % 10 == 0:
                tier = 1 + number // 10 % 3
                self._write(
                    f"products/p{number}.yaml", PRODUCT.format(feed=number, tier=tier, **named)
                )
        self._write("alerts.yaml", ROUTING)

    @property
    def periods(self) -> int:
        return self.rows // self.feeds

    def open(self) -> tuple[Intake, Promises]:
        place = open_intake(self.settings, self.resolve)
        return place, read_promises(place.ledger, self.settings.project, NOW)

    def resolve(self, connection_id: str) -> Connection:
        return Connection(connection_id, "local", extra={"root": str(self.root / connection_id)})

    def _write(self, name: str, content: str) -> None:
        file = self.settings.project / "dags" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)


def fill(world: World, place: Intake, promises: Promises) -> None:
    """Write the past by bulk SQL, as production would have left it."""
    feed = next(iter(promises.feeds.values()))
    days = open_days(None)
    calendar = []
    for back in range(world.periods):
        period = Period.containing("day", (NOW - timedelta(days=back)).date())
        points = clock_points(feed, period, days)
        calendar.append(
            {
                "back": back,
                "period": period.key,
                **{
                    name: getattr(points, name).replace(tzinfo=None)
                    for name in (
                        "opens_at", "expected_at", "warn_at", "due_at", "late_at", "cutoff_at",
                    )
                },
            }
        )  # fmt: skip
    with place.ledger.write() as tx:
        feed_ids(tx, promises.feeds)
    moment = "timestamp" if place.ledger.engine.dialect.name == "postgresql" else "datetime"
    with place.ledger.write() as tx:
        tx.execute(
            text(
                f"CREATE TABLE bench_day (back integer, period text, opens_at {moment}, "
                f"expected_at {moment}, warn_at {moment}, due_at {moment}, late_at {moment}, "
                f"cutoff_at {moment})"
            )
        )
        names = tuple(calendar[0])
        marks = ", ".join(f":{name}" for name in names)
        tx.execute(text(f"INSERT INTO bench_day VALUES ({marks})"), calendar)
    for statement in _statements(place.ledger.engine.dialect.name, world):
        with place.ledger.write() as tx:
            tx.execute(text(statement))
    with place.ledger.write() as tx:
        tx.execute(text("DROP TABLE bench_day"))
        last = text("INSERT INTO bookmark SELECT :name, max(seq) FROM expected_delivery_event")
        tx.execute(last, {"name": BOOKMARK})
        tx.execute(text("ANALYZE"))


def _statements(dialect: str, world: World) -> Iterator[str]:
    """Rows, then what became of them; `fate` gives each row a number below 1,000."""
    fate = "((f.id * 7919 + d.back * 104729) % 1000)"
    late = f"(d.back > 0 AND d.back < {world.open_for} AND {fate} < 20)"
    gone = f"(d.back >= {world.open_for} AND {fate} < 10)"
    waits = f"(d.back = 0 AND {fate} < 50)"
    came = f"NOT ({late} OR {gone} OR {waits})"
    yes, no = ("1", "0") if dialect == "sqlite" else ("true", "false")
    hour = "d.due_at"
    yield f"""INSERT INTO expected_delivery (feed_id, period, period_first, contract, calendar,
        stratum, not_usual_because, expected, closed_because, notifies, judge_by, opens_at,
        expected_at, warn_at, due_at, late_at, cutoff_at, timeliness, delivery, reason, batch_id,
        complete_at, evaluated_at, next_change_at, run_at)
        SELECT f.id, d.period, d.period, 'c', '', '', '', {yes}, '', {yes}, 'arrival', d.opens_at,
        d.expected_at, d.warn_at, d.due_at, d.late_at, d.cutoff_at,
        CASE WHEN {late} THEN 'LATE' WHEN {gone} THEN 'MISSING' WHEN {waits} THEN 'AT_RISK'
             ELSE 'ON_TIME' END,
        CASE WHEN {came} THEN 'PUBLISHED' ELSE 'NONE' END, 'as it was recorded',
        CASE WHEN {came} THEN 'b-' || f.id || '-' || d.period END,
        CASE WHEN {came} THEN d.warn_at END, {hour},
        CASE WHEN {came} OR {gone} THEN NULL ELSE d.late_at END,
        d.opens_at
        FROM bench_day d CROSS JOIN feed f ORDER BY d.back DESC, f.id"""
    rows = "expected_delivery e JOIN feed f ON f.id = e.feed_id"
    there = f"FROM {rows} WHERE e.delivery = 'PUBLISHED' ORDER BY e.id"
    yield f"""INSERT INTO arrival (feed_id, period, part, path, size, source_ts, first_seen,
        fingerprint, is_done_flag, withdrawn) SELECT e.feed_id, e.period, '',
        substr(f.name, instr(f.name, '.') + 1) || '_' || replace(e.period, '-', '') || '.csv',
        4, NULL, e.warn_at, 'as it was', {no}, {no} {there}""".replace(
        "instr(f.name, '.')", "instr(f.name, '.')" if dialect == "sqlite" else "strpos(f.name, '.')"
    )
    yield """INSERT INTO delivery (feed_id, period, part, version, verdict, arrival_seq, path, uri,
        size, sha256, arrived_at, landed_at, outcome, reason) SELECT a.feed_id, a.period, '', 1,
        'NEW', a.seq, a.path, 'file:///landing', 4, 'sha-' || a.seq, a.first_seen, a.first_seen,
        'loaded', '' FROM arrival a ORDER BY a.seq"""
    yield f"""INSERT INTO batch (batch_id, "table", period, subject, status, version, rows_in_file,
        rows_staged, rows_quarantined, run_id, staged_at, status_at, results, findings, origin)
        SELECT e.batch_id, 'raw.' || replace(f.name, '.', '_'), e.period, f.name, 'PUBLISHED', 1,
        9, 9, 0, '', e.warn_at, e.warn_at, '', '[]', '{{}}' {there}"""
    yield f"""INSERT INTO publish_event ("table", period, batch_id, action, snapshot_id, at, "by",
        reason) SELECT 'raw.' || replace(f.name, '.', '_'), e.period, e.batch_id, 'publish', e.id,
        e.warn_at, 'run', '' {there}"""
    yield """INSERT INTO expected_delivery_event (expected_id, at, was, "is", why)
        SELECT e.id, e.due_at, '{"timeliness": "DUE"}', '{"timeliness": "ON_TIME"}', ''
        FROM expected_delivery e ORDER BY e.id"""
    yield f"""INSERT INTO run (dag_id, key, cause, at) SELECT 'feed__' || replace(f.name, '.',
        '__'), e.period, 'row-' || e.id, e.opens_at FROM {rows} ORDER BY e.id"""
    yield f"""INSERT INTO poll (connection, at, ok, listed, error) SELECT 'c' || (f.id %
        {world.connections}), d.due_at, {yes}, 100, '' FROM bench_day d CROSS JOIN feed f
        WHERE f.id <= 100 AND d.back < 200 ORDER BY d.back DESC"""
