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
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from ledger_world import NOW, World, fill
from sqlalchemy import event, text

from wharf import alerts
from wharf.demo.postgres import running_postgres
from wharf.intake import Intake
from wharf.ledger import Ledger, arrivals, expected, facts
from wharf.ledger.rows import ExpectedDelivery, Poll
from wharf.timeliness import matching
from wharf.timeliness.states import evaluate
from wharf.watch.evaluate import settle
from wharf.watch.look import look
from wharf.watch.promises import Promises
from wharf.watch.starts import wanted_runs
from wharf.watch.tick import tick

SAMPLE = 200


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


def calm_down(ledger: Ledger) -> None:  # of 200 runs a tick for products
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
    warnings.simplefilter("ignore")  # of its client's successor
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
