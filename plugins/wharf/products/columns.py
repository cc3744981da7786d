"""Column types as the lake names them and as DuckDB does."""

from __future__ import annotations

import re
from collections.abc import Iterable

from wharf.errors import ProductError
from wharf.lake import duckdb_type
from wharf.products.quoting import identifier

_TO_LAKE = {
    "BOOLEAN": "boolean",
    "TINYINT": "int",
    "SMALLINT": "int",
    "INTEGER": "int",
    "BIGINT": "long",
    "FLOAT": "float",
    "DOUBLE": "double",
    "VARCHAR": "string",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "BLOB": "binary",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)", re.IGNORECASE)


def lake_type(table: str, column: str, computed: str) -> str:
    """The lake's type for a column that DuckDB computed.

    Raises:
        ProductError: The lake keeps no such type; the message says what to cast it to.
    """
    if match := _DECIMAL.fullmatch(computed):
        return f"decimal({match[1]}, {match[2]})"
    if computed not in _TO_LAKE:
        raise ProductError(
            f"{table}.{column} is a {computed}, which the lake does not keep; "
            "cast it, for example to bigint, decimal(18, 2), double or varchar"
        )
    return _TO_LAKE[computed]


def empty_relation(columns: Iterable[tuple[str, str]]) -> str:
    """A relation without rows that has these columns (name and lake type)."""
    nulls = (f"cast(null as {duckdb_type(kind)}) as {identifier(name)}" for name, kind in columns)
    return f"(select {', '.join(nulls)} limit 0)"
