"""A row of a product leads to its manifest and batches, and by its key to the supplier's line."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from harbour import CONTRACT, Harbour

from wharf.batches import store_dataframe
from wharf.ledger import batches, products
from wharf.ledger.rows import ManifestRow
from wharf.products.trail import Step
from wharf.products.trail_rows import Place, trace_rows

DAY = "2026-11-20"
SECRET = CONTRACT.replace("  price:", "  name: {type: string, sensitive: true}\n  price:")


@pytest.mark.parametrize("is_a_score", [False, True])
def test_a_row_of_a_product_leads_by_its_key_to_the_suppliers_line(
    tmp_path: Path, is_a_score: bool
) -> None:
    harbour = Harbour(tmp_path, contract=SECRET)
    harbour.deliver("id,name,price\na,Ann,1.50\nb,Bob,2.25\n")
    harbour.run()
    [raw] = harbour.batches()
    place, now = harbour.place, harbour.now
    body = {"inputs": [{"pins": [{"table": raw.table, "period": DAY, "batch_id": raw.batch_id}]}]}
    with place.ledger.write() as tx:
        products.record_manifest(tx, ManifestRow("m1", "daily", DAY, body, now))
    rows = {"id": ["a", "b"], "name": ["Ann", "Bob"], "total": [3, 4]}
    if is_a_score:
        rows["_input_batch_ids"] = [raw.batch_id] * 2
    made = store_dataframe(
        place.batches, "facts.daily", DAY, pa.table(rows), now=now, by="r",
        origin={"manifest_id": "m1"},
    )  # fmt: skip
    with place.ledger.read() as tx:
        row = batches.batch(tx, made)
    assert row is not None
    here = Place(place.ledger, place.lake, place.landing, harbour.promises.project, tmp_path / "w")
    [step] = trace_rows(here, row, {"id": "b"})
    assert step.facts["values"] == {"id": "b", "name": "•••••", "total": 4}
    batch, supplied = step.back
    assert [batch.kind, batch.back[0].kind] == ["batch", "batch" if is_a_score else "manifest"]
    assert kinds(supplied) == ["row", "batch", "line", "delivery", "arrival", "supplier"]
    [line] = supplied.back[0].back
    assert (line.facts["line"], line.facts["text"]) == (3, "b,•••••,2.25")


def kinds(step: Step) -> list[str]:
    """The kinds of steps on the way back, the first of each."""
    return [step.kind, *(kinds(step.back[0]) if step.back else [])]
