"""Scoring models: their versions and the moves of their aliases, append-only."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, func, insert, select

from wharf.errors import ModelError
from wharf.ledger.rows import AliasEvent, ModelVersionRow, read_row
from wharf.ledger.schema import alias_event, model_version


def record_version(tx: Connection, row: ModelVersionRow) -> None:
    """Append a trained version."""
    values: dict[str, Any] = asdict(row)
    values.pop("seq")
    tx.execute(insert(model_version).values(**values))


def versions_of(tx: Connection, name: str) -> list[ModelVersionRow]:
    """Versions of a model, oldest first."""
    query = select(model_version).where(model_version.c.name == name)
    return [
        read_row(ModelVersionRow, row)
        for row in tx.execute(query.order_by(model_version.c.version))
    ]


def next_version(tx: Connection, name: str) -> int:
    """The number the next version of a model gets."""
    query = select(func.max(model_version.c.version)).where(model_version.c.name == name)
    return (tx.execute(query).scalar() or 0) + 1


def move_alias(tx: Connection, row: AliasEvent) -> None:
    """Append a move of an alias; `previous` must be where it points now.

    Raises:
        ModelError: Somebody else moved the alias first.
    """
    stands = aliased(tx, row.name, row.alias)
    if stands != row.previous:
        raise ModelError(
            f"{row.name}: {row.alias} points at version {stands}, not {row.previous}; look again"
        )
    values: dict[str, Any] = asdict(row)
    values.pop("seq")
    tx.execute(insert(alias_event).values(**values))


def aliased(tx: Connection, name: str, alias: str) -> int | None:
    """The version an alias points at now."""
    history = alias_history(tx, name, alias)
    return history[-1].version if history else None


def aliased_names(tx: Connection, alias: str) -> tuple[str, ...]:
    """The models that have an alias, sorted."""
    query = select(alias_event.c.name).where(alias_event.c.alias == alias).distinct()
    return tuple(sorted(tx.execute(query).scalars()))


def alias_history(tx: Connection, name: str, alias: str) -> list[AliasEvent]:
    """All moves of an alias, oldest first."""
    query = select(alias_event).where(alias_event.c.name == name, alias_event.c.alias == alias)
    return [read_row(AliasEvent, row) for row in tx.execute(query.order_by(alias_event.c.seq))]
