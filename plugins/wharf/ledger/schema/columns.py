"""What all tables of the ledger share: instants, serial numbers, the feed they are about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    MetaData,
    TypeDecorator,
)

metadata = MetaData()
Big = BigInteger().with_variant(Integer, "sqlite")


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, kept without zone so that SQLite and Postgres sort it alike."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times on the way in."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; the ledger keeps instants")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Give aware UTC on the way out."""
        return value.replace(tzinfo=UTC) if value is not None else None


def serial() -> Column[int]:
    """The key of a table that is appended to: later rows have larger ones."""
    return Column("seq", Big, primary_key=True, autoincrement=True)


def of_feed() -> Column[int]:
    """The feed that a row is about."""
    return Column("feed_id", Big, ForeignKey("feed.id"), nullable=False)
