"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import itertools
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# The worlds that tests work in are found by name, in the children of a test as well.
sys.path.insert(0, str(Path(__file__).parent))

from lake_world import Place, local_place

from wharf.demo.postgres import PACKAGE, PrivatePostgres, find_programs, running_postgres

_numbers = itertools.count()


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


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty lake and ledger, over each database they run on."""
    local = local_place(tmp_path)
    if request.param == "sqlite":
        return local
    cluster = request.getfixturevalue("postgres")
    url = cluster.create_database(f"wharf_{next(_numbers)}")
    return Place(url, local.warehouse, url)
