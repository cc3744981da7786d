"""Backing the ledger up while it is written to, and restoring it into either database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from wharf.demo.postgres import PrivatePostgres
from wharf.errors import LedgerError
from wharf.ledger import Ledger, arrivals, decisions
from wharf.ledger.backup import back_up, check_backup, restore
from wharf.ledger.rows import Arrival, Decision
from wharf.ledger.schema import metadata

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
_numbers = count()


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def new_url(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    number = next(_numbers)
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/ledger-{number}.db"
    cluster: PrivatePostgres = request.getfixturevalue("postgres")
    return cluster.create_database(f"backup_{number}")


def seen(number: int) -> Arrival:
    day = f"2026-11-{1 + number % 28:02d}"
    return Arrival("acme.prices", day, "", f"{number}.csv", number, NOW, NOW, str(number))


def fill(ledger: Ledger, rows: int) -> None:
    with ledger.write() as tx:
        arrivals.append_arrivals(tx, [seen(number) for number in range(rows)])
        said = Decision("acme.prices", None, "ack", NOW, "ann", 'it\'s "ours"', NOW)
        decisions.record_decision(tx, said)


def content(ledger: Ledger) -> dict[str, list[Any]]:
    with ledger.read() as tx:
        return {
            table.name: [
                tuple(row) for row in tx.execute(select(table).order_by(*table.primary_key))
            ]
            for table in metadata.sorted_tables
        }


@pytest.mark.parametrize("into", ["sqlite", "postgres"])
def test_a_backup_restores_into_either_database_as_it_was(
    kind: str, into: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    ledger = Ledger.open(new_url(kind, tmp_path, request))
    fill(ledger, 2500)
    file = tmp_path / "backups" / "ledger.db"
    told: list[str] = []
    assert back_up(ledger, file, told.append) == file.stat().st_size
    assert told
    assert [each.name for each in file.parent.iterdir()] == ["ledger.db"]
    url = new_url(into, tmp_path, request)
    assert restore(file, url) == 2502
    again = Ledger.open(url)
    assert content(again) == content(ledger)
    with again.write() as tx:
        [row] = arrivals.append_arrivals(tx, [seen(9999)])
    assert row.seq == 2501


def test_a_backup_taken_while_others_write_is_of_one_moment(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    ledger = Ledger.open(new_url(kind, tmp_path, request))
    fill(ledger, 500)
    stop, written = threading.Event(), count(10_000)

    def write() -> None:
        while not stop.is_set():
            pair = [seen(next(written)), seen(next(written))]
            with ledger.write() as tx:
                arrivals.append_arrivals(tx, pair)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        back_up(ledger, tmp_path / "copy.db")
    finally:
        stop.set()
        writer.join()
    copied = content(Ledger.open(f"sqlite:///{tmp_path}/copy.db"))["arrival"]
    assert len(copied) >= 500
    assert len(copied) % 2 == 0
    assert copied == content(ledger)["arrival"][: len(copied)]


@pytest.fixture
def backup(tmp_path: Path) -> Iterator[Path]:
    ledger = Ledger.open(f"sqlite:///{tmp_path}/source.db")
    fill(ledger, 2000)
    back_up(ledger, tmp_path / "backup.db")
    yield tmp_path / "backup.db"
    ledger.engine.dispose()


def test_a_backup_overwrites_nothing_and_a_restore_fills_only_what_is_empty(
    backup: Path, tmp_path: Path
) -> None:
    source = Ledger.open(f"sqlite:///{tmp_path}/source.db")
    before = backup.read_bytes()
    with pytest.raises(LedgerError, match="not overwritten; name another file"):
        back_up(source, backup)
    assert backup.read_bytes() == before
    with pytest.raises(LedgerError, match="Move the file away"):
        restore(backup, f"sqlite:///{tmp_path}/source.db")


def test_what_is_no_backup_or_a_damaged_one_is_refused(backup: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/target.db"
    with pytest.raises(LedgerError, match="is not there"):
        restore(tmp_path / "none.db", url)
    (tmp_path / "text.db").write_text("id,price\n" * 1000)
    with pytest.raises(LedgerError, match="not a backup of a ledger"):
        restore(tmp_path / "text.db", url)
    damaged = bytearray(backup.read_bytes())
    middle = len(damaged) // 2
    damaged[middle : middle + 40_000] = b"\xff" * 40_000
    (tmp_path / "damaged.db").write_bytes(damaged)
    with pytest.raises(LedgerError, match=r"damaged|not a backup"):
        restore(tmp_path / "damaged.db", url)
    assert not (tmp_path / "target.db").exists()
    assert check_backup(backup)
