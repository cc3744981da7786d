"""Texts of fixed width: whole lines read as delimited text is, then cut where the contract says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb

from wharf.contracts import Column
from wharf.contracts.formats import CsvFormat, FixedFormat
from wharf.reading.delimited import open_delimited
from wharf.reading.header import by_position, plain
from wharf.reading.opened import STREAM, Opened, Wanted
from wharf.reading.refusals import Refused, listed, shown

_NEVER = "\x1f"
_LINE = "line"


def open_fixed(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    path: Path,
    name: str,
    wanted: Wanted,
    work: Path,
) -> Opened:
    """Read lines and cut them into cells.

    Raises:
        Refused: The positions are not those of the columns, or it is no text that can be read.
    """
    fmt, columns = wanted.format, wanted.columns or {}
    assert isinstance(fmt, FixedFormat)
    if set(fmt.positions) != set(columns):
        odd = sorted(set(fmt.positions) ^ set(columns))
        raise Refused(name, "positions", f"positions and columns differ: {listed(odd)}")
    by_line = CsvFormat(
        kind="csv", encoding=fmt.encoding, delimiter=_NEVER, quote="", header=fmt.header
    )
    whole = Wanted(by_line, {_LINE: Column(type="string", aliases=("#1",))}, wanted.policy)
    lines = open_delimited(connection, f"{relation}_lines", path, name, whole, work)
    spans = tuple(fmt.positions[each] for each in columns)
    cells = ", ".join(
        f"substring(c0, {first}, {last - first + 1}) AS c{index}"
        for index, (first, last) in enumerate(spans)
    )
    header = "".join(lines.sniffed.columns)
    names = tuple(header[first - 1 : last].strip() for first, last in spans) if header else ()
    _refuse_moved(name, names, columns)
    unfold = f"SELECT _row, _line, {cells} FROM {STREAM}"
    connection.execute(f"CREATE VIEW {relation} AS {unfold.replace(STREAM, lines.relation)}")
    return replace(
        lines,
        relation=relation,
        sniffed=replace(
            lines.sniffed, kind="fixed", delimiter=None, quote=None, spans=spans, columns=names
        ),
        types=dict.fromkeys(range(len(columns)), "VARCHAR"),
        mapped=by_position(name, len(columns), columns),
        unfold=unfold,
    )


def _refuse_moved(name: str, cells: Sequence[str], columns: Mapping[str, Column]) -> None:
    """Refuse a header in which the name of one column stands at the place of another.

    Raises:
        Refused: The column is named; other words of a header mean nothing here.
    """
    owners = {
        plain(text): column
        for column, spec in columns.items()
        for text in (column, *spec.spellings)
    }
    for cell, column in zip(cells, columns, strict=False):
        owner = owners.get(plain(cell), column) if cell else column
        if owner != column:
            reason = f"its header has {shown(cell)} at the place of column {column}"
            raise Refused(name, "positions", reason)
