"""Two watches at once, and a ledger that is lost in the middle: no message twice, no row wrong."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alarm_world import DAY, AlarmWorld, at
from sqlalchemy import Connection, event
from two_watches import LATER, MINUTES, ends, make_world, told, watch_beside

from wharf.demo import postgres as demo_postgres
from wharf.demo.postgres import PACKAGE, find_programs, running_postgres
from wharf.errors import LedgerError

_numbers = itertools.count()
Address = Callable[[Path], str]


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest) -> Address:
    """Gives the address of a new ledger, over each database it runs on."""
    if request.param == "sqlite":
        return lambda root: f"sqlite:///{root}/ledger.db"
    cluster = request.getfixturevalue("postgres")
    return lambda root: str(cluster.create_database(f"watches_{next(_numbers)}"))


def test_two_watches_at_once_tell_and_write_what_one_would(
    address: Address, tmp_path: Path
) -> None:
    found = {}
    for count in (1, 2):
        root = tmp_path / str(count)
        url = address(root)
        world = make_world(root, url)
        world.look()
        codes = watch_beside(root, url, count, [*MINUTES, *LATER])
        assert codes == [0] * count
        found[count] = (ends(world), told(root), sorted(p.name for p in root.glob("run-*")))
    (alone, heard, runs), (beside, both_heard, both_runs) = found[1], found[2]
    assert {row[2] for row in alone["rows"]} >= {"MISSING"}
    assert len(heard) >= 5
    assert beside["rows"] == alone["rows"]
    assert beside["changes"] == alone["changes"]
    assert beside["lives"] == alone["lives"]
    assert max(Counter(both_heard).values()) == 1
    assert len(both_heard) == len(heard)
    assert both_runs == runs


@pytest.mark.parametrize("at_write", [1, 3], ids=["at once", "in the middle"])
def test_a_lost_ledger_fails_the_tick_and_the_next_one_makes_up_for_it(
    at_write: int, address: Address, tmp_path: Path
) -> None:
    alone, lost = (make_world(tmp_path / n, address(tmp_path / n)) for n in ("alone", "lost"))
    for world in (alone, lost):
        world.now = at("06:45")
        world.tick()
        world.now = at("06:51")
        world.look()
    alone.tick(look=False)
    with losing(lost, at_write), pytest.raises(LedgerError, match=r"ledger: .+"):
        lost.tick(look=False)
    for world in (alone, lost):
        world.go(at("06:56"))
    assert ends(lost)["rows"] == ends(alone)["rows"]
    assert ends(lost)["changes"] == ends(alone)["changes"]
    assert sorted(lost.told()) == sorted(alone.told())
    assert len(alone.told()) > 3


@contextmanager
def losing(world: AlarmWorld, at_write: int) -> Iterator[None]:
    """Take the ledger away when a writing transaction begins, and give it back at the end."""
    engine = world.place.ledger.engine
    file = Path(str(engine.url.database))
    writes = itertools.count(1)

    def take_away(connection: Connection) -> None:
        if connection.get_execution_options().get("wharf_write") and next(writes) == at_write:
            if engine.dialect.name == "sqlite":
                file.rename(file.with_suffix(".away"))
            else:
                # Of all others first: this connection's own end is what the tick meets.
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() ORDER BY pid = pg_backend_pid()"
                )

    event.listen(engine, "begin", take_away)
    try:
        yield
    finally:
        event.remove(engine, "begin", take_away)
        if file.with_suffix(".away").exists():
            file.with_suffix(".away").rename(file)


def test_a_stopped_server_is_told_of_and_found_again(tmp_path: Path) -> None:
    if find_programs() is None:
        pytest.skip(f"install the package {PACKAGE} to run this with Postgres")
    shelf = Path(tempfile.mkdtemp(prefix="wharf-postgres-"))
    shelf.chmod(0o755)
    try:
        with running_postgres(shelf / "cluster", throwaway=True) as cluster:
            world = make_world(tmp_path, cluster.create_database("stopped"))
            world.tick()
            cluster.stop()
            with pytest.raises(LedgerError, match="refused"):
                world.tick(look=False)
            demo_postgres._control(cluster, *demo_postgres._start_options(cluster))
            world.now = at("06:51")
            world.tick()
            assert {row[2] for row in ends(world)["rows"] if row[1] == DAY} == {"LATE"}
    finally:
        shutil.rmtree(shelf, ignore_errors=True)


def test_a_ledger_file_that_was_removed_is_never_made_anew_in_passing(tmp_path: Path) -> None:
    """An empty ledger in place of the lost one would say that nothing ever was expected."""
    world = make_world(tmp_path, f"sqlite:///{tmp_path}/ledger.db")
    world.tick()
    for file in tmp_path.glob("ledger.db*"):
        file.unlink()
    with pytest.raises(LedgerError, match="unable to open database file"):
        world.tick(look=False)
    assert not (tmp_path / "ledger.db").exists()
