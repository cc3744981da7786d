"""Names and texts as DuckDB reads them."""

from __future__ import annotations


def identifier(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def table_name(table: str) -> str:
    """A quoted `namespace.table`."""
    return ".".join(identifier(part) for part in table.split("."))


def literal(text: str) -> str:
    """A quoted text."""
    return "'" + text.replace("'", "''") + "'"
