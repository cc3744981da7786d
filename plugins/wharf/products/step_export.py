"""The export step: a product's page built aside, switched in by the release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from wharf.contracts import Product
from wharf.errors import ProductError
from wharf.ledger import models
from wharf.portal import InputState, PageContent, TableState, stage_page
from wharf.portal import release_page as switch_page
from wharf.products import attempts
from wharf.products.context import Context
from wharf.products.gather import read_manifest
from wharf.products.manifest import Manifest
from wharf.products.quoting import identifier
from wharf.products.staging import StepWriter
from wharf.products.tables import Tables, tables_for


def run_export(ctx: Context, product: Product, writer: StepWriter) -> str:
    """Build the page of a manifest from what its steps staged; gives the staged folder."""
    content = page_content(ctx, product, writer.manifest, writer.tables, built_at=writer.now)
    return str(stage_page(ctx.settings.portal, content))


def restage_page(ctx: Context, product: Product, manifest: Manifest) -> str:
    """Build the page of a manifest whose steps are done again; gives the staged folder."""
    index = next(place for place, step in enumerate(product.steps) if step.export)
    earlier = attempts.finished(ctx, product, manifest, before=index)
    tables = tables_for(ctx, manifest, earlier)
    content = page_content(ctx, product, manifest, tables, built_at=manifest.decided_at)
    return str(stage_page(ctx.settings.portal, content))


def release_page(ctx: Context, product: Product, manifest: Manifest, staged: str) -> None:
    """Switch a staged page in; one that is no longer staged is built again."""
    if not Path(staged).exists():
        staged = restage_page(ctx, product, manifest)
    switch_page(ctx.settings.portal, Path(staged))


def page_content(
    ctx: Context,
    product: Product,
    manifest: Manifest,
    tables: Tables,
    *,
    built_at: datetime,
) -> PageContent:
    """All that a product's page shows, from the manifest and the staged batches alone.

    Raises:
        ProductError: No step before the export made the page's table.
    """
    page = product.page
    if page is None:
        raise ProductError(f"{product.product}: an export step needs page:")
    batches = tables.of(page.table)
    about = tables.about.get(page.table, {})
    columns = [c for c in batches[-1].columns if not c.name.startswith("_")] if batches else []
    chosen = ", ".join(identifier(column.name) for column in columns)
    if not chosen:
        raise ProductError(f"{product.product}: {page.table} has no column to show")
    made = [table for table in tables.about if table != page.table]
    return PageContent(
        product=product.product,
        title=page.title,
        about=page.about or product.about,
        period=manifest.period,
        built_at=built_at,
        manifest_id=manifest.manifest_id,
        tables=[_table_state(tables, table) for table in [*made, page.table]],
        inputs=list(_input_states(ctx, manifest)),
        columns=[{"name": c.name, "type": c.type, "about": about.get(c.name, "")} for c in columns],
        relation=f"(select {chosen} from {tables.relations[page.table]})",
        plots=page.plots,
        queries=page.queries,
        model=_model(ctx, tables),
    )


def _table_state(tables: Tables, table: str) -> TableState:
    batch = tables.of(table)[-1]
    return TableState(table, batch.batch_id, batch.rows)


def _input_states(
    ctx: Context, manifest: Manifest, within: str = "", age_days: int = 0
) -> Iterator[InputState]:
    """Every input, and what an input that is a product was itself made of: age adds up."""
    for each in manifest.inputs:
        age = age_days + each.age_days
        yield InputState(
            name=f"{each.name} (in {within})" if within else each.name,
            period=each.period or "",
            batch_id=each.pins[-1].batch_id if each.pins else "",
            age_days=age,
            policy=each.policy,
            state=each.state,
            reason=each.reason,
        )
        if each.release is not None:
            yield from _input_states(ctx, read_manifest(ctx, each.release), each.name, age)


def _model(ctx: Context, tables: Tables) -> dict[str, Any] | None:
    """The model that scored for this manifest, as the batch of scores names it."""
    for table in tables.about:
        said = tables.of(table)[-1].origin.get("model")
        if isinstance(said, Mapping):
            name, version = str(said["name"]), int(said["version"])
            with ctx.ledger.read() as tx:
                known = {row.version: row for row in models.versions_of(tx, name)}
            metrics = dict(known[version].metrics.get("test", {})) if version in known else {}
            return {"name": name, "version": version, "metrics": metrics}
    return None
