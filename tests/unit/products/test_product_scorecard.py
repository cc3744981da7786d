from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from wharf.contracts import Period
from wharf.ledger import Ledger, batches, deliveries, expected, horizon
from wharf.ledger.rows import BatchRow, Delivery, ExpectedDelivery
from wharf.products.scorecard import supplier_months, supplier_scorecard
from wharf.products.step_python import StepInput

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_the_scorecard_reads_the_ledger_up_to_its_period_only(tmp_path) -> None:
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    record_deliveries(ledger)
    with ledger.read() as tx:
        [row] = supplier_months(tx, date(2026, 11, 20))
        [later] = supplier_months(tx, date(2026, 11, 30))
    assert (row.supplier, row.month) == ("alder", "2026-11")
    assert (row.expected, row.on_time, row.late, row.missing) == (1, 1, 0, 0)
    assert (row.on_time_rate, row.p50_minutes, row.p95_minutes) == (1.0, -60.0, -60.0)
    assert (row.restatements, row.quarantined_rows) == (1, 3)
    assert (later.expected, later.late, later.on_time_rate) == (2, 1, 0.5)


def test_the_scorecard_is_a_table_with_one_row_for_each_supplier_and_month(tmp_path) -> None:
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    record_deliveries(ledger)
    given = StepInput(
        product="supplier_scorecard",
        period=Period.parse("day", "2026-11-20"),
        now=NOW,
        ledger=ledger,
        connection=None,  # type: ignore[arg-type]
        tables=(),
    )
    (row,) = supplier_scorecard(given).to_pylist()
    assert (row["supplier"], row["month"], row["expected"], row["on_time"]) == (
        "alder",
        "2026-11",
        1,
        1,
    )
    assert row["restatements"] == 1


def test_an_empty_ledger_gives_an_empty_scorecard_with_its_columns(tmp_path) -> None:
    given = StepInput(
        product="supplier_scorecard",
        period=Period.parse("day", "2026-11-20"),
        now=NOW,
        ledger=Ledger.open(f"sqlite:///{tmp_path}/ledger.db"),
        connection=None,  # type: ignore[arg-type]
        tables=(),
    )
    table = supplier_scorecard(given)
    assert table.num_rows == 0
    assert table.column_names[:3] == ["supplier", "month", "expected"]


def record_deliveries(ledger: Ledger) -> None:
    """One delivery on time with a restatement, one of the next day, one not expected."""
    with ledger.write() as tx:
        for period, timeliness in (
            ("2026-11-19", "NOT_EXPECTED"),
            ("2026-11-20", "ON_TIME"),
            ("2026-11-21", "LATE"),
        ):
            due = datetime.fromisoformat(f"{period}T16:00:00+00:00")
            row = ExpectedDelivery(
                feed="alder.parcels",
                period=period,
                period_first=period,
                contract="c",
                expected=timeliness != "NOT_EXPECTED",
                notifies=True,
                judge_by="submission",
                opens_at=due - timedelta(hours=10),
                warn_at=due,
                due_at=due,
                late_at=due,
                cutoff_at=due + timedelta(hours=8),
            )
            horizon.ensure_expected(tx, [row], NOW)
            (row,) = [r for r in expected.expected_of(tx, "alder.parcels") if r.period == period]
            arrived = due - timedelta(hours=1) if timeliness == "ON_TIME" else None
            state = dict.fromkeys(expected.STATE) | {
                "timeliness": timeliness,
                "delivery": "NONE",
                "reason": "",
                "complete_at": arrived,
                "submitted_at": due - timedelta(hours=1) if arrived else None,
            }
            expected.record_state(tx, row, state, NOW, None)
        for seq, verdict in enumerate(("NEW", "RESTATEMENT"), start=1):
            deliveries.record_delivery(
                tx,
                Delivery(
                    feed="alder.parcels",
                    period="2026-11-20",
                    part="",
                    version=seq,
                    verdict=verdict,
                    arrival_seq=seq,
                    path="p.csv",
                    uri="file:///p.csv",
                    size=1,
                    sha256=str(seq),
                    submitted_at=None,
                    arrived_at=NOW,
                    landed_at=NOW,
                ),
            )
            batches.record_batch(
                tx,
                BatchRow(
                    batch_id=f"b{seq}",
                    table="raw.alder_parcels",
                    period="2026-11-20",
                    subject="alder.parcels",
                    status="PUBLISHED",
                    staged_at=NOW,
                    status_at=NOW,
                    version=seq,
                    rows_quarantined=5 - seq,
                ),
            )
