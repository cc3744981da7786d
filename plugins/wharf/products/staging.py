"""Staging a step's results: relations become batches that no reader sees yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from wharf import __version__
from wharf.lake import Batch, duckdb_type, new_batch_id
from wharf.products.auditing import audit_staged, note_audits
from wharf.products.columns import lake_type
from wharf.products.context import Context
from wharf.products.manifest import Manifest
from wharf.products.quoting import identifier, literal
from wharf.products.tables import Tables

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass
class StepWriter:
    """Writes what one attempt of a step makes, and hands it to `batches` all at once."""

    ctx: Context
    manifest: Manifest
    step: int
    attempt: str
    tables: Tables
    now: datetime
    run_id: str
    work: Path
    batches: list[Batch] = field(default_factory=list)

    def write(self, connection: DuckDBPyConnection, table: str, relation: str) -> str:
        """Write a relation as a new batch of a table, under no reader's eyes.

        Returns:
            A SQL relation over the staged file.

        Raises:
            ProductError: A column's type is none that the lake keeps.
        """
        described = connection.execute(f"describe select * from {relation}").fetchall()
        kinds = {str(row[0]): lake_type(table, str(row[0]), str(row[1])) for row in described}
        kinds.update(_period="string", _manifest_id="string")
        columns = self.ctx.lake.columns_for(table, kinds)
        columns = tuple(column for column in columns if column.name in kinds)
        batch_id = new_batch_id(self.now)
        constants = {"_period": self.manifest.period, "_manifest_id": self.manifest.manifest_id}
        chosen = ", ".join(
            f"{_value(c.name, constants)}::{duckdb_type(c.type)} as {identifier(c.name)}"
            for c in columns
        )
        ids = ", ".join(f"{identifier(c.name)}: {c.field_id}" for c in columns)
        local = self.work / f"{batch_id}.parquet"
        counted = connection.execute(
            f"copy (select {chosen} from {relation}) to {literal(str(local))} "
            f"(format parquet, compression zstd, field_ids {{{ids}}})"
        ).fetchone()
        rows = int(counted[0]) if counted else 0
        folder = self.ctx.lake.batch_dir(table, self.manifest.period, batch_id)
        # A file without rows has no partition value, so an empty batch has no file.
        files = (self.ctx.lake.put(local, f"{folder}/part-0.parquet"),) if rows else ()
        local.unlink()
        batch = Batch(
            batch_id=batch_id,
            table=table,
            period=self.manifest.period,
            files=files,
            rows=rows,
            columns=columns,
            rows_quarantined=0,
            quarantine=None,
            origin={},
        )
        self.batches.append(batch)
        return self.ctx.lake.scan_batches_sql([batch])

    def finish(
        self,
        *,
        findings: Sequence[str],
        about: Mapping[str, Mapping[str, str]],
        suite: Path | None = None,
    ) -> list[str]:
        """Hand all batches over: audited when nothing was found, else quarantined together.

        Args:
            findings: What is known to be wrong already, such as failed dbt tests.
            about: Table -> column -> description.
            suite: An expectation suite to run on every batch.

        Returns:
            What is wrong, including what the lake's own structure checks say.
        """
        audits = []
        for batch in self.batches:
            staged = self.ctx.batches.stage(
                batch.with_origin(self.origin(about.get(batch.table, {}))),
                subject=self.manifest.product,
                now=self.now,
                run_id=self.run_id,
            )
            audits.append(audit_staged(self.ctx, staged, suite=suite, now=self.now))
        return note_audits(self.ctx, audits, also=findings, now=self.now)

    def origin(self, about: Mapping[str, str]) -> dict[str, object]:
        """Where a batch of this attempt comes from."""
        return {
            **attempt_origin(self.manifest, self.step, self.attempt),
            "tables": [batch.table for batch in self.batches],
            "inputs": self.tables.batch_ids(),
            "models": dict(self.manifest.models),
            "about": dict(about),
            "run_id": self.run_id,
            "wharf_version": __version__,
            "staged_at": self.now.isoformat(),
        }


def attempt_origin(manifest: Manifest, step: int, attempt: str) -> dict[str, object]:
    """What ties a staged batch to the attempt that made it."""
    return {
        "product": manifest.product,
        "manifest_id": manifest.manifest_id,
        "step": step,
        "attempt": attempt,
    }


def _value(column: str, constants: Mapping[str, str]) -> str:
    return literal(constants[column]) if column in constants else identifier(column)
