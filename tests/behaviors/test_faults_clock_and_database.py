"""A clock that is set back between publishes, and a database that goes away during one."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from lake_world import DAY, NOW, TABLE, Place, accounts, deliver, open_batches, stage_version

from wharf.demo.postgres import PACKAGE, PrivatePostgres, find_programs, running_postgres
from wharf.errors import LakeError, LedgerError, PublishRefused
from wharf.lake.catalog import LakeCatalog
from wharf.ledger import batches as rows


@contextmanager
def clock_set_back(hours: float) -> Iterator[datetime]:
    """The machine's clock goes wrong by some hours; gives what callers then say is now."""
    right = time.time
    with patch("time.time", lambda: right() - hours * 3600):
        yield NOW - timedelta(hours=hours)


def published(place: Place, version: int, hours: float) -> str:
    with clock_set_back(hours) as now:
        verbs = open_batches(place)
        batch = stage_version(verbs, version)
        verbs.audited(batch.batch_id, passed=True, now=now)
        verbs.publish(batch.batch_id, now=now, by="run")
        return batch.batch_id


def test_order_is_that_of_versions_and_snapshots_whatever_the_clock_says(place: Place) -> None:
    first, second, third = (published(place, v, h) for v, h in ((1, 0), (2, 5), (3, 2)))
    lake = place.open()
    assert lake.current(TABLE) == {DAY: third}
    assert [each.batch_id for each in lake.history(TABLE)] == [first, second, third]
    with clock_set_back(9) as now:
        verbs = open_batches(place)
        with pytest.raises(PublishRefused):
            verbs.publish(second, now=now, by="late retry")
        assert verbs.previous(TABLE, DAY) == second
        verbs.rollback(TABLE, DAY, to=first, by="ann", reason="wrong", now=now)
        assert verbs.lake.expire(TABLE, keep=2) == 2
        verbs.lake.tags.set(TABLE, "anchor/1/model", verbs.lake.snapshot_id(TABLE) or 0)
    lake = place.open()
    assert [each.batch_id for each in lake.history(TABLE)] == [third, first]
    assert accounts(lake) == [(DAY, "v1 a"), (DAY, "v1 b")]
    with open_batches(place).ledger.read() as tx:
        told = [(each.action, each.batch_id) for each in rows.publishes_of(tx, TABLE)]
    assert told == [
        ("publish", first), ("publish", second), ("publish", third), ("rollback", first),
    ]  # fmt: skip


def test_metadata_never_goes_back_in_time_as_java_readers_refuse_that(place: Place) -> None:
    for version, hours in ((1, 0), (2, 5), (3, 7)):
        published(place, version, hours)
    with clock_set_back(9):
        place.open().tag(TABLE, "anchor/1/model", place.open().snapshot_id(TABLE) or 0)
        place.open().expire(TABLE, keep=2)
    published(place, 4, 10)
    assert place.folder is not None
    folder = place.folder / "raw/acme_prices/metadata"
    newest = folder / f"{(folder / 'version-hint.text').read_text()}.metadata.json"
    said = json.loads(newest.read_text())
    for log in ("snapshot-log", "metadata-log"):
        times = [each["timestamp-ms"] for each in said[log]]
        assert times == sorted(times), log
        assert times[-1] <= said["last-updated-ms"]


@pytest.fixture
def cluster() -> Iterator[PrivatePostgres]:
    """A Postgres of its own, to be stopped and started."""
    if find_programs() is None:
        pytest.skip(f"install the package {PACKAGE} to run this with Postgres")
    folder = Path(tempfile.mkdtemp(prefix="wharf-postgres-"))
    folder.chmod(0o755)
    try:
        # Not a throw-away one: that does not keep what it has confirmed.
        with running_postgres(folder / "cluster") as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_database_lost_during_a_publish_is_named_and_a_retry_converges(
    cluster: PrivatePostgres, tmp_path: Path
) -> None:
    url = cluster.create_database("wharf_lost")
    place = Place(url, f"file://{tmp_path}/lake", url, folder=tmp_path / "lake")
    first = deliver(place, 1)
    write = LakeCatalog._write_metadata

    def lose(after: float | None) -> None:
        """Stop the server between a publish's metadata and its pointer, this once."""
        stopped = threading.Event()

        def losing(**given: Any) -> None:
            write(**given)
            if not stopped.is_set():
                stopped.set()
                cluster.stop()
                if after is not None:
                    threading.Timer(after, cluster.start).start()

        with patch.object(LakeCatalog, "_write_metadata", staticmethod(losing)):
            deliver(place, 2 if after is None else 3)

    with pytest.raises((LakeError, LedgerError)):
        lose(None)
    cluster.start()
    assert place.open().current(TABLE) == {DAY: first}
    second = deliver(place, 2)
    assert accounts(place.open()) == [(DAY, "v2 a"), (DAY, "v2 b")]
    # One that is back within a second is not noticed.
    lose(0.5)
    assert accounts(place.open()) == [(DAY, "v3 a"), (DAY, "v3 b")]
    history = place.open().history(TABLE)
    assert [each.batch_id for each in history[:2]] == [first, second]
    assert len(history) == 3
