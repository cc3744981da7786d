"""Data frames for a person who has nothing but the name of a table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from wharf.batches.frames import FrameKind, load_dataframe
from wharf.errors import LakeError
from wharf.lake import Lake, open_lake
from wharf.ledger import Ledger, anchors, batches
from wharf.ledger import products as product_rows
from wharf.settings import Settings, read_settings


def load(
    table: str,
    period: str | None = None,
    *,
    kind: FrameKind | str = "pandas",
    batch: str | None = None,
    as_of: datetime | int | str | None = None,
    anchor: int | str | None = None,
    product: str | None = None,
    settings: Settings | None = None,
) -> Any:
    """Read a table of the installation that the environment names; see `wharf.load_dataframe`."""
    chosen = [batch, as_of, anchor, product]
    if sum(each is not None for each in chosen) > 1:
        raise LakeError("give only one of batch, as_of, anchor and product: each says what to read")
    place = settings or read_settings()
    lake = open_lake(place)
    if product is not None:
        period, batch = _released(place, product, table, period)
    elif isinstance(anchor, int):
        period, batch = _anchored(place, table, anchor)
        anchor = None
    elif batch is not None and period is None:
        period = _period_of(place, lake, table, batch)
    name = None if anchor is None else str(anchor)
    return load_dataframe(lake, table, period, kind=kind, batch=batch, as_of=as_of, anchor=name)


def _period_of(place: Settings, lake: Lake, table: str, batch_id: str) -> str:
    with Ledger.open(place.ledger_url).read() as tx:
        row = batches.batch(tx, batch_id)
    if row is None or row.table != table:
        raise LakeError(
            f"the ledger knows no batch {batch_id!r} of {table}; see `wharf batch list {table}`"
        )
    return row.period


def _anchored(place: Settings, table: str, number: int) -> tuple[str, str]:
    with Ledger.open(place.ledger_url).read() as tx:
        found = anchors.anchors(tx, datetime.now(UTC))
        row = next((each for each in found if each.seq == number), None)
        if row is None:
            choices = ", ".join(str(each.seq) for each in found) or "none"
            raise LakeError(f"no anchor {number} is in force; those that are: {choices}")
        if row.batch_id is not None:
            bound = batches.batch(tx, row.batch_id)
            stands = {row.table: (bound.period, bound.batch_id)} if bound else {}
        else:
            release = product_rows.find_release(tx, row.release_seq or 0)
            tables = release.tables if release else {}
            stands = {t: (release.period, str(s["batch_id"])) for t, s in tables.items() if release}
    if table not in stands:
        choices = ", ".join(sorted(stands)) or row.table
        raise LakeError(f"anchor {number} is about {choices}, not {table}; see `wharf anchor list`")
    return stands[table]


def _released(place: Settings, product: str, table: str, period: str | None) -> tuple[str, str]:
    with Ledger.open(place.ledger_url).read() as tx:
        found = product_rows.current_releases(tx, product)
    key = period or max(found, default="")
    release = found.get(key)
    if release is None:
        choices = ", ".join(sorted(found)[-3:]) or "none yet"
        raise LakeError(
            f"{product} has no release of {period or 'any period'}; its last: {choices}. "
            f"Make one: run its DAG product__{product} for the period."
        )
    if table not in release.tables:
        choices = ", ".join(sorted(release.tables)) or "none"
        raise LakeError(f"{product} has no table {table}; its tables: {choices}")
    return key, str(release.tables[table]["batch_id"])
