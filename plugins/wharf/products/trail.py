"""The audit trail: from a product back to the supplier, and from a file on to what was made of it.

Each step is one row of the ledger found by an index; nothing is searched through. What stands in
rows and lines is `trail_rows`' affair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from wharf.contracts import Project
from wharf.ledger import Transaction, batches, deliveries, products, trail
from wharf.ledger.rows import BatchRow, Delivery, ManifestRow

MOST = 50
"""So many steps of a kind are told one by one; `read: all` may name thousands."""
DEEP = 12
"""Products upon products; a loop cannot be, but a ledger may be damaged."""
Kind = Literal[
    "row", "line", "product", "manifest", "batch", "correction", "delivery", "arrival", "supplier",
    "release", "more",
]  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One thing on the trail, with what it was made of and what was made of it."""

    kind: Kind
    name: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    back: tuple[Step, ...] = ()
    """Towards the supplier."""
    on: tuple[Step, ...] = ()
    """Towards products."""

    def describe(self) -> dict[str, Any]:
        """The step and all behind it as a JSON object."""
        said: dict[str, Any] = {"kind": self.kind, "name": self.name, **self.facts}
        for way in ("back", "on"):
            if steps := getattr(self, way):
                said[way] = [each.describe() for each in steps]
        return said


def trace_batch(tx: Transaction, project: Project, row: BatchRow) -> Step:
    """A batch both ways."""
    step = _batch(tx, project, row, DEEP)
    return replace(step, on=tuple(_made_of_batch(tx, row, DEEP)))


def trace_delivery(tx: Transaction, project: Project, row: Delivery) -> Step:
    """A landed file both ways."""
    made = trail.batches_of_delivery(tx, row)
    on = (
        replace(_batch_facts(tx, each), on=tuple(_made_of_batch(tx, each, DEEP))) for each in made
    )
    return replace(_delivery(tx, project, row), on=tuple(_few(list(on))))


def trace_manifest(tx: Transaction, project: Project, row: ManifestRow) -> Step:
    """A manifest both ways."""
    step = _manifest(tx, project, row, DEEP)
    return replace(step, on=tuple(_made_of_manifest(tx, row, DEEP)))


def trace_product(tx: Transaction, project: Project, product: str, period: str) -> Step | None:
    """What a product's release of a period was made of; None where nothing is released."""
    released = products.releases_of(tx, product, period)
    if not released:
        return None
    last = released[-1]
    row = products.find_manifest(tx, last.manifest_id)
    facts = {
        "product": product, "period": period, "released_at": last.at, "by": last.by,
        "tables": {name: said.get("batch_id") for name, said in last.tables.items()},
    }  # fmt: skip
    back = (_manifest(tx, project, row, DEEP),) if row else ()
    return Step("product", f"{product} {period}", facts, back)


def batch_step(tx: Transaction, project: Project, row: BatchRow) -> Step:
    """A batch with the way back alone."""
    return _batch(tx, project, row, DEEP)


def delivery_step(tx: Transaction, project: Project, row: Delivery) -> Step:
    """A landed file with the way back alone."""
    return _delivery(tx, project, row)


def _batch(tx: Transaction, project: Project, row: BatchRow, deep: int) -> Step:
    step = _batch_facts(tx, row)
    if "manifest_id" in row.origin:
        manifest = products.find_manifest(tx, str(row.origin["manifest_id"]))
        back = [_manifest(tx, project, manifest, deep - 1)] if manifest and deep else []
    else:
        numbers = [int(each["delivery"]) for each in row.origin.get("deliveries", ())]
        found = (deliveries.delivery_by_seq(tx, number) for number in numbers)
        back = [_delivery(tx, project, each) for each in found if each]
        back += [_correction(each) for each in row.origin.get("fixes", ())]
    return replace(step, back=tuple(_few(back)))


def _batch_facts(tx: Transaction, row: BatchRow) -> Step:
    read = batches.current(tx, row.table, row.period, row.period).get(row.period)
    facts = {
        "table": row.table, "period": row.period, "of": row.subject, "status": row.status,
        "is_read": read == row.batch_id, "version": row.version,
        "rows_in_file": row.rows_in_file, "rows_staged": row.rows_staged,
        "rows_quarantined": row.rows_quarantined, "staged_at": row.staged_at, "run": row.run_id,
    }  # fmt: skip
    return Step("batch", row.batch_id, facts)


def _delivery(tx: Transaction, project: Project, row: Delivery) -> Step:
    named = (
        "feed", "period", "part", "path", "version", "verdict", "reverts_to", "same_as_period",
        "size", "sha256", "submitted_at", "landed_at", "uri", "outcome", "reason",
    )  # fmt: skip
    said = asdict(row)
    feed = project.feeds.get(row.feed)
    supplier = Step(
        "supplier",
        feed.supplier.name or feed.supplier_id if feed else row.feed.partition(".")[0],
        {"supplier": row.feed.partition(".")[0], "feed": row.feed},
    )
    seen = trail.arrival_of(tx, row)
    back = supplier
    if seen is not None:
        facts = {
            "path": seen.path, "first_seen": seen.first_seen, "source_ts": seen.source_ts,
            "size": seen.size, "fingerprint": seen.fingerprint,
        }  # fmt: skip
        back = Step("arrival", str(seen.seq), facts, (supplier,))
    facts = {name: said[name] for name in named if said[name] not in {None, ""}}
    return Step("delivery", str(row.seq), facts, (back,))


def _correction(said: Mapping[str, Any]) -> Step:
    names = ("by", "at", "reason", "name", "sha256", "uri")
    return Step("correction", str(said["decision"]), {name: said.get(name) for name in names})


def _manifest(tx: Transaction, project: Project, row: ManifestRow, deep: int) -> Step:
    facts = {"product": row.product, "period": row.period, "decided_at": row.created_at,
             "models": row.body.get("models") or {}}  # fmt: skip
    pins = [pin for each in row.body.get("inputs", ()) for pin in each.get("pins", ())]
    found = [batches.batch(tx, str(pin["batch_id"])) for pin in pins[:MOST]] if deep else []
    back = [_batch(tx, project, each, deep - 1) for each in found if each]
    if len(pins) > MOST:
        back.append(_more(len(pins) - MOST, "batches read"))
    return Step("manifest", row.manifest_id, facts, tuple(back))


def _made_of_batch(tx: Transaction, row: BatchRow, deep: int) -> Iterator[Step]:
    made = trail.manifests_with(tx, row.batch_id) if deep else []
    for each in made[-MOST:]:
        facts = {"product": each.product, "period": each.period, "decided_at": each.created_at}
        yield Step(
            "manifest", each.manifest_id, facts, on=tuple(_made_of_manifest(tx, each, deep - 1))
        )
    if len(made) > MOST:
        yield _more(len(made) - MOST, "older manifests")


def _made_of_manifest(tx: Transaction, row: ManifestRow, deep: int) -> Iterator[Step]:
    for each in trail.releases_with(tx, row.manifest_id):
        facts = {"product": each.product, "period": each.period, "at": each.at, "by": each.by}
        yield Step("release", str(each.seq), facts)
    for batch in trail.batches_of_manifest(tx, row):
        yield replace(_batch_facts(tx, batch), on=tuple(_made_of_batch(tx, batch, deep)))


def _few(steps: Sequence[Step]) -> list[Step]:
    if len(steps) <= MOST:
        return list(steps)
    return [*steps[:MOST], _more(len(steps) - MOST, "of these")]


def _more(count: int, what: str) -> Step:
    return Step("more", f"{count:,} more {what}")


def told(value: Any) -> str:
    """A fact as text."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {told(each)}" for name, each in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
