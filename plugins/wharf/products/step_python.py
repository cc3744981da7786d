"""The python step: a function by name gets the step's inputs and returns a table."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from wharf.contracts import Period, Product
from wharf.errors import ProductError
from wharf.ledger import Ledger
from wharf.products.auditing import suite_path
from wharf.products.build_session import MEMORY_LIMIT
from wharf.products.context import Context
from wharf.products.quoting import identifier, table_name
from wharf.products.staging import StepWriter

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class StepInput:
    """What the function of a python step is given."""

    product: str
    period: Period
    now: datetime
    ledger: Ledger
    """For reading; a step writes nothing but what it returns."""
    connection: DuckDBPyConnection
    """DuckDB with one view for each table of the manifest, under the table's own name."""
    tables: tuple[str, ...]

    def read(self, table: str) -> Any:
        """One table of the manifest, as a DuckDB relation (`.df()`, `.arrow()`, `.filter()`)."""
        if table not in self.tables:
            choices = ", ".join(self.tables) or "none"
            raise ProductError(f"{table} is not among the tables of this step; it has {choices}")
        return self.connection.sql(f"select * from {table_name(table)}")


def run_python(ctx: Context, product: Product, index: int, writer: StepWriter) -> str:
    """Call the step's function and stage what it returns.

    Raises:
        ProductError: The function is unknown, raised, or returned no table.
    """
    step = product.steps[index]
    name, table = step.python or "", step.table or ""
    function = _function(name)
    about = _descriptions(function)
    connection = connect(ctx, writer)
    try:
        given = StepInput(
            product=product.product,
            period=product.parse_period(writer.manifest.period),
            now=writer.now,
            ledger=ctx.ledger,
            connection=connection,
            tables=tuple(sorted(writer.tables.relations)),
        )
        try:
            returned = function(given)
        except ProductError:
            raise
        except Exception as error:
            raise ProductError(f"{name} failed: {type(error).__name__}: {error}") from error
        try:
            connection.register("wharf_returned", returned)
        except Exception as error:
            kind = type(returned).__name__
            raise ProductError(
                f"{name} returned a {kind}; return an Arrow table or a data frame"
            ) from error
        writer.write(connection, table, "wharf_returned")
    finally:
        connection.close()
    suite = suite_path(ctx.settings.project, product.product)
    problems = writer.finish(
        findings=[], about={table: about}, suite=suite if suite.exists() else None
    )
    if problems:
        raise ProductError(f"{name}: {'; '.join(problems)}")
    return f"{writer.batches[0].rows} rows"


def connect(ctx: Context, writer: StepWriter) -> DuckDBPyConnection:
    """A DuckDB in memory with one view for each table that the step may read."""
    import duckdb

    connection = duckdb.connect(
        ":memory:",
        config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(writer.work / "spill")},
    )
    ctx.lake.prepare(connection)
    for table, relation in writer.tables.relations.items():
        connection.execute(f"create schema if not exists {identifier(table.split('.')[0])}")
        connection.execute(f"create view {table_name(table)} as select * from {relation}")
    return connection


def _function(name: str) -> Callable[[StepInput], object]:
    module, _, attribute = name.rpartition(".")
    try:
        function = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ProductError(f"python: {name!r} cannot be found: {error}") from error
    if not callable(function):
        raise ProductError(f"python: {name!r} is not a function")
    return function  # type: ignore[no-any-return]


def _descriptions(function: Callable[..., object]) -> Mapping[str, str]:
    """Descriptions of the columns a function returns; it carries them as `columns`."""
    found = getattr(function, "columns", {})
    return found if isinstance(found, Mapping) else {}
