"""What was deleted from the ledger is not left in its database's files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from wharf.demo.postgres import PrivatePostgres
from wharf.ledger import Ledger, audits
from wharf.ledger.audits import BatchAudit
from wharf.watch.forgetting import QUOTING

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
SECRET = "account 4711 0815"


def said(batch_id: str, value: str) -> BatchAudit:
    findings = [{"message": f"the largest is {value}"}]
    return BatchAudit(
        batch_id, "raw.a", "2026-11-20", "acme.a", NOW, "", "pandas", True, 0, "", {}, findings
    )


def fill(url: str) -> Ledger:
    ledger = Ledger.open(url)
    with ledger.write() as tx:
        audits.record_audit(tx, said("one", SECRET), [])
        audits.record_audit(tx, said("two", "kept"), [])
    with ledger.write() as tx:
        audits.forget_audit(tx, "one")
    return ledger


def test_sqlite_keeps_nothing_of_a_deleted_row(tmp_path: Path) -> None:
    ledger = fill(f"sqlite:///{tmp_path}/ledger.db")
    ledger.scrub(QUOTING)
    files = [file.read_bytes() for file in tmp_path.glob("ledger.db*")]
    assert not any(SECRET.encode() in content for content in files)
    assert any(b"the largest is kept" in content for content in files)


def test_postgres_keeps_nothing_of_a_deleted_row_in_its_tables(postgres: PrivatePostgres) -> None:
    ledger = fill(postgres.create_database("scrubbed"))

    def table() -> bytes:
        with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as each:
            each.exec_driver_sql("CHECKPOINT")
            name = each.exec_driver_sql("SELECT pg_relation_filepath('batch_audit')").scalar()
        [file] = postgres.folder.rglob(str(name))
        return file.read_bytes()

    assert SECRET.encode() in table()
    ledger.scrub(QUOTING)
    assert SECRET.encode() not in table()
    assert b"the largest is kept" in table()
