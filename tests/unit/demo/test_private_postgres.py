from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from wharf.demo import postgres
from wharf.errors import DemoError


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's user may enter, unlike pytest's own."""
    if postgres.find_programs() is None:
        pytest.skip(f"install the package {postgres.PACKAGE} to run this with Postgres")
    with tempfile.TemporaryDirectory(prefix="wharf-postgres-") as name:
        Path(name).chmod(0o755)
        yield Path(name) / "cluster"


def _ask(url: str, query: str) -> object:
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return connection.execute(text(query)).scalar()


def test_cluster_is_private_and_keeps_its_data(folder: Path) -> None:
    with postgres.running_postgres(folder, throwaway=True) as cluster:
        url = cluster.create_database("ledger")
        assert cluster.create_database("ledger") == url
        assert _ask(url, "SHOW listen_addresses") == "127.0.0.1"
        assert _ask(url, "SHOW unix_socket_directories") == ""
        wrong = url.replace(cluster.password, "guessed")
        with pytest.raises(OperationalError, match="password authentication failed"):
            _ask(wrong, "SELECT 1")
        assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
        # A server that a killed demo left behind is replaced, not met on its port.
        again = postgres.start_postgres(folder, throwaway=True)
        assert _ask(again.url("ledger"), "SELECT 1") == 1
        with pytest.raises(OperationalError):
            _ask(url, "SELECT 1")


def test_missing_programs_are_named_with_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_ROOTS", (tmp_path,))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DemoError, match="install the package 'postgresql'"):
        postgres.start_postgres(tmp_path / "cluster")


def test_newest_installed_version_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("9", "15", "17"):
        programs = tmp_path / version / "bin"
        programs.mkdir(parents=True)
        for name in ("initdb", "pg_ctl", "createdb", "psql"):
            if version != "17" or name != "psql":
                (programs / name).touch()
    monkeypatch.setattr(postgres, "_ROOTS", (tmp_path,))
    monkeypatch.setenv("PATH", "")
    assert postgres.find_programs() == tmp_path / "15" / "bin"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must hand the folder over")
def test_folder_that_the_server_cannot_enter_is_refused_with_the_next_step(folder: Path) -> None:
    folder.parent.chmod(0o700)
    with pytest.raises(DemoError, match="set WHARF_HOME to a folder that others may enter"):
        postgres.start_postgres(folder)
