"""Opening the ledger: SQLite in write-ahead mode or Postgres, migrated on first use."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from weakref import WeakSet

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError, OperationalError
from sqlalchemy.pool import Pool

from wharf.errors import LedgerConflict, LedgerError, disk_is_full, no_room
from wharf.ledger.migrate import migrate

Transaction = Connection

_engines: WeakSet[Engine] = WeakSet()
_inherited: list[Pool] = []


class Ledger:
    """Transactions on the ledger. Open one per process with `Ledger.open`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str, *, throw_away: bool = False) -> Ledger:
        """Open the ledger at a database address, creating and migrating it when needed.

        Args:
            url: `sqlite:///<path>` or a Postgres address; SQLite files must be on a local disk.
            throw_away: With SQLite: this process alone works on it, and nobody misses it.

        Raises:
            LedgerError: It cannot be reached.
        """
        address = make_url(url)
        if address.get_backend_name() == "sqlite":
            Path(str(address.database)).parent.mkdir(parents=True, exist_ok=True)
            # Kept open between transactions: the last one to close writes the whole log back.
            engine = create_engine(
                address, pool_size=4, max_overflow=60, connect_args={"timeout": 30}
            )
            event.listen(engine, "connect", partial(_note_file, str(address.database)))
            event.listen(engine, "checkout", partial(_must_be_the_file, str(address.database)))
            event.listen(engine, "connect", _prepare_sqlite)
            if throw_away:
                event.listen(engine, "connect", _sync_nothing)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            engine = create_engine(
                address,
                pool_size=2,
                max_overflow=2,
                pool_pre_ping=True,
                # Many updates to a round trip: one each takes three times as long.
                executemany_mode="values_plus_batch",
                executemany_batch_page_size=500,
            )
            event.listen(engine, "begin", _begin_postgres)
        try:
            migrate(engine)
        except (OperationalError, OSError) as error:
            raise LedgerError(f"ledger {address!r} cannot be opened: {error}") from error
        if engine.dialect.name == "sqlite":
            event.listen(engine, "do_connect", _only_what_is_there)
        _engines.add(engine)
        return cls(engine)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction for reading."""
        with self._transaction(self.engine) as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction for writing; takes the write lock at its start. Keep it under a second.

        Raises:
            LedgerConflict: Another process has written what may stand once only.
            LedgerError: The lock was not had within 30 s, or the database went away.
        """
        with self._transaction(self.engine.execution_options(wharf_write=True)) as connection:
            yield connection

    def tidy(self) -> None:
        """Let the database look anew at what its tables hold, to choose its indexes by."""
        with self.write() as tx:
            if self.engine.dialect.name == "sqlite":
                # A sample of each index is enough, and takes milliseconds.
                tx.exec_driver_sql("PRAGMA analysis_limit=1000")
            tx.exec_driver_sql("ANALYZE")

    def scrub(self, tables: Sequence[str]) -> None:
        """Leave nothing of deleted and changed rows in the database's files.

        Postgres writes the tables anew, since it keeps old versions of rows, and their bytes after
        a plain vacuum. Its log, and copies made of it before, are not reached.

        Args:
            tables: Where rows were deleted or changed.
        """
        if self.engine.dialect.name == "postgresql":
            with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as each:
                for table in tables:
                    each.exec_driver_sql(f'VACUUM (FULL) "{table}"')
            return
        connection = self.engine.raw_connection()
        try:
            connection.cursor().execute("VACUUM")
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        try:
            with engine.begin() as connection:
                yield connection
        except OperationalError as error:
            if disk_is_full(error):
                where = self.engine.url.render_as_string()
                raise LedgerError(f"ledger: {no_room(where)}") from error
            raise LedgerError(f"ledger: {error.orig}") from error
        except IntegrityError as error:
            raise LedgerConflict(f"ledger: somebody else wrote this first: {error.orig}") from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise LedgerError(f"ledger: {error.orig}") from error
            raise


def _note_file(path: str, _connection: Any, record: Any) -> None:
    record.info["file"] = _file_at(path)


def _must_be_the_file(path: str, _connection: Any, record: Any, _proxy: Any) -> None:
    """Never go on with a file that was removed or replaced: what is written to it is lost."""
    if record.info.get("file") != _file_at(path):
        raise DisconnectionError(f"{path} is another file than before")


def _file_at(path: str) -> tuple[int, int] | None:
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _begin_anew() -> None:
    """In a forked process: open own connections, and not even close the parent's."""
    for engine in _engines:
        _inherited.append(engine.pool)
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_begin_anew)


def _only_what_is_there(
    _dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]
) -> None:
    """Never make a new, empty file in place of a ledger that was there when it was opened."""
    if arguments[0] != ":memory:" and not options.get("uri"):
        arguments[0] = f"file:{quote(str(Path(arguments[0]).absolute()))}?mode=rw"
        options["uri"] = True


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "cache_size=-32000",
        "mmap_size=268435456",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sync_nothing(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("wharf_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgres(connection: Connection) -> None:
    """One writer at a time, as with SQLite: writes are short and look before they add."""
    if connection.get_execution_options().get("wharf_write"):
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7203115)")
