"""The files a page offers: Parquet and CSV of the product's table, and a preview of it."""

from __future__ import annotations

import gzip
import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from wharf.spreadsheet import guard_sql

PREVIEW_ROWS = 25


@dataclass(frozen=True)
class Download:
    """One file to download, with what proves it whole."""

    name: str
    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Preview:
    """The first rows of a table."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    total: int


def open_table(name: str, relation: str) -> duckdb.DuckDBPyConnection:
    """A DuckDB session with the relation as the view `name`; zoned times become UTC times."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    described = connection.execute(f"describe select * from {relation}").fetchall()
    columns = ", ".join(
        f'"{column}" at time zone \'UTC\' as "{column}"' if "TIME ZONE" in kind else f'"{column}"'
        for column, kind, *_ in described
    )
    connection.execute(f'create view "{name}" as select {columns} from {relation}')
    return connection


def write_downloads(
    connection: duckdb.DuckDBPyConnection, name: str, folder: Path, base: str
) -> list[Download]:
    """Write Parquet and gzipped CSV of a view; both hold all its rows.

    Args:
        connection: From `open_table`.
        name: The view, also the files' stem.
        folder: Where to write; made when missing.
        base: What the page puts before a file's name in its address.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parquet, csv = folder / f"{name}.parquet", folder / f"{name}.csv"
    connection.execute(
        f"copy \"{name}\" to '{_quoted(parquet)}' (format parquet, compression zstd)"
    )
    connection.execute(
        f"copy ({_guarded(connection, name)}) to '{_quoted(csv)}' (format csv, header)"
    )
    packed = folder / f"{name}.csv.gz"
    with (
        csv.open("rb") as plain,
        packed.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as out,
    ):
        shutil.copyfileobj(plain, out)
    csv.unlink()
    return [_describe(path, f"{base}/{path.name}") for path in (parquet, packed)]


def preview(connection: duckdb.DuckDBPyConnection, name: str) -> Preview:
    """The first rows of a view and how many there are."""
    result = connection.execute(f'select * from "{name}" limit {PREVIEW_ROWS}')
    columns = [each[0] for each in result.description or ()]
    rows = result.fetchall()
    [(total,)] = connection.execute(f'select count(*) from "{name}"').fetchall()
    return Preview(columns, rows, total)


def _guarded(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """A query of a view in which no text is a formula; numbers and times stay as they are."""
    described = connection.execute(f'describe "{name}"').fetchall()
    columns = ((f'"{column}"', kind == "VARCHAR") for column, kind, *_ in described)
    cells = ", ".join(f"{guard_sql(each)} as {each}" if text else each for each, text in columns)
    return f'select {cells} from "{name}"'


def _describe(path: Path, address: str) -> Download:
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return Download(path.name, address, path.stat().st_size, digest)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
