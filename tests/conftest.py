"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# The worlds that tests work in are found by name, in the children of a test as well.
sys.path.insert(0, str(Path(__file__).parent))

from lake_world import Place, place_of
from server_world import S3Server, missing_rest, missing_s3, running_java, running_s3

from wharf.demo.postgres import PACKAGE, PrivatePostgres, find_programs, running_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    """One private Postgres for the whole session; make a database of your own in it."""
    if find_programs() is None:
        pytest.skip(f"install the package {PACKAGE} to run this with Postgres")
    # Not below pytest's own folder, which only its owner may enter: the server never runs as root.
    folder = Path(tempfile.mkdtemp(prefix="wharf-postgres-"))
    folder.chmod(0o755)
    try:
        with running_postgres(folder / "cluster", throwaway=True) as cluster:
            yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """One S3 server for the whole session; make a bucket of your own in it."""
    if reason := missing_s3():
        pytest.skip(reason)
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def java_machine() -> Iterator[Any]:
    """One Java machine for the whole session; start a REST catalog of your own in it."""
    if reason := missing_rest():
        pytest.skip(reason)
    with running_java() as machine:
        yield machine


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An empty lake and ledger, over each database they run on."""
    yield from place_of(request.param, tmp_path, request.getfixturevalue)
