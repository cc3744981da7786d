"""The way between files, batches and products is found by indexes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from wharf.ledger import Ledger, batches, held, products, trail
from wharf.ledger.migrate import SCRIPTS
from wharf.ledger.rows import BatchRow, ManifestRow

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
BODY = {"inputs": [{"name": "a.b", "pins": [
    {"table": "raw.a_b", "period": "2026-11-20", "batch_id": "one"},
    {"table": "raw.a_b", "period": "2026-11-19", "batch_id": "two"},
]}]}  # fmt: skip


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{tmp_path}/ledger.db")


def test_a_batch_leads_to_the_manifests_that_name_it(ledger: Ledger) -> None:
    with ledger.write() as tx:
        for number in (1, 2):
            products.record_manifest(tx, ManifestRow(f"m{number}", "risk", "p", BODY, AT))
        products.record_manifest(tx, ManifestRow("m3", "risk", "p", {"inputs": []}, AT))
        assert [each.manifest_id for each in trail.manifests_with(tx, "two")] == ["m1", "m2"]
        assert trail.manifests_with(tx, "three") == []


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT * FROM manifest_input WHERE batch_id = 'x'", "manifest_input_batch"),
        ("SELECT * FROM delivery WHERE sha256 BETWEEN 'ab' AND 'abg'", "delivery_bytes"),
        ("SELECT * FROM release WHERE manifest_id = 'x'", "release_manifest"),
        ("SELECT * FROM batch WHERE batch_id = 'x'", "sqlite_autoindex_batch"),
        (
            "SELECT * FROM batch WHERE rows_quarantined > 0 OR status = 'QUARANTINED'",
            "batch_held",
        ),
    ],
    ids=["manifests", "bytes", "releases", "batch", "quarantine"],
)
def test_each_step_is_found_by_an_index(ledger: Ledger, query: str, index: str) -> None:
    with ledger.read() as tx:
        plan = tx.execute(text(f"EXPLAIN QUERY PLAN {query}")).all()
    assert index in str(plan)


def test_only_the_newest_batch_of_a_period_counts_as_in_quarantine(ledger: Ledger) -> None:
    with ledger.write() as tx:
        for name, bad in (("old", 3), ("new", 0)):
            row = BatchRow(name, "raw.a_b", "p1", "a.b", "PUBLISHED", AT, AT, rows_quarantined=bad)
            batches.record_batch(tx, row)
        row = BatchRow("whole", "raw.a_b", "p2", "a.b", "QUARANTINED", AT, AT)
        batches.record_batch(tx, row)
        found = held.quarantined_batches
        assert [each.batch_id for each in found(tx)] == ["whole"]
        assert [each.batch_id for each in found(tx, latest=False)] == ["whole", "old"]
        assert found(tx, "a.b", "p1") == []
        assert found(tx, "c.d") == []


def test_an_older_ledger_leads_from_batches_to_manifests_after_its_migration(
    tmp_path: Path,
) -> None:
    address = f"sqlite:///{tmp_path}/old.db"
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    engine = create_engine(address)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        said = "INSERT INTO manifest (manifest_id, product, period, run_id, body, created_at) "
        values = {"body": json.dumps(BODY), "at": AT.isoformat()}
        connection.execute(text(f"{said} VALUES ('m1', 'risk', 'p', '', :body, :at)"), values)
    engine.dispose()
    with Ledger.open(address).read() as tx:
        rows = tx.execute(text("SELECT period, batch_id FROM manifest_input")).all()
        assert rows == [("2026-11-20", "one"), ("2026-11-19", "two")]
