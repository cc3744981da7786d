"""The staged batch as Great Expectations reads it: a pandas frame, or DuckDB over the files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from wharf.quality.portability import digits_of

Prepare = Callable[[duckdb.DuckDBPyConnection], None]
TABLE = "batch"


@contextmanager
def staged_rows(
    files: Sequence[str | Path],
    relation_sql: str | None,
    prepare: Prepare | None,
    others: Mapping[str, str] | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection in which the view `batch` is the staged batch.

    Args:
        files: Parquet files of the batch.
        relation_sql: What to read in their place: a query or a table function.
        prepare: Makes the connection able to read files that are not on this machine.
        others: Relations of other tables, by name; each can be read under `view_of` its name.
    """
    relation = relation_sql or _reading(files)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        if prepare is not None:
            prepare(connection)
        connection.execute(f"CREATE VIEW {TABLE} AS SELECT * FROM {enclosed(relation)}")
        for name, other in (others or {}).items():
            connection.execute(f"CREATE VIEW {view_of(name)} AS SELECT * FROM {enclosed(other)}")
        yield connection


def columns_in(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Column -> DuckDB type of the view `batch`."""
    return {row[0]: row[1] for row in connection.execute(f"DESCRIBE {TABLE}").fetchall()}


class PandasRows:
    """The batch as a frame."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, columns: dict[str, str]) -> None:
        import pandas
        from great_expectations.execution_engine.pandas_execution_engine import (
            PandasExecutionEngine,
        )

        self.table = connection.execute(f"SELECT * FROM {TABLE}").to_arrow_table()
        # Decimals go as floats: the library looks at its call stack for each one, 1 ms a value.
        seen = ", ".join(
            f"{quoted(name)}::DOUBLE AS {quoted(name)}" if digits_of(kind) else quoted(name)
            for name, kind in columns.items()
        )
        rows = connection.execute(f"SELECT {seen} FROM {TABLE}").to_arrow_table()
        self.engine: Any = PandasExecutionEngine()
        # Arrow's types keep whole numbers with gaps exact; numpy would make them floats.
        self.engine.load_batch_data(TABLE, rows.to_pandas(types_mapper=pandas.ArrowDtype))

    def known(self, columns: dict[str, str]) -> dict[str, Any]:
        """Metrics that need no look at the rows."""
        return {}

    def breaking(self, condition: tuple[Any, ...], connection: duckdb.DuckDBPyConnection) -> str:
        """A DuckDB relation of the rows for which a condition holds."""
        mask = condition[0]
        name = f"breaking_{id(condition)}"
        connection.register(name, self.table.take(list(mask.index[mask.fillna(False)])))
        return name


class DuckDBRows:
    """The batch as DuckDB reads it, through one connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, columns: dict[str, str]) -> None:
        import sqlalchemy
        from duckdb_engine import ConnectionWrapper, CursorWrapper
        from great_expectations.execution_engine.sqlalchemy_batch_data import SqlAlchemyBatchData
        from great_expectations.execution_engine.sqlalchemy_execution_engine import (
            SqlAlchemyExecutionEngine,
        )
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

        made = sqlalchemy.create_engine(
            "duckdb:///:memory:", creator=lambda: _SeparateCursors(connection.cursor())
        )
        # Its words are those of Postgres, which has no need to quote a column called `at`.
        words = connection.execute(
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'"
        ).fetchall()
        preparer = made.dialect.identifier_preparer
        preparer.reserved_words = {*preparer.reserved_words, *(word for (word,) in words)}
        self.engine: Any = SqlAlchemyExecutionEngine(engine=made)
        made_for: Any = _WritesPostgres
        self.engine.dialect_module = made_for
        data = SqlAlchemyBatchData(execution_engine=self.engine, table_name=TABLE)
        self.engine.load_batch_data(TABLE, data)

    def known(self, columns: dict[str, str]) -> dict[str, Any]:
        """Metrics that need no look at the rows: asking a catalog for them took 0.1 s."""
        from sqlalchemy.types import NullType

        types = [{"name": name, "type": NullType()} for name in columns]
        return {"table.columns": list(columns), "table.column_types": types}

    def breaking(self, condition: tuple[Any, ...], connection: duckdb.DuckDBPyConnection) -> str:
        """A DuckDB relation of the rows for which a condition holds."""
        import sqlalchemy

        unexpected, domain, accessor = condition
        rows = self.engine.get_domain_records(domain_kwargs={**domain, **accessor})
        source = rows.subquery() if isinstance(rows, sqlalchemy.Select) else rows
        query = sqlalchemy.select(sqlalchemy.text("*")).select_from(source).where(unexpected)
        compiled = query.compile(
            dialect=self.engine.engine.dialect, compile_kwargs={"literal_binds": True}
        )
        return f"({compiled})"


def open_rows(
    engine: str, connection: duckdb.DuckDBPyConnection, columns: dict[str, str]
) -> PandasRows | DuckDBRows:
    """Open the view `batch` for Great Expectations, which must be loaded.

    No context of the library is made: it knows nothing we need and costs more than a small audit.

    Args:
        engine: `pandas` or `duckdb`.
        connection: What `staged_rows` gave.
        columns: What `columns_in` gave.
    """
    if engine == "pandas":
        return PandasRows(connection, columns)
    return DuckDBRows(connection, columns)


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def view_of(table: str) -> str:
    """The view under which another published table can be read beside the batch."""
    return quoted(f"published {table}")


def literal(value: str) -> str:
    """A text in SQL."""
    return "'" + value.replace("'", "''") + "'"


def enclosed(relation: str) -> str:
    """A query or table function, so that it can stand after FROM."""
    first = relation.lstrip().split(None, 1)[0].lower() if relation.strip() else ""
    return f"({relation})" if first in {"select", "with", "from", "values"} else relation


def _reading(files: Sequence[str | Path]) -> str:
    if not files:
        raise ValueError("an audit needs the batch's files or a relation")
    listed = ", ".join(literal(str(file).removeprefix("file://")) for file in files)
    return f"read_parquet([{listed}], hive_partitioning = false)"
