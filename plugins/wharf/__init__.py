"""wharf: where a supplier's delivery goes before it may be called warehouse data."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def load_dataframe(table: str, period: str | None = None, **how: Any) -> Any:
    """Read a table of this installation as a data frame.

    The installation is the one that the environment names: `WHARF_HOME`, or `.wharf` here.

    Args:
        table: `namespace.table`.
        period: Only this period; all when None.
        how: `kind` (`pandas`, `polars`, `arrow` or `duckdb`), and one of `batch` (exactly this
            one), `as_of` (a time, a snapshot id or a tag), `anchor` (a number of
            `wharf anchor list`, or a tag's name) and `product` (as it was released).

    Raises:
        LakeError: There is no such table, period, batch or state; the message says what there is.
    """
    from wharf.batches.loading import load

    return load(table, period, **how)
