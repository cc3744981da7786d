"""Fixtures that several rooms' tests share."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from wharf.demo.postgres import PACKAGE, PrivatePostgres, find_programs, running_postgres

# Children of a test find the worlds they work in by name.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    """One private Postgres for the whole session; make a database of your own in it."""
    if find_programs() is None:
        pytest.skip(f"install the package {PACKAGE} to run this with Postgres")
    # Not below pytest's own folder, which only its owner may enter: the server never runs as root.
    folder = Path(tempfile.mkdtemp(prefix="wharf-postgres-"))
    folder.chmod(0o755)
    try:
        with running_postgres(folder / "cluster") as cluster:
            yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)
