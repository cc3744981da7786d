"""Texts of fixed width: whole lines read as delimited text is, then cut where the contract says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb

from wharf.contracts import Column
from wharf.contracts.formats import CsvFormat, FixedFormat
from wharf.reading.delimited import open_delimited
from wharf.reading.header import by_position
from wharf.reading.opened import STREAM, Opened, Wanted
from wharf.reading.refusals import Refused, listed

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
    plain = CsvFormat(kind="csv", encoding=fmt.encoding, delimiter=_NEVER, quote="", header=0)
    whole = Wanted(plain, {_LINE: Column(type="string")}, wanted.policy)
    lines = open_delimited(connection, f"{relation}_lines", path, name, whole, work)
    spans = tuple(fmt.positions[each] for each in columns)
    cells = ", ".join(
        f"substring(c0, {first}, {last - first + 1}) AS c{index}"
        for index, (first, last) in enumerate(spans)
    )
    unfold = f"SELECT _row, _line, {cells} FROM {STREAM}"
    connection.execute(f"CREATE VIEW {relation} AS {unfold.replace(STREAM, lines.relation)}")
    return replace(
        lines,
        relation=relation,
        sniffed=replace(lines.sniffed, kind="fixed", delimiter=None, quote=None, spans=spans),
        types=dict.fromkeys(range(len(columns)), "VARCHAR"),
        mapped=by_position(name, len(columns), columns),
        unfold=unfold,
    )
