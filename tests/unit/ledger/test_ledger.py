from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect

from wharf.errors import ModelError
from wharf.ledger import (
    Ledger,
    arrivals,
    batches,
    deliveries,
    expected,
    horizon,
    incidents,
    models,
    outbox,
)
from wharf.ledger.migrate import HEAD, SCRIPTS
from wharf.ledger.rows import (
    AliasEvent,
    Arrival,
    BatchRow,
    Delivery,
    ExpectedDelivery,
    Outgoing,
    PublishEvent,
)
from wharf.ledger.schema import metadata

AT = datetime(2026, 11, 20, 6, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{tmp_path}/ledger.db")


def promise(period: str = "2026-11-20", contract: str = "c1", hour: int = 6) -> ExpectedDelivery:
    due = AT.replace(hour=hour)
    return ExpectedDelivery(
        feed="acme.prices", period=period, period_first=period, contract=contract, expected=True,
        notifies=True, judge_by="arrival", opens_at=AT - timedelta(hours=8), warn_at=due,
        due_at=due, late_at=due, cutoff_at=due + timedelta(days=2),
    )  # fmt: skip


def arrival(fingerprint: str = "f1", path: str = "a.csv") -> Arrival:
    return Arrival("acme.prices", "2026-11-20", "", path, 10, AT, AT, fingerprint)


def test_the_migrations_make_exactly_the_tables_of_the_schema(ledger: Ledger) -> None:
    found = inspect(ledger.engine)
    assert set(found.get_table_names()) == {*metadata.tables, "alembic_version"}
    for name, table in metadata.tables.items():
        assert {each["name"] for each in found.get_columns(name)} == set(table.columns.keys())
        indexes = {each["name"] for each in found.get_indexes(name)}
        assert {index.name for index in table.indexes} <= indexes


def test_the_head_that_is_checked_is_the_newest_migration() -> None:
    names = sorted(path.name for path in (SCRIPTS / "versions").glob("[0-9]*.py"))
    assert names[-1].startswith(HEAD)


def test_making_an_expected_delivery_twice_makes_one_row(ledger: Ledger) -> None:
    with ledger.write() as tx:
        assert horizon.ensure_expected(tx, [promise()], AT) == 1
        assert horizon.ensure_expected(tx, [promise()], AT) == 0
        assert len(expected.expected_of(tx, "acme.prices")) == 1


def test_a_changed_contract_moves_only_rows_that_are_not_due(ledger: Ledger) -> None:
    with ledger.write() as tx:
        horizon.ensure_expected(tx, [promise(hour=6)], AT - timedelta(hours=1))
        later = promise(contract="c2", hour=9)
        assert horizon.ensure_expected(tx, [later], AT - timedelta(minutes=1)) == 1
        row = expected.find_expected(tx, "acme.prices", "2026-11-20")
        assert row is not None
        assert row.due_at == AT.replace(hour=9)
        event = expected.events_of(tx, row.id)[-1]
        assert event.why == "contract changed from c1 to c2"
        assert (event.was["due_at"], event.is_["due_at"]) == (
            "2026-11-20T06:00:00+00:00",
            "2026-11-20T09:00:00+00:00",
        )
        never = promise(contract="c3", hour=23)
        assert horizon.ensure_expected(tx, [never], AT + timedelta(hours=12)) == 0


def test_the_same_file_seen_twice_is_one_arrival(ledger: Ledger) -> None:
    with ledger.write() as tx:
        assert len(arrivals.append_arrivals(tx, [arrival()])) == 1
        assert arrivals.append_arrivals(tx, [arrival()]) == []
        assert len(arrivals.append_arrivals(tx, [arrival("f2")])) == 1
        assert len(arrivals.append_arrivals(tx, [arrival("f1")])) == 1


def test_landing_an_arrival_twice_records_one_delivery(ledger: Ledger) -> None:
    row = Delivery(
        "acme.prices", "2026-11-20", "", 1, "NEW", 1, "a.csv", "file:///a", 10, "sha", AT, AT, AT
    )
    with ledger.write() as tx:
        first = deliveries.record_delivery(tx, row)
        assert deliveries.record_delivery(tx, row) == first
        assert deliveries.periods_with_bytes(tx, "acme.prices", "sha") == ["2026-11-20"]


def test_readers_see_the_last_movement_of_a_period(ledger: Ledger) -> None:
    with ledger.write() as tx:
        for number, batch_id in enumerate(["b1", "b2", "b1"]):
            batches.record_batch(
                tx, BatchRow(batch_id, "raw.t", "p", "acme.prices", "STAGED", AT, AT)
            )
            batches.record_publish(
                tx, PublishEvent("raw.t", "p", batch_id, "publish", number, AT, "test")
            )
        assert batches.current(tx, "raw.t") == {"p": "b1"}
        batches.record_publish(tx, PublishEvent("raw.t", "p", None, "rollback", 9, AT, "test"))
        assert batches.current(tx, "raw.t") == {}
        assert len(batches.batches_of(tx, "raw.t")) == 2


def test_a_message_is_queued_once_for_each_key(ledger: Ledger) -> None:
    with ledger.write() as tx:
        message = Outgoing("wharf:k:1:desk", "desk", {"what": "late"}, AT)
        assert incidents.queue_message(tx, message)
        assert not incidents.queue_message(tx, message)
        claimed = outbox.claim(tx, {"desk": outbox.Manner()}, AT, timedelta(minutes=2))
        assert [each.message.key for each in claimed] == ["wharf:k:1:desk"]


def test_two_promoters_cannot_both_win(ledger: Ledger) -> None:
    first = AliasEvent("residential", "champion", 1, None, "first", "a", AT)
    with ledger.write() as tx:
        models.move_alias(tx, first)
    with pytest.raises(ModelError, match="points at version 1, not None"), ledger.write() as tx:
        models.move_alias(tx, AliasEvent("residential", "champion", 2, None, "x", "b", AT))


def test_a_time_without_zone_is_refused(ledger: Ledger) -> None:
    naive = arrival().__class__(
        **{**vars(arrival()), "first_seen": datetime(2026, 1, 1)}  # noqa: DTZ001
    )
    with pytest.raises(Exception, match="no time zone"), ledger.write() as tx:
        arrivals.append_arrivals(tx, [naive])


WRITER = """
import sys
from datetime import UTC, datetime
from wharf.ledger import Ledger, arrivals, expected
from wharf.ledger.rows import Arrival
ledger, who = Ledger.open(sys.argv[1]), sys.argv[2]
at = datetime(2026, 11, 20, tzinfo=UTC)
for number in range(100):
    with ledger.write() as tx:
        arrivals.append_arrivals(tx, [
            Arrival("acme.prices", "p", "", f"{who}-{number}", 1, None, at, "f"),
            Arrival("acme.prices", "p", "", f"shared-{number}", 1, None, at, "f"),
        ])
"""


def test_four_processes_write_at_once_and_nothing_is_lost(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, str(number)]) for number in range(4)
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0, 0]
    with Ledger.open(url).read() as tx:
        seen = [each.path for each in arrivals.arrivals_of(tx, "acme.prices", "p")]
    assert len(seen) == 500
    assert len(set(seen)) == 500
