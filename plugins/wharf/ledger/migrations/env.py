"""Alembic's entry: runs inside the connection that `wharf.ledger.migrate` opened."""

from __future__ import annotations

from alembic import context

from wharf.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
