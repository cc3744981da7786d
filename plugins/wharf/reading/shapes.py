"""How the rows of a file are written: enough to find the cells of one row again in its raw text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from wharf.reading.json_values import Unusable, read_value, text_of
from wharf.reading.opened import Opened
from wharf.reading.records import Dialect, read_record

HIDDEN: Final = "•••••"
"""Stands in place of a value of a sensitive column wherever somebody may see it."""
Cells = Mapping[str, str | None]


@dataclass(frozen=True)
class Shape:
    """One file: its kind, its dialect, and which cell belongs to which column of the table."""

    file: str
    kind: str
    columns: tuple[str | None, ...]
    """The column of each cell; None for a cell that was left out."""
    delimiter: str = ""
    quote: str = ""
    keys: tuple[str, ...] = ()
    """Names of the cells, where a row names them itself."""
    spans: tuple[tuple[int, int], ...] = ()
    """First and last character of each cell, from 1, where they stand at fixed places."""
    escape: str = ""

    def describe(self) -> dict[str, Any]:
        """The shape as a JSON object."""
        return {name: value for name, value in asdict(self).items() if value}

    @staticmethod
    def read(said: Mapping[str, Any]) -> Shape:
        """A shape from its JSON object."""
        lists = {name: tuple(said.get(name, ())) for name in ("columns", "keys")}
        spans = tuple((first, last) for first, last in said.get("spans", ()))
        return Shape(**{**said, **lists, "spans": spans})


def shape_of(file: Opened) -> Shape:
    """The shape of a file that was read."""
    seen, cells = file.sniffed, file.mapped.cells
    width = max([len(seen.columns), *(index + 1 for index in cells.values())])
    columns: list[str | None] = [None] * width
    for name, index in cells.items():
        columns[index] = name
    return Shape(
        file.name, seen.kind, tuple(columns), seen.delimiter or "", seen.quote or "",
        seen.columns if seen.kind not in {"csv", "excel", "fixed"} else (), seen.spans, seen.escape,
    )  # fmt: skip


def cells_of(shape: Shape, raw: str) -> Cells | None:
    """The cells of a row by column; None where its text does not tell them for certain."""
    values = _values(shape, raw)
    if values is None:
        return None
    return {name: value for name, value in zip(shape.columns, values, strict=True) if name}


def masked(shape: Shape | None, raw: str, sensitive: Collection[str]) -> str | None:
    """The text of a row without values of sensitive columns; None where it cannot be told.

    Cells that belong to no column are hidden as well: nobody said what they hold.
    """
    if not sensitive:
        return raw
    values = _values(shape, raw) if shape else None
    if shape is None or values is None:
        return None
    if shape.kind == "fixed":
        return _cut_out(shape, raw, sensitive)
    shown = [
        value if value is None or (name and name not in sensitive) else HIDDEN
        for name, value in zip(shape.columns, values, strict=True)
    ]
    if shape.kind == "csv":
        return _written(shape, shown)
    if shape.kind == "excel":
        return json.dumps(shown, ensure_ascii=False)
    named = zip(shape.keys, shown, strict=True)
    return json.dumps({k: v for k, v in named if v is not None}, ensure_ascii=False)


def _values(shape: Shape, raw: str) -> Sequence[str | None] | None:
    """One value for each cell of the shape."""
    reader = {"csv": _delimited, "jsonl": _object, "json": _object, "excel": _list,
              "parquet": _typed, "fixed": _cut}.get(shape.kind)  # fmt: skip
    values = reader(shape, raw) if reader else None
    return values if values is not None and len(values) == len(shape.columns) else None


def _delimited(shape: Shape, raw: str) -> Sequence[str] | None:
    content = raw.encode("utf-8", "replace")
    record = read_record(content, 0, Dialect(shape.delimiter, shape.quote, shape.escape))
    if record.error or record.end < len(content) or "\ufffd" in raw:
        return None
    return [field.decode() for field in record.fields]


def _cut(shape: Shape, raw: str) -> Sequence[str] | None:
    return None if "\ufffd" in raw else [raw[first - 1 : last] for first, last in shape.spans]


def _cut_out(shape: Shape, raw: str, sensitive: Collection[str]) -> str:
    """A line of fixed width, each character hidden that is not of open columns only."""
    shown, hidden = set[int](), set[int]()
    for name, (first, last) in zip(shape.columns, shape.spans, strict=True):
        (hidden if name in sensitive else shown).update(range(first - 1, min(last, len(raw))))
    open_ = shown - hidden
    return "".join(each if at in open_ else HIDDEN[0] for at, each in enumerate(raw))


def _object(shape: Shape, raw: str) -> Sequence[str | None] | None:
    found = _json(raw)
    if not isinstance(found, dict) or not set(found) <= set(shape.keys):
        return None
    return [text_of(found.get(key)) for key in shape.keys]


def _typed(shape: Shape, raw: str) -> Sequence[str | None] | None:
    found = _json(raw)
    if not isinstance(found, dict):
        return None
    return [text_of(found.get(f"c{index}")) for index in range(len(shape.columns))]


def _list(_: Shape, raw: str) -> Sequence[str | None] | None:
    found = _json(raw)
    return [text_of(each) for each in found] if isinstance(found, list) else None


def _json(raw: str) -> Any:
    """A JSON value whose numbers stay as they were written; None for what is none or ambiguous."""
    try:
        return read_value(raw.encode("utf-8", "replace"))
    except Unusable:
        return None


def _written(shape: Shape, cells: Sequence[str | None]) -> str:
    line = io.StringIO()
    writer: Any
    if shape.quote:
        writer = csv.writer(line, delimiter=shape.delimiter, quotechar=shape.quote)
    else:
        writer = csv.writer(
            line, delimiter=shape.delimiter, quoting=csv.QUOTE_NONE, quotechar=None, escapechar="\\"
        )
    writer.writerow(cells)
    return line.getvalue().rstrip("\r\n")
