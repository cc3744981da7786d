"""The tables a step may read: the manifest's batches, and what earlier steps staged for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wharf.contracts import Feed
from wharf.errors import ProductError
from wharf.lake import Batch
from wharf.products.attempts import Attempt
from wharf.products.columns import empty_relation
from wharf.products.context import Context
from wharf.products.inputs import find_feed
from wharf.products.manifest import Input, Manifest


@dataclass(frozen=True)
class Tables:
    """Exact batches by table; an empty tuple is a table of which nothing is read."""

    batches: Mapping[str, tuple[Batch, ...]]
    relations: Mapping[str, str]
    """Table -> SQL relation for DuckDB over exactly those batches."""
    about: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Table -> column -> description, for tables that earlier steps staged."""

    def batch_ids(self) -> dict[str, list[str]]:
        """Table -> ids of the batches read."""
        return {table: [b.batch_id for b in found] for table, found in self.batches.items()}

    def of(self, table: str) -> tuple[Batch, ...]:
        """The batches of one table.

        Raises:
            ProductError: Neither the manifest nor an earlier step has it.
        """
        if table not in self.batches:
            choices = ", ".join(sorted(self.batches)) or "none"
            raise ProductError(f"{table} is not among the tables of this step; it has {choices}")
        return self.batches[table]


def tables_for(ctx: Context, manifest: Manifest, earlier: Mapping[int, Attempt]) -> Tables:
    """Collect what a step of a manifest may read.

    Args:
        ctx: The installation.
        manifest: The decided inputs.
        earlier: The finished steps before this one.

    Raises:
        LakeError: A batch that the manifest names is not in the lake.
    """
    batches: dict[str, tuple[Batch, ...]] = {}
    about: dict[str, Mapping[str, str]] = {}
    for table, pins in manifest.pins.items():
        batches[table] = tuple(ctx.lake.read_batch(table, p.period, p.batch_id) for p in pins)
    for attempt in (earlier[step] for step in sorted(earlier)):
        for row in attempt.batches:
            batches[row.table] = (ctx.lake.read_batch(row.table, row.period, row.batch_id),)
            about[row.table] = dict(row.origin.get("about", {}))
    relations = {table: ctx.lake.scan_batches_sql(found) for table, found in batches.items()}
    for table, relation in _tables_without_batches(ctx, manifest.inputs).items():
        batches.setdefault(table, ())
        relations.setdefault(table, relation)
    return Tables(batches, relations, about)


def _tables_without_batches(ctx: Context, inputs: tuple[Input, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in inputs:
        if each.kind == "feed" and not each.pins:
            with ctx.ledger.read() as tx:
                feed = find_feed(tx, ctx.project, each.name)
            if feed is not None:
                found[feed.table] = empty_relation(_columns_of(feed))
    return found


def _columns_of(feed: Feed) -> list[tuple[str, str]]:
    system = {"_period": "string", "_batch_id": "string", "_file": "string", "_line": "long"}
    return [*((name, column.type) for name, column in feed.columns.items()), *system.items()]
