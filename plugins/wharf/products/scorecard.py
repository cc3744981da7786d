"""The supplier scorecard: how each supplier kept its promises, month by month, from the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from math import ceil
from typing import TYPE_CHECKING

from wharf.ledger import Transaction, batches, deliveries, expected, feeds
from wharf.ledger.rows import BatchRow, Delivery, ExpectedDelivery
from wharf.products.step_python import StepInput

if TYPE_CHECKING:
    import pyarrow as pa

ABOUT = {
    "": "How each supplier kept its promises, for each month.",
    "supplier": "The supplier's id.",
    "month": "The month of the periods that the deliveries are for.",
    "expected": "Deliveries that were due by the time this was computed.",
    "on_time": "Of those, complete by their due time.",
    "late": "Of those, complete after their due time, or not complete yet.",
    "missing": "Of those, not complete by their cut-off.",
    "on_time_rate": "Share of the expected deliveries that were on time.",
    "p50_minutes": "Median of the minutes from due to complete; negative is early.",
    "p95_minutes": "Of 20 complete deliveries 19 came within this many minutes from due.",
    "restatements": "Files delivered again with other content.",
    "quarantined_rows": "Rows kept aside in the newest batch of each period.",
}


@dataclass(frozen=True)
class SupplierMonth:
    """One row of the scorecard."""

    supplier: str
    month: str
    expected: int
    on_time: int
    late: int
    missing: int
    on_time_rate: float | None
    p50_minutes: float | None
    p95_minutes: float | None
    restatements: int
    quarantined_rows: int


@dataclass(frozen=True)
class Outcome:
    """What became of one expected delivery."""

    supplier: str
    month: str
    due: bool
    """Whether it counts as expected: its due time has passed, or it is complete."""
    timeliness: str
    minutes: float | None
    """From due to complete, as the feed is judged; None while incomplete."""
    restatements: int
    quarantined_rows: int


def supplier_scorecard(given: StepInput) -> pa.Table:
    """The scorecard over all periods up to the product's own."""
    import pyarrow as pa

    with given.ledger.read() as tx:
        rows = score(outcomes(tx, until=given.period.last, now=given.now))
    names = [field.name for field in fields(SupplierMonth)]
    values = [asdict(row) for row in rows]
    kinds = {"supplier": pa.string(), "month": pa.string()}
    numbers = {"on_time_rate", "p50_minutes", "p95_minutes"}
    schema = pa.schema(
        [(n, kinds.get(n) or (pa.float64() if n in numbers else pa.int64())) for n in names]
    )
    return pa.Table.from_pylist(values, schema=schema)


supplier_scorecard.columns = ABOUT  # type: ignore[attr-defined]


def outcomes(tx: Transaction, *, until: date, now: datetime) -> list[Outcome]:
    """What became of every expected delivery of periods that begin by a day."""
    found = []
    for feed in feeds.feed_names(tx):
        landed = deliveries.deliveries_by_period(tx, feed)
        staged = _newest(batches.batches_for(tx, feed))
        for row in expected.expected_of(tx, feed):
            if row.timeliness != "NOT_EXPECTED" and row.period_first <= until.isoformat():
                kept = staged.get(row.period)
                found.append(
                    Outcome(
                        supplier=feed.split(".")[0],
                        month=row.period_first[:7],
                        due=row.expected and (row.due_at <= now or row.complete_at is not None),
                        timeliness=row.timeliness,
                        minutes=_minutes(row),
                        restatements=_restatements(landed.get(row.period, [])),
                        quarantined_rows=kept.rows_quarantined if kept else 0,
                    )
                )
    return found


def score(found: Iterable[Outcome]) -> list[SupplierMonth]:
    """Count outcomes by supplier and month, sorted."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for each in found:
        groups.setdefault((each.supplier, each.month), []).append(each)
    return [_month(*key, groups[key]) for key in sorted(groups)]


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(ceil(share * len(ordered)), 1) - 1] if ordered else None


def _month(supplier: str, month: str, found: Sequence[Outcome]) -> SupplierMonth:
    due = [each for each in found if each.due]
    on_time = sum(each.timeliness == "ON_TIME" for each in due)
    missing = sum(each.timeliness == "MISSING" for each in due)
    minutes = [each.minutes for each in found if each.minutes is not None]
    return SupplierMonth(
        supplier=supplier,
        month=month,
        expected=len(due),
        on_time=on_time,
        late=sum(each.timeliness in {"LATE", "LATE_ARRIVED"} for each in due),
        missing=missing,
        on_time_rate=round(on_time / len(due), 4) if due else None,
        p50_minutes=percentile(minutes, 0.5),
        p95_minutes=percentile(minutes, 0.95),
        restatements=sum(each.restatements for each in found),
        quarantined_rows=sum(each.quarantined_rows for each in found),
    )


def _minutes(row: ExpectedDelivery) -> float | None:
    at = row.submitted_at if row.judge_by == "submission" else row.complete_at
    if at is None or row.complete_at is None:
        return None
    return round((at - row.due_at).total_seconds() / 60, 1)


def _restatements(landed: Sequence[Delivery]) -> int:
    return sum(each.verdict == "RESTATEMENT" for each in landed)


def _newest(rows: Sequence[BatchRow]) -> dict[str, BatchRow]:
    return {row.period: row for row in sorted(rows, key=lambda row: (row.version, row.seq))}
