"""What readers of a killed installation see, what its ledger says, and what lies around."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from killed_cycle import TABLE, Cycle, prices
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError

from wharf.lake.storage import local_path
from wharf.ledger import batches, deliveries


class Seen(NamedTuple):
    """The one batch that a reader sees of a period, compared cell by cell."""

    batch_id: str
    day: str
    version: int


def whole(place: Cycle, day: str, version: int) -> Seen | None:
    """What readers are to see of a version; the third shows what the first showed."""
    shown = 2 if version == 2 else 1
    return Seen(place.batch_of(day, version), day, shown) if version else None


def seen_by_iceberg(place: Cycle) -> dict[str, Seen]:
    """By pyiceberg alone, over a catalog of its own: no code of wharf's is asked."""
    catalog = plain_catalog(place)
    try:
        table = catalog.load_table(TABLE)
        rows = table.scan().to_arrow().select(["_period", "_batch_id", "id", "price"]).to_pylist()
    except NoSuchTableError:
        rows = []
    finally:
        catalog.engine.dispose()
    return _whole(tuple(str(cell) for cell in row.values()) for row in rows)


def plain_catalog(place: Cycle) -> SqlCatalog:
    """The catalog as anybody opens it who has pyiceberg and no wharf."""
    settings = place.settings
    s3 = {f"s3.{key.replace('_', '-')}": value for key, value in settings.s3.items()}
    return SqlCatalog("wharf", uri=settings.catalog_url, warehouse=settings.warehouse, **s3)


def seen_by_wharf(place: Cycle) -> dict[str, Seen]:
    """By a scan of ours in DuckDB."""
    lake = place.intake.lake
    if not lake.has(TABLE):
        return {}
    with duckdb.connect() as connection:
        lake.prepare(connection)
        wanted = "_period, _batch_id, id, price::varchar"
        query = f"SELECT {wanted} FROM {lake.scan_sql(TABLE)}"
        return _whole(connection.execute(query).fetchall())


def told(place: Cycle, day: str) -> list[object]:
    """What the ledger says of a day, without the names of batches and snapshots."""
    with place.intake.ledger.read() as tx:
        landed = deliveries.deliveries_of(tx, "acme.prices", day)
        made = batches.batches_of(tx, TABLE, day)
        moved = batches.publishes_of(tx, TABLE, day)
    version = {row.batch_id: row.version for row in made}
    history = [each for each in place.intake.lake.history(TABLE) if each.period == day]
    assert [each.snapshot_id for each in moved] == [each.snapshot_id for each in history]
    return [
        [(row.verdict, row.version, row.reverts_to, row.outcome) for row in landed],
        [(row.version, row.status, row.rows_staged) for row in made],
        [(event.action, version[event.batch_id or ""]) for event in moved],
    ]


def leftovers(place: Cycle) -> Counter[str]:
    """What killed processes left lying, by kind. All of it is harmless and named by nothing."""
    root = Path(local_path(place.settings.warehouse))
    table = plain_catalog(place).load_table(TABLE)
    named = {table.metadata_location, *(each.metadata_file for each in table.metadata.metadata_log)}
    for snapshot in table.metadata.snapshots:
        named.add(snapshot.manifest_list)
        named.update(each.manifest_path for each in snapshot.manifests(table.io))
    with place.intake.ledger.read() as tx:
        known = {row.batch_id for row in batches.batches_of(tx, TABLE)}
    found: Counter[str] = Counter()
    for file in root.rglob("metadata/*"):
        found[f"unnamed {file.suffix} files"] += f"file://{file}" not in named
    for folder in _batch_folders(root):
        if not (folder / "_batch.json").exists():
            found["batch folders without a record"] += 1
        elif folder.name not in known:
            found["staged batches that no ledger knows"] += 1
    home = place.root / "home"
    found["half-copied files"] = sum(1 for _ in home.rglob("*.part"))
    work = home / "work"
    found["work folders"] = sum(1 for _ in work.iterdir()) if work.exists() else 0
    return +found


def _batch_folders(root: Path) -> Iterator[Path]:
    return (each for each in root.glob("raw/acme_prices/*/*") if "Z-" in each.name)


def _whole(rows: Iterable[tuple[Any, ...]]) -> dict[str, Seen]:
    """The batch of each period; an AssertionError where one is not whole, or not one."""
    periods: dict[str, list[tuple[str, str, str]]] = {}
    for period, *row in rows:
        periods.setdefault(period, []).append((row[0], row[1], row[2]))
    return {period: _one(period, sorted(found)) for period, found in periods.items()}


def _one(period: str, found: list[tuple[str, str, str]]) -> Seen:
    batch_ids = {batch_id for batch_id, _, _ in found}
    assert len(batch_ids) == 1, f"{period} holds rows of {sorted(batch_ids)}"
    shown = [(key, price) for _, key, price in found]
    for version in (1, 2):
        whole = [(f"{period} {n:02d}", price) for n, price in enumerate(prices(version))]
        if shown == whole:
            return Seen(batch_ids.pop(), period, version)
    raise AssertionError(f"{period} holds {len(shown)} rows of no one version")
