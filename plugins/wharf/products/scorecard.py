"""The supplier scorecard: how each supplier kept its promises, month by month, from the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from typing import TYPE_CHECKING

from wharf.ledger import Transaction, batches, deliveries, scorecard
from wharf.ledger.rows import BatchRow
from wharf.products.step_python import StepInput
from wharf.timeliness.scorecard import Outcome, Score, scores

if TYPE_CHECKING:
    import pyarrow as pa

ABOUT = {
    "": "How each supplier kept its promises, for each month.",
    "supplier": "The supplier's id.",
    "month": "The month of the periods that the deliveries are for.",
    "expected": "Deliveries that are judged: in time, late, or missing.",
    "on_time": "Of those, come in time, as their contracts count.",
    "late": "Of those, come late, or late and neither come nor past their cut-off.",
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


def supplier_scorecard(given: StepInput) -> pa.Table:
    """The scorecard over all periods up to the product's own."""
    import pyarrow as pa

    with given.ledger.read() as tx:
        rows = supplier_months(tx, given.period.last)
    names = [field.name for field in fields(SupplierMonth)]
    values = [asdict(row) for row in rows]
    kinds = {"supplier": pa.string(), "month": pa.string()}
    numbers = {"on_time_rate", "p50_minutes", "p95_minutes"}
    schema = pa.schema(
        [(n, kinds.get(n) or (pa.float64() if n in numbers else pa.int64())) for n in names]
    )
    return pa.Table.from_pylist(values, schema=schema)


supplier_scorecard.columns = ABOUT  # type: ignore[attr-defined]


def supplier_months(tx: Transaction, until: date) -> list[SupplierMonth]:
    """Every supplier's months, of periods that begin by a day; suppliers and months sorted."""
    found = scorecard.outcomes(tx, None, date.min, until)
    extras = _extras(tx, found)
    return [
        _row(each, extras[each.subject, each.month])
        for of_supplier in scores(found, by="supplier").values()
        for each in of_supplier
        if each.month
    ]


def _row(score: Score, extras: tuple[int, int]) -> SupplierMonth:
    rate = score.on_time_rate
    return SupplierMonth(
        supplier=score.subject,
        month=score.month,
        expected=score.expected,
        on_time=score.on_time,
        late=score.late_arrived + score.waiting,
        missing=score.missing,
        on_time_rate=None if rate is None else round(rate, 4),
        p50_minutes=_minutes(score.p50),
        p95_minutes=_minutes(score.p95),
        restatements=extras[0],
        quarantined_rows=extras[1],
    )


def _extras(tx: Transaction, found: Iterable[Outcome]) -> Mapping[tuple[str, str], tuple[int, int]]:
    """Restatements and quarantined rows, by supplier and month."""
    by_feed: dict[str, list[Outcome]] = {}
    for each in found:
        by_feed.setdefault(each.feed, []).append(each)
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for feed, of_feed in by_feed.items():
        landed = deliveries.deliveries_by_period(tx, feed)
        staged = _newest(batches.batches_for(tx, feed))
        for each in of_feed:
            again, bad = counts.get((each.supplier, each.month), (0, 0))
            kept = staged.get(each.period)
            again += sum(one.verdict == "RESTATEMENT" for one in landed.get(each.period, ()))
            counts[each.supplier, each.month] = (
                again,
                bad + (kept.rows_quarantined if kept else 0),
            )
    return counts


def _minutes(span: timedelta | None) -> float | None:
    return None if span is None else round(span / timedelta(minutes=1), 1)


def _newest(rows: Sequence[BatchRow]) -> dict[str, BatchRow]:
    return {row.period: row for row in sorted(rows, key=lambda row: (row.version, row.seq))}
