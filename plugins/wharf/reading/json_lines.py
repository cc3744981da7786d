"""JSON lines: one object on each line; numbers keep the digits they were written with."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Never

import duckdb
import pyarrow as pa

from wharf.contracts.formats import JsonLinesFormat
from wharf.reading.encoding import Text, as_utf8
from wharf.reading.findings import Finding
from wharf.reading.header import MAX_COLUMNS, as_found, map_header
from wharf.reading.layout import Layout
from wharf.reading.opened import Opened, Raw, Sniffed, Wanted
from wharf.reading.refusals import (
    BAD_ENCODING,
    KEY_TWICE,
    NOT_AN_OBJECT,
    NOT_FINITE,
    NOT_JSON,
    Refused,
)

CHUNK: Final = 20_000
RAW_LIMIT: Final = 1 << 16
_DEEP: Final = 100
_LARGEST_DOCUMENT: Final = 64 << 20
LOOKS_LIKE_JSON: Final = re.compile(rb"\s*[\[{]\s*([\"\[\]{}\d-]|true|false|null|\Z)")


class _Unusable(ValueError):
    """A line that gives no row."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Unusable(KEY_TWICE)
    return found


def _refuse_constant(_: str) -> Never:
    raise _Unusable(NOT_FINITE)


class _Number(str):
    """A number as it stands in the text, told apart from a quoted one inside nested values."""

    __slots__ = ()


def _decoder(number: type[str]) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_pairs,
        parse_float=number,
        parse_int=number,
        parse_constant=_refuse_constant,
    )


_FLAT: Final = _decoder(str).decode
_NESTED: Final = _decoder(_Number).decode


def open_json_lines(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    path: Path,
    name: str,
    wanted: Wanted,
    work: Path,
) -> Opened:
    """Read JSON lines into a DuckDB table of texts.

    Raises:
        Refused: It is a JSON document of another kind, or cannot be read as the contract says.
    """
    fmt = wanted.format if isinstance(wanted.format, JsonLinesFormat) else None
    source = as_utf8(path, fmt.encoding if fmt else None, work)
    _refuse_document(source, name)
    lines = _Lines(source, relation, connection, name)
    lines.read()
    findings = [Finding("encoding", source.finding)] if source.finding else []
    keys = tuple(lines.keys)
    if not keys:
        why = ", ".join(lines.layout.rejects.reasons) or "its objects are empty"
        raise Refused(name, "unreadable", f"none of its lines has a column: {why}")
    if wanted.columns is None:
        mapped = as_found(name, keys, findings)
    else:
        mapped = map_header(name, keys, wanted.columns, wanted.policy)
    sniffed = Sniffed("jsonl", encoding=source.encoding, columns=keys)
    used = {*mapped.cells.values(), *mapped.unnamed}
    return Opened(
        name, sniffed, relation, dict.fromkeys(used, "VARCHAR"), mapped, lines.layout,
        lines.rows, lines.between, (*findings, *mapped.findings),
    )  # fmt: skip


def _refuse_document(source: Text, name: str) -> None:
    """Refuse JSON that is not lines: an array, or one object over many lines."""
    with source.path.open("rb") as handle:
        handle.seek(source.bom)
        head = [line for line in handle.read(1 << 20).splitlines() if line.strip()][:50]
    objects = sum(map(_is_object, head))
    if objects * 2 > len(head) or (objects and not _is_document(source)):
        return
    start = head[0].lstrip()[:1]
    kind = "an array" if start == b"[" else "not one object on each line"
    raise Refused(name, "other_format", f"it is JSON, but {kind}; only JSON lines are read")


def _is_document(source: Text) -> bool:
    """Whether all of a file is one JSON value."""
    if source.path.stat().st_size > _LARGEST_DOCUMENT:
        return False
    try:
        json.loads(source.path.read_bytes()[source.bom :])
    except (ValueError, RecursionError):
        return False
    return True


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(_FLAT(line.decode("utf-8")), dict)
    except (ValueError, RecursionError) as error:
        return isinstance(error, _Unusable)


@dataclass
class _Lines:
    """The lines of one file on their way into a table."""

    source: Text
    relation: str
    connection: duckdb.DuckDBPyConnection
    name: str
    layout: Layout = field(default_factory=Layout)
    keys: dict[str, int] = field(default_factory=dict)
    _starts: array[int] = field(default_factory=lambda: array("q"))

    def read(self) -> None:
        """Read all lines; fills the table, the keys and the layout."""
        self.connection.execute(f"CREATE TABLE {self.relation} (_row BIGINT, _line BIGINT)")
        chunk: list[tuple[int, dict[str, Any]]] = []
        for line, row in self._rows():
            chunk.append((line, row))
            if len(chunk) == CHUNK:
                self._flush(chunk)
                chunk = []
        self._flush(chunk)
        self.layout.rows = len(self._starts)

    def _rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Objects with their line numbers; everything else goes into the layout."""
        at = self.source.bom
        with self.source.path.open("rb") as handle:
            handle.seek(at)
            number = 0
            for number, line in enumerate(handle, 1):
                start, at = at, at + len(line)
                if not line.strip():
                    self.layout.blank += 1
                    continue
                try:
                    row = _object(line)
                except _Unusable as error:
                    self.layout.rejects.add(number, start, at, str(error))
                    continue
                self._starts.append(start)
                yield number, row
            self.layout.lines = number
        whole = at == self.source.bom or line.endswith(b"\n")
        self.layout.counted = self.source.feeds + (not whole)

    def _flush(self, chunk: list[tuple[int, dict[str, Any]]]) -> None:
        for key in dict.fromkeys(key for _, row in chunk for key in row):
            if key not in self.keys:
                self._add(key)
        if not chunk:
            return
        first = len(self._starts) - len(chunk)
        columns: dict[str, pa.Array] = {
            "_row": pa.array(range(first, first + len(chunk)), pa.int64()),
            "_line": pa.array([line for line, _ in chunk], pa.int64()),
        }
        for key, index in self.keys.items():
            columns[f"c{index}"] = _texts([row.get(key) for _, row in chunk])
        self.connection.register("wharf_rows", pa.table(columns))
        self.connection.execute(f"INSERT INTO {self.relation} BY NAME SELECT * FROM wharf_rows")
        self.connection.unregister("wharf_rows")

    def _add(self, key: str) -> None:
        if len(self.keys) >= MAX_COLUMNS // 10:
            reason = f"it has over {len(self.keys):,} different keys"
            raise Refused(self.name, "too_many_columns", reason)
        self.keys[key] = len(self.keys)
        column = f"c{self.keys[key]}"
        self.connection.execute(f"ALTER TABLE {self.relation} ADD COLUMN {column} VARCHAR")

    def rows(self, rows: Sequence[int]) -> list[Raw]:
        """Raw texts of rows by their number."""
        with self.source.path.open("rb") as handle:
            found = []
            for row in rows:
                handle.seek(self._starts[row])
                found.append(self._raw(self._starts[row], handle.readline(RAW_LIMIT)))
            return found

    def between(self, start: int, end: int) -> Raw:
        """Raw text between two positions."""
        with self.source.path.open("rb") as handle:
            handle.seek(start)
            return self._raw(start, handle.read(min(end - start, RAW_LIMIT)))

    def _raw(self, start: int, content: bytes) -> Raw:
        text = content.rstrip(b"\r\n").decode("utf-8", "replace")
        return Raw(start if self.source.exact else None, text)


def _object(line: bytes) -> dict[str, Any]:
    try:
        may_nest = b"[" in line or line.count(b"{") > 1
        row = (_NESTED if may_nest else _FLAT)(line.decode("utf-8"))
        if may_nest and line.count(b"[") + line.count(b"{") > _DEEP:
            _dump(row)  # as deep as can be written again, or no row
    except UnicodeDecodeError as error:
        raise _Unusable(BAD_ENCODING) from error
    except _Unusable:
        raise
    except (ValueError, RecursionError) as error:
        raise _Unusable(NOT_JSON) from error
    if not isinstance(row, dict):
        raise _Unusable(NOT_AN_OBJECT)
    if b"\\u" in line:
        try:
            json.dumps(row, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            raise _Unusable(BAD_ENCODING) from error
    return row


def _texts(values: list[Any]) -> pa.Array:
    try:
        return pa.array(values, pa.string())
    except (TypeError, pa.ArrowException):  # not all of them are texts or null
        return pa.array(map(_text, values), pa.string())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _dump(value)


def _dump(value: Any) -> str:
    """Write a nested value as compact JSON, its numbers as they were written."""
    if isinstance(value, _Number):
        return value
    if isinstance(value, dict):
        return "{" + ",".join(f"{_dump(k)}:{_dump(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_dump, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
