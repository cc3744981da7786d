"""A copy of the whole ledger in one SQLite file, taken while others write, and the way back.

The file is the same whichever database the ledger is in, so it restores into either, and can be
looked at as it is.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, Table, create_engine, func, insert, select, text
from sqlalchemy.exc import DatabaseError

from wharf.errors import LedgerError
from wharf.ledger.database import Ledger
from wharf.ledger.schema import metadata

PAGES = 2000
"""Pages of 4 KiB that one step of an online copy takes, while writers wait: about 10 ms."""
ROWS = 1000
"""Rows of one insert when databases of different kinds are copied."""
Progress = Callable[[str], None]


def back_up(ledger: Ledger, file: Path, progress: Progress = lambda _: None) -> int:
    """Copy the ledger as it is now into a new file; writers go on meanwhile.

    Args:
        ledger: The ledger, in SQLite or Postgres.
        file: Where the copy is to lie. It appears when it is whole, checked and on disk.
        progress: Told how far it came.

    Returns:
        The size of the copy in bytes.

    Raises:
        LedgerError: Something lies there already, or the copy failed its check.
    """
    if file.exists():
        raise LedgerError(f"{file} is there already and is not overwritten; name another file")
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    try:
        if ledger.engine.dialect.name == "sqlite":
            _copy_pages(ledger.engine, part, progress)
        else:
            with _opened(part) as copy, _frozen(ledger.engine) as source:
                _copy_rows(source, copy, progress)
        check_backup(part)
        _sync(part)
        part.rename(file)
        _sync(file.parent)
    except OSError as error:
        raise LedgerError(f"{file} cannot be written: {error}. Name a place with room.") from error
    finally:
        for each in (part, *(part.with_name(part.name + end) for end in ("-wal", "-shm"))):
            each.unlink(missing_ok=True)
        part.with_name(f"{part.name}.migrate").unlink(missing_ok=True)
    return file.stat().st_size


def restore(file: Path, url: str, progress: Progress = lambda _: None) -> int:
    """Fill an empty ledger from a backup, also one that an earlier version of wharf wrote.

    Args:
        file: What `back_up` wrote.
        url: The ledger's database: a SQLite file that is not there or holds nothing, or an empty
            Postgres database.
        progress: Told how far it came.

    Returns:
        How many rows it has.

    Raises:
        LedgerError: The file is no backup, or the ledger holds something.
    """
    if not file.is_file():
        raise LedgerError(f"{file} is not there; name a file that `wharf ledger backup` wrote")
    check_backup(file)
    with tempfile.TemporaryDirectory(prefix="wharf-restore-") as folder:
        working = Path(folder) / "ledger.db"
        shutil.copyfile(file, working)
        with _opened(working) as source:
            ledger = Ledger.open(url)
            _refuse_unless_empty(ledger)
            with ledger.write() as copy:
                rows = _copy_rows(source, copy, progress)
    return rows


def _copy_pages(engine: Engine, part: Path, progress: Progress) -> None:
    """SQLite's online copy: consistent, and started again by itself when others write."""
    target = create_engine(f"sqlite:///{part}")
    source, copy = engine.raw_connection(), target.raw_connection()

    def tell(_status: int, remaining: int, total: int) -> None:
        progress(f"{(total - remaining) * 100 // max(total, 1)} % of {total:,} pages")

    try:
        assert source.driver_connection is not None
        source.driver_connection.backup(copy.driver_connection, pages=PAGES, progress=tell)
        # One file, whoever opens it: a copy of a write-ahead log would be no copy of the ledger.
        copy.driver_connection.execute("PRAGMA journal_mode=DELETE")  # type: ignore[union-attr]
    finally:
        copy.close()
        source.close()
        target.dispose()


def _copy_rows(source: Connection, copy: Connection, progress: Progress) -> int:
    copied = 0
    for table in metadata.sorted_tables:
        keys = list(table.primary_key.columns)
        found = source.execution_options(yield_per=ROWS).execute(select(table).order_by(*keys))
        count = 0
        for rows in found.mappings().partitions(ROWS):
            copy.execute(insert(table), [dict(row) for row in rows])
            count += len(rows)
        if count:
            progress(f"{table.name}: {count:,} rows")
        _go_on_counting(copy, table)
        copied += count
    return copied


def _go_on_counting(copy: Connection, table: Table) -> None:
    """Let Postgres give the next row a number that no copied row has."""
    key = table.autoincrement_column
    if copy.dialect.name != "postgresql" or key is None:
        return
    highest = copy.execute(select(func.max(key))).scalar()
    if highest is not None:
        sequence = select(
            func.pg_get_serial_sequence(f'"{table.name}"', key.name)
        ).scalar_subquery()
        copy.execute(select(func.setval(sequence, highest)))


def _refuse_unless_empty(ledger: Ledger) -> None:
    with ledger.read() as tx:
        for table in metadata.sorted_tables:
            if tx.execute(select(func.count()).select_from(table)).scalar():
                where = ledger.engine.url.render_as_string()
                raise LedgerError(
                    f"the ledger {where} holds rows of {table.name!r}; a backup is restored into "
                    "an empty one only. Move the file away, or name an empty database, then again."
                )


def check_backup(file: Path) -> str:
    """Check that a file is a whole ledger.

    Returns:
        The version of its tables.

    Raises:
        LedgerError: It is not, or it is damaged.
    """
    engine = create_engine(f"sqlite:///file:{file.absolute()}?mode=ro&uri=true")
    try:
        with engine.connect() as connection:
            said = connection.execute(text("PRAGMA integrity_check(5)")).scalars().all()
            found = select(text("version_num")).select_from(text("alembic_version"))
            version = str(connection.execute(found).scalar_one())
    except DatabaseError as error:
        raise LedgerError(
            f"{file} is not a backup of a ledger: {error.orig}. Name what `wharf ledger backup` "
            "wrote."
        ) from error
    finally:
        engine.dispose()
    if said != ["ok"]:
        raise LedgerError(f"{file} is damaged: {'; '.join(said)}. Use an older backup.")
    return version


@contextmanager
def _opened(file: Path) -> Iterator[Connection]:
    """A ledger in a file of its own, made or migrated, left as one file."""
    ledger = Ledger.open(f"sqlite:///{file}", throw_away=True)
    try:
        with ledger.write() as tx:
            yield tx
        with ledger.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
    finally:
        ledger.engine.dispose()


@contextmanager
def _frozen(engine: Engine) -> Iterator[Connection]:
    """One state of a Postgres ledger, however long reading it takes."""
    frozen = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with frozen.begin() as connection:
        yield connection


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
