"""Bringing the ledger's tables up to date, guarded so that two processes never migrate at once."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

SCRIPTS = Path(__file__).parent / "migrations"
HEAD = "0003"


def migrate(engine: Engine) -> None:
    """Run the migrations that the ledger at this engine still lacks."""
    if _version(engine) == HEAD:
        return
    with _guard(engine):
        if _version(engine) != HEAD:
            _upgrade(engine)


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with engine.execution_options(wharf_write=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _version(engine: Engine) -> str | None:
    with engine.begin() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return _stored(connection)


def _stored(connection: Connection) -> str | None:
    return connection.execute(text("select version_num from alembic_version")).scalar()


@contextmanager
def _guard(engine: Engine) -> Iterator[None]:
    """Hold the migration lock: a file beside SQLite, an advisory lock on Postgres."""
    if engine.dialect.name == "sqlite":
        with Path(f"{engine.url.database}.migrate").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
    else:
        with engine.connect() as connection:
            connection.execute(text("select pg_advisory_lock(7203114)"))
            try:
                yield
            finally:
                connection.execute(text("select pg_advisory_unlock(7203114)"))
