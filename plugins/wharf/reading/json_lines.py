"""JSON lines: one object on each line; numbers keep the digits they were written with."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import numpy as np

from wharf.contracts.formats import JsonFormat, JsonLinesFormat
from wharf.reading.encoding import Text, as_utf8
from wharf.reading.findings import Finding
from wharf.reading.header import as_found, map_header
from wharf.reading.json_document import Elements, find_elements, is_envelope
from wharf.reading.json_keys import KeyTypes
from wharf.reading.json_rows import Rows
from wharf.reading.json_stream import create_relation
from wharf.reading.layout import Layout, Positions
from wharf.reading.opened import Opened, Raw, Sniffed, Wanted
from wharf.reading.refusals import NOT_AN_OBJECT, Refused

RAW_LIMIT: Final = 1 << 16
_LARGEST_DOCUMENT: Final = 64 << 20
LOOKS_LIKE_JSON: Final = re.compile(rb"\s*[\[{]\s*([\"\[\]{}\d-]|true|false|null|\Z)")


def open_json_lines(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    path: Path,
    name: str,
    wanted: Wanted,
    work: Path,
) -> Opened:
    """Read JSON into a DuckDB relation: lines of objects, or a document's list of them.

    Raises:
        Refused: It is JSON of another kind than the contract says, or cannot be read so.
    """
    fmt = wanted.format
    declared = fmt.encoding if isinstance(fmt, JsonLinesFormat | JsonFormat) else None
    source = as_utf8(path, declared, work)
    elements = None
    if isinstance(fmt, JsonFormat):
        elements = find_elements(source, name, fmt.records, work)
    elif kind := _document_kind(source, guess=fmt is None):
        if fmt is not None:
            reason = f"it is JSON, but {kind}; the contract says jsonl, one object on each line"
            raise Refused(name, "other_format", reason)
        elements = find_elements(source, name, None, work, guess=True)
    return _open(connection, relation, name, wanted, work, source, elements)


def _open(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    name: str,
    wanted: Wanted,
    work: Path,
    source: Text,
    elements: Elements | None,
) -> Opened:
    rows = _read(source, name, wanted, work, elements)
    findings = [Finding("encoding", source.finding)] if source.finding else []
    findings += elements.findings if elements else []
    keys = tuple(rows.keys)
    if not keys:
        raise _no_columns(name, rows)
    if wanted.columns is None:
        mapped = as_found(name, keys, findings)
    else:
        mapped = map_header(name, keys, wanted.columns, wanted.policy)
    used = sorted({*mapped.cells.values(), *mapped.unnamed})
    places = _Places(source, rows, elements)
    cells = create_relation(
        connection, relation, rows, places.lines(), used, kept=wanted.columns is None
    )
    # Elements may share a line, by which a stream's bad rows could not be told apart.
    stream, unfold = (cells.stream, cells.unfold) if elements is None else (None, "")
    sniffed = Sniffed(
        "json" if elements else "jsonl",
        encoding=source.encoding,
        columns=keys,
        records=elements.records if elements else None,
    )
    return Opened(
        name, sniffed, relation, cells.types, mapped, places.layout(),
        places.rows, places.between, (*findings, *mapped.findings), stream,
        source.path.stat().st_size, cells.nested,
        {index: rows.nested_values[key] for index, key in enumerate(keys)}, unfold,
    )  # fmt: skip


def _read(source: Text, name: str, wanted: Wanted, work: Path, elements: Elements | None) -> Rows:
    path, begins = (elements.path, 0) if elements else (source.path, source.bom)
    ignore_new = wanted.policy.new_column == "ignore"
    for exact in (False, True):
        rows = Rows(path, begins, name, work, KeyTypes(wanted), source.valid, ignore_new, exact)
        rows.read()
        if not rows.is_ambiguous:
            break
    return rows


def _no_columns(name: str, rows: Rows) -> Refused:
    reasons = rows.layout.rejects.reasons
    if reasons == [NOT_AN_OBJECT]:
        count = len(rows.layout.rejects)
        reason = f"it is JSON, but no table: none of its {count:,} values is an object"
        return Refused(name, "no_records", reason)
    why = ", ".join(reasons) or "its objects are empty"
    return Refused(name, "unreadable", f"none of its objects has a column: {why}")


def _document_kind(source: Text, *, guess: bool) -> str:
    """What kind of JSON it is, if it is not lines of objects; empty when it is."""
    with source.path.open("rb") as handle:
        handle.seek(source.bom)
        head = [line for line in handle.read(1 << 20).splitlines() if line.strip()][:50]
    objects = sum(map(_is_object, head))
    if guess and objects == len(head) == 1 and is_envelope(head[0]):
        return "an object around a list of objects"
    if objects * 2 > len(head) or (objects and not _is_document(source)):
        return ""
    return "an array" if head[0].lstrip()[:1] == b"[" else "not one object on each line"


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
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


@dataclass(frozen=True)
class _Places:
    """Where the rows stand in the delivered file."""

    source: Text
    found: Rows
    elements: Elements | None

    def lines(self) -> Positions:
        """The physical line of each row, from 1."""
        if self.elements is None:
            return self.found.lines + 1
        return self.elements.lines[self.found.lines]

    def layout(self) -> Layout:
        """The counts of the file; those of a document count its elements."""
        layout = self.found.layout
        if self.elements is None:
            with self.source.path.open("rb") as handle:
                handle.seek(max(self.source.path.stat().st_size - 1, self.source.bom))
                ended = handle.read() in {b"\n", b""}
            layout.counted = self.source.feeds + (not ended)
            return layout
        layout.counted = len(self.elements.starts)
        places = [int(line) - 1 for line in layout.rejects.lines]
        for values, of in (
            (layout.rejects.lines, self.elements.lines),
            (layout.rejects.starts, self.elements.starts),
            (layout.rejects.ends, self.elements.ends),
        ):
            values[:] = array("q", of[places].tolist())
        return layout

    def rows(self, rows: Sequence[int]) -> list[Raw]:
        """Raw texts of rows by their number."""
        wanted = np.asarray(rows, np.int64)
        if self.elements is not None:
            places = self.found.lines[wanted]
            pairs = zip(self.elements.starts[places], self.elements.ends[places], strict=True)
            return [self.between(int(start), int(end)) for start, end in pairs]
        with self.source.path.open("rb") as handle:
            found = []
            for start in self.found.starts[wanted].tolist():
                handle.seek(start)
                found.append(self._raw(start, handle.readline(RAW_LIMIT)))
            return found

    def between(self, start: int, end: int) -> Raw:
        """Raw text between two positions."""
        with self.source.path.open("rb") as handle:
            handle.seek(start)
            return self._raw(start, handle.read(min(end - start, RAW_LIMIT)))

    def _raw(self, start: int, content: bytes) -> Raw:
        text = content.rstrip(b"\r\n").decode("utf-8", "replace")
        return Raw(start if self.source.exact else None, text)
