"""How long the watch and the board take on a big ledger: ours, the plain ways, and the limits.

Run: python bench/ledger.py [--rows 1000000] [--feeds 500] [--engine sqlite|postgres] [--look 1000]

A ledger of so many expected deliveries is made by bulk SQL in a temporary place: daily feeds, each
row open for 200 days, so that a tenth of the rows is open; 2 in 100 open rows are late with an
incident, 1 in 10 feeds has a product behind it. Every other row came, was landed and published.
Then the tick, the board's pages and the look are timed as they run in production.
- tick, n due: one whole `tick` with n rows to evaluate; `row by row` is the plain way, each row
  with its own queries, on a sample; `bare SQL` reads the same rows and writes them back unjudged.
- board: a page as the browser gets it; `bare SQL` reads the columns that its cells are made of,
  `row by row` evaluates each of its rows, on a sample.
- look: local folders with a file for each period; `each file, each feed` matches the plain way, on
  one connection; `bare scan` lists the folders and asks for each file's size.
Figures are medians of the rounds; a sample is scaled up to the whole. `computing` is processor time
of this process: with SQLite nearly all there is, with Postgres without the server's.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from sqlalchemy import event, text

from wharf import alerts
from wharf.contracts import Period
from wharf.demo.postgres import running_postgres
from wharf.intake import Intake, open_intake
from wharf.ledger import Ledger, arrivals, expected, facts
from wharf.ledger.feeds import feed_ids
from wharf.ledger.learned import BOOKMARK
from wharf.ledger.rows import ExpectedDelivery, Poll
from wharf.settings import Connection, Settings, read_settings
from wharf.timeliness import matching
from wharf.timeliness.calendars import open_days
from wharf.timeliness.points import clock_points
from wharf.timeliness.states import evaluate
from wharf.watch.evaluate import settle
from wharf.watch.look import look
from wharf.watch.promises import Promises, read_promises
from wharf.watch.starts import wanted_runs
from wharf.watch.tick import tick

NOW = datetime(2026, 11, 20, 12, 31, tzinfo=UTC)
OPEN_FOR = 200
SAMPLE = 200
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


@dataclass
class Watch:
    """Times writing transactions, so that the longest one can be told."""

    longest: float = 0.0
    _begun: float = 0.0

    def over(self, ledger: Ledger) -> None:
        event.listen(ledger.engine, "begin", self._begin)
        event.listen(ledger.engine, "commit", self._end)

    def _begin(self, connection: object) -> None:
        self._begun = time.perf_counter()

    def _end(self, connection: object) -> None:
        options = connection.get_execution_options()  # type: ignore[attr-defined]
        if options.get("wharf_write"):
            self.longest = max(self.longest, time.perf_counter() - self._begun)


@dataclass(frozen=True)
class Taken:
    """Seconds on the clock, and of them what this process computed: the machine may be busy."""

    wall: float
    cpu: float

    def times(self, factor: float) -> Taken:
        return Taken(self.wall * factor, self.cpu * factor)


def timed(rounds: int, body: Callable[[], object], before: Callable[[], object] = int) -> Taken:
    wall, cpu = [], []
    for _ in range(rounds):
        before()
        begun, computed = time.perf_counter(), time.process_time()
        body()
        wall.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - computed)
    return Taken(statistics.median(wall), statistics.median(cpu))


def peak() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"


def line(what: str, taken: Taken, note: str = "", ours: Taken | None = None) -> None:
    ratio = f"{taken.wall / ours.wall:>8.2f}x" if ours else " " * 9
    figures = f"{taken.wall * 1000:>9.1f} ms{taken.cpu * 1000:>9.1f} ms"
    print(f"{what:46}{figures}{ratio}   {note}", flush=True)


def sent(*_given: object, **_named: object) -> alerts.Sent:
    return alerts.Sent("1")


def ticks(place: Intake, promises: Promises, world: World, rounds: int) -> None:
    watch = Watch()
    watch.over(place.ledger)
    minute = iter(range(10_000))

    def once(at: datetime | None = None) -> object:
        now = at or NOW + timedelta(minutes=next(minute))
        return tick(
            place,
            promises,
            now,
            start_run=lambda *_: True,
            running_keys=set,
            clock=lambda: now,
            send=sent,
        )

    line("first tick (makes rows, opens incidents)", timed(1, once), f"{peak()}")
    calm_down(place.ledger)
    for _ in range(3):
        look_well(place.ledger, world, NOW + timedelta(minutes=next(minute)))
        once()
    watch.longest = 0.0
    idle = timed(rounds, once)
    line("tick, nothing due", idle)
    open_rows = world.feeds * min(world.open_for, world.periods)
    for count in (200, 2000, open_rows):
        again = rounds if count < 10_000 else 1
        ours = timed(again, once, lambda n=count: make_due(place.ledger, n))
        line(f"tick, {count:,} due", ours, f"longest write {watch.longest * 1000:.0f} ms, {peak()}")
        if count == 2000:
            plain(place, promises, count, ours)
    watch.longest = 0.0
    tomorrow = NOW + timedelta(days=1)
    storm = timed(1, lambda: once(tomorrow))
    line(f"tick, {world.feeds} feeds late at once", storm, f"longest {watch.longest * 1000:.0f} ms")
    settled = tomorrow + timedelta(minutes=1)
    ours = timed(rounds, lambda: wanted_runs(place.ledger, promises, set(), settled))
    line("which runs are wanted", ours)
    line("  plain: read all opened rows", timed(1, lambda: all_opened(place.ledger)), ours=ours)


def calm_down(ledger: Ledger) -> None:
    """Note a run for every product's period: 200 a tick would be started of them."""
    with ledger.write() as tx:
        tx.execute(
            text(
                "INSERT INTO run (dag_id, key, cause, at) SELECT 'product__' || p.product, "
                "p.period, 'past', p.opens_at FROM product_period p WHERE NOT EXISTS (SELECT 1 "
                "FROM run r WHERE r.dag_id = 'product__' || p.product AND r.key = p.period)"
            )
        )


def look_well(ledger: Ledger, world: World, now: datetime) -> None:
    with ledger.write() as tx:
        for number in range(world.connections):
            arrivals.append_poll(tx, Poll(f"c{number}", now, ok=True))


def make_due(ledger: Ledger, count: int) -> None:
    with ledger.write() as tx:
        tx.execute(
            text(
                "UPDATE expected_delivery SET next_change_at = evaluated_at WHERE id IN "
                "(SELECT id FROM expected_delivery WHERE cutoff_at > :now AND opens_at <= :now "
                "ORDER BY cutoff_at DESC LIMIT :count)"
            ),
            {"now": NOW.replace(tzinfo=None), "count": count},
        )


def plain(place: Intake, promises: Promises, count: int, ours: Taken) -> None:
    """The same rows one by one, and read and written back without being judged."""
    make_due(place.ledger, count)
    with place.ledger.read() as tx:
        rows = expected.due_for_evaluation(tx, NOW + timedelta(days=2), count)
    some = rows[:: max(1, len(rows) // SAMPLE)]

    def one_by_one() -> None:
        for row in some:
            feed = promises.feeds[row.feed]
            settle(place, promises, feed, feed.parse_period(row.period), NOW)

    taken = timed(1, one_by_one).times(count / len(some))
    line("  plain: row by row", taken, f"of {len(some)} rows", ours)
    line("  limit: bare SQL", timed(3, lambda: bare_update(place.ledger, rows)), ours=ours)


def bare_update(ledger: Ledger, rows: list[ExpectedDelivery]) -> None:
    with ledger.write() as tx:
        ids = ", ".join(str(row.id) for row in rows)
        read = tx.exec_driver_sql(f"SELECT * FROM expected_delivery WHERE id IN ({ids})").all()
        tx.execute(
            text(
                "UPDATE expected_delivery SET timeliness = :t, delivery = :d, reason = :r, "
                "evaluated_at = :e, next_change_at = :n WHERE id = :id"
            ),
            [
                {
                    "id": row.id,
                    "t": row.timeliness,
                    "d": row.delivery,
                    "r": row.reason,
                    "e": row.evaluated_at,
                    "n": row.next_change_at,
                }
                for row in read
            ],
        )


def all_opened(ledger: Ledger) -> None:
    with ledger.read() as tx:
        query = "SELECT * FROM expected_delivery WHERE opens_at <= '2027-01-01' AND expected"
        for _ in tx.exec_driver_sql(query):
            pass


def board(place: Intake, promises: Promises, world: World, rounds: int) -> None:
    from fastapi.testclient import TestClient

    from wharf.board.app import build_app

    now = NOW + timedelta(days=1, minutes=2)
    client = TestClient(build_app(world.settings, lambda: None, lambda: now))
    client.get("/")
    for name, days in (("board, 14 days", 14), ("heat map, 90 days", 90)):
        answer = client.get("/", params={"days": days})
        assert answer.status_code == 200, answer.text[:500]
        page = timed(rounds, lambda d=days: client.get("/", params={"days": d}))
        line(f"{name}, {world.feeds} feeds", page, f"{len(answer.content) / 1024:.0f} KB, {peak()}")
        line("  limit: bare SQL", timed(rounds, lambda d=days: bare_cells(place.ledger, d)),
             ours=page)  # fmt: skip
    for address in ("/?view=list&state=trouble", "/status.json", "/metrics"):
        line(f"board, {address}", timed(rounds, lambda a=address: client.get(a)))
    line("  plain: evaluate each cell of 90 days", cell_by_cell(place, promises, 90), "a sample")


def bare_cells(ledger: Ledger, days: int) -> int:
    with ledger.read() as tx:
        query = text(
            "SELECT feed_id, period, timeliness, delivery, expected FROM expected_delivery "
            "WHERE due_at >= :since AND opens_at <= :now"
        )
        since = NOW - timedelta(days=days)
        given = {"since": since.replace(tzinfo=None), "now": NOW.replace(tzinfo=None)}
        return len(tx.execute(query, given).all())


def cell_by_cell(place: Intake, promises: Promises, days: int) -> Taken:
    with place.ledger.read() as tx:
        rows = expected.expected_between(
            tx, f"{NOW - timedelta(days=days):%Y-%m-%d}", f"{NOW:%Y-%m-%d}"
        )
        some = rows[:: max(1, len(rows) // SAMPLE)]

        def one_by_one() -> None:
            for row in some:
                evaluate(facts.facts_of(tx, promises.feeds[row.feed], row), NOW)

        return timed(1, one_by_one).times(len(rows) / len(some))


def looks(root: Path, url: str, feeds: int, rounds: int) -> None:
    """The look, at folders with a file for each feed and day of the horizon that is past."""
    world = World(root, url, feeds, feeds * 60, open_for=3)
    files = place_files(world)
    place, promises = world.open()
    with place.ledger.write() as tx:
        tx.execute(text("SELECT 1"))
    tick(place, promises, NOW, start_run=lambda *_: True, running_keys=set, send=sent)
    minute = iter(range(1, 10_000))

    def once() -> object:
        return look(place, promises.feeds, NOW + timedelta(minutes=next(minute)))

    what = f"{feeds:,} feeds, {world.connections} connections, {files:,} files"
    line(f"look, all new: {what}", timed(1, once), peak())
    ours = timed(rounds, once)
    line("look, nothing new", ours, peak())
    line("look, 1,000 files new", timed(1, once, lambda: touch(world, 1000)), peak())
    line("  limit: bare scan", timed(rounds, lambda: scan(world)), ours=ours)
    line("  plain: each file, each feed", match_all(world, promises), "of one connection", ours)


def place_files(world: World) -> int:
    count = 0
    for number in range(world.feeds):
        folder = world.root / f"c{number % world.connections}"
        folder.mkdir(parents=True, exist_ok=True)
        for back in range(36):
            day = NOW - timedelta(days=back)
            (folder / f"f{number}_{day:%Y%m%d}.csv").write_bytes(b"id\na\n")
            count += 1
    return count


def touch(world: World, count: int) -> None:
    for number in range(count):
        feed = number % world.feeds
        file = world.root / f"c{feed % world.connections}" / f"f{feed}_{NOW:%Y%m%d}.csv"
        file.write_bytes(b"id\nab\n")


def scan(world: World) -> int:
    return sum(
        entry.stat().st_size
        for number in range(world.connections)
        for entry in os.scandir(world.root / f"c{number}")
    )


def match_all(world: World, promises: Promises) -> Taken:
    own = [feed for feed in promises.feeds.values() if feed.source.connection == "c0"]
    names = [entry.name for entry in os.scandir(world.root / "c0")]

    def each_feed() -> None:
        for name in names[:SAMPLE]:
            for feed in own:
                matching.match(feed, name)

    return timed(1, each_feed).times(len(names) * world.connections / SAMPLE)


@contextmanager
def database(engine: str, folder: Path) -> Iterator[Callable[[str], str]]:
    """Gives the address of a new database by name."""
    if engine == "sqlite":
        yield lambda name: f"sqlite:///{folder}/{name}.db"
        return
    shelf = Path(tempfile.mkdtemp(prefix="wharf-bench-postgres-"))
    shelf.chmod(0o755)
    try:
        with running_postgres(shelf / "cluster") as cluster:
            yield cluster.create_database
    finally:
        shutil.rmtree(shelf, ignore_errors=True)


def in_a_child(work: Callable[[], object]) -> None:
    """Keep the making of the past out of the memory that is measured."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, "the ledger could not be made"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="expected deliveries")
    parser.add_argument("--feeds", type=int, default=500)
    parser.add_argument("--look", type=int, default=1000, help="feeds to look at")
    parser.add_argument("--engine", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="wharf-bench-") as name,
        database(given.engine, Path(name)) as address,
    ):
        world = World(Path(name) / "big", address("big"), given.feeds, given.rows)
        begun = time.perf_counter()
        in_a_child(lambda: fill(world, *world.open()))
        place, promises = world.open()
        open_rows = given.feeds * min(world.open_for, world.periods)
        print(
            f"{given.engine}: {given.rows:,} expected deliveries of {given.feeds} feeds, "
            f"{open_rows:,} open; made in {time.perf_counter() - begun:.0f} s\n",
            flush=True,
        )
        print(f"{'what':46}{'median':>12}{'computing':>12}{'of ours':>9}")
        line("read the contracts", timed(1, world.open), peak())
        ticks(place, promises, world, given.rounds)
        board(place, promises, world, given.rounds)
        looks(Path(name) / "look", address("looks"), given.look, given.rounds)


if __name__ == "__main__":
    main()
