"""The staged batch as Great Expectations reads it: a pandas frame, or DuckDB over the files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from wharf.quality.portability import digits_of

Prepare = Callable[[duckdb.DuckDBPyConnection], None]
_TABLE = "batch"


@contextmanager
def staged_rows(
    files: Sequence[str | Path], relation_sql: str | None, prepare: Prepare | None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection in which the view `batch` is the staged batch.

    Args:
        files: Parquet files of the batch.
        relation_sql: What to read in their place: a query or a table function.
        prepare: Makes the connection able to read files that are not on this machine.
    """
    relation = relation_sql or _reading(files)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        if prepare is not None:
            prepare(connection)
        connection.execute(f"CREATE VIEW {_TABLE} AS SELECT * FROM {_enclosed(relation)}")
        yield connection


def columns_in(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Column -> DuckDB type of the view `batch`."""
    return {row[0]: row[1] for row in connection.execute(f"DESCRIBE {_TABLE}").fetchall()}


def batch_on(engine: str, library: Any, connection: duckdb.DuckDBPyConnection) -> Any:
    """Open the view `batch` as a batch of Great Expectations.

    Args:
        engine: `pandas` or `duckdb`.
        library: Great Expectations.
        connection: What `staged_rows` gave.
    """
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
    )

    nothing_kept = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    context = library.get_context(
        mode="ephemeral", project_config=DataContextConfig(store_backend_defaults=nothing_kept)
    )
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    if engine == "pandas":
        return _on_pandas(context, connection)
    return _on_duckdb(context, connection)


def _on_pandas(context: Any, connection: duckdb.DuckDBPyConnection) -> Any:
    import pandas

    # Decimals go as floats: the library looks at its call stack for each one, 1 ms a value.
    columns = ", ".join(
        f"{_quoted(name)}::DOUBLE AS {_quoted(name)}" if digits_of(kind) else _quoted(name)
        for name, kind in columns_in(connection).items()
    )
    rows = connection.execute(f"SELECT {columns} FROM {_TABLE}").to_arrow_table()
    # Arrow's types keep whole numbers with gaps exact; numpy would make them floats.
    frame = rows.to_pandas(types_mapper=pandas.ArrowDtype)
    asset = context.data_sources.add_pandas("staged").add_dataframe_asset(_TABLE)
    definition = asset.add_batch_definition_whole_dataframe("whole")
    return definition.get_batch({"dataframe": frame})


def _on_duckdb(context: Any, connection: duckdb.DuckDBPyConnection) -> Any:
    from duckdb_engine import ConnectionWrapper, CursorWrapper
    from sqlalchemy.dialects import postgresql

    class _SeparateCursors(ConnectionWrapper):
        # The engine's own cursor is the connection itself, so the rollback with which Great
        # Expectations hands a connection back would drop the result it has not fetched yet.

        def __init__(self, real: duckdb.DuckDBPyConnection) -> None:
            super().__init__(real)
            self._real = real

        def cursor(self) -> CursorWrapper:
            return CursorWrapper(self._real.cursor(), self)

    class _WritesPostgres:
        # Great Expectations knows no DuckDB and would refuse its regular expressions.

        dialect = postgresql.dialect

    source = context.data_sources.add_sql(
        "staged",
        connection_string="duckdb:///:memory:",
        kwargs={"creator": lambda: _SeparateCursors(connection.cursor())},
    )
    source.get_execution_engine().dialect_module = _WritesPostgres
    asset = source.add_table_asset(_TABLE, table_name=_TABLE)
    return asset.add_batch_definition_whole_table("whole").get_batch()


def _reading(files: Sequence[str | Path]) -> str:
    if not files:
        raise ValueError("an audit needs the batch's files or a relation")
    listed = ", ".join("'" + _local(str(file)).replace("'", "''") + "'" for file in files)
    return f"read_parquet([{listed}], hive_partitioning = false)"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _local(file: str) -> str:
    return file.removeprefix("file://")


def _enclosed(relation: str) -> str:
    first = relation.lstrip().split(None, 1)[0].lower() if relation.strip() else ""
    return f"({relation})" if first in {"select", "with", "from", "values"} else relation
