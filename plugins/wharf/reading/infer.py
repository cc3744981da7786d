"""A first contract for a file nobody has described yet: it takes that very file in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

from wharf.contracts import Column
from wharf.contracts.feed import SchemaPolicy
from wharf.contracts.formats import (
    CsvFormat,
    ExcelFormat,
    FileFormat,
    JsonFormat,
    JsonLinesFormat,
    ParquetFormat,
)
from wharf.reading.archive import pattern_of
from wharf.reading.casts import Spelling
from wharf.reading.column_types import Profile, typed_columns
from wharf.reading.findings import Finding
from wharf.reading.header import find_header, labels
from wharf.reading.opened import Opened, SourceFile
from wharf.reading.parquet_file import damage_named
from wharf.reading.plan import Plan, plan_reading
from wharf.reading.refusals import Refused, listed
from wharf.reading.together import as_one
from wharf.reading.unpack import Limits

_KEY_ROWS: Final = 2_000_000
_KEY_COLUMNS: Final = 20
_KEY_WORDS: Final = ("id", "key", "no", "nr", "number", "code", "uuid")
_KEY_TYPES: Final = {"string", "int", "long", "date", "timestamp", "timestamptz"}


@dataclass(frozen=True)
class Proposal:
    """What a contract for a file could say."""

    format: FileFormat
    columns: dict[str, Column]
    findings: tuple[Finding, ...]
    key: tuple[str, ...]
    rows: int
    """Rows found."""


def infer_contract(
    file: SourceFile, *, work: Path | None = None, limits: Limits | None = None
) -> Proposal:
    """Propose format, columns, types and a key by reading all of a file.

    The proposed contract loads this file with no row in quarantine for its cells; rows with too few
    or too many fields stay faults.

    Args:
        file: An example of what the supplier sends.
        work: Folder for copies; a temporary one by default.
        limits: How far a compressed file may expand.

    Raises:
        DeliveryRefused: The file holds no table that can be read.
    """
    plan = plan_reading([file], None, None, SchemaPolicy(), work=work, limits=limits)
    pattern = _pattern(file, plan)
    opened = as_one(plan.connection, plan.files)
    with damage_named(plan.files):
        profile = typed_columns(plan, opened)
        columns = _columns(opened, profile)
        key = _key(plan, opened, columns, profile)
    columns = {
        name: spec.model_copy(update={"required": True}) if name in key else spec
        for name, spec in columns.items()
    }
    findings = (*plan.findings, *profile.findings)
    header = _header(opened, columns)
    fmt = _format(opened, profile.spelling, findings, header)
    fmt = fmt.model_copy(update={"members": pattern})
    return Proposal(fmt, columns, findings, key, opened.layout.rows)


def _pattern(file: SourceFile, plan: Plan) -> str | None:
    """Which members of an archive are read; None where the file is one table."""
    if len(plan.files) == 1:
        return None
    names = [each.name.removeprefix(f"{file.name}!") for each in plan.files]
    alone = not any(each.kind == "members" for each in plan.findings)
    pattern = pattern_of(names, alone)
    if pattern is None:
        reason = f"no pattern tells the members to read from the others: {listed(names)}"
        raise Refused(file.name, "several_files", reason)
    return pattern


def _header(opened: Opened, columns: dict[str, Column]) -> str | int:
    """How the header is found: by its names, by its line where they say too little, or not."""
    line = opened.sniffed.header_line
    if line and find_header([opened.sniffed.columns], columns) is None:
        return line
    return "find" if line else 0


def _format(
    opened: Opened, spelling: Spelling, findings: Sequence[Finding], header: str | int
) -> FileFormat:
    sniffed = opened.sniffed
    if sniffed.kind == "excel":
        several = any(each.kind == "sheets" for each in findings)
        sheet = sniffed.sheet if several else None
        return ExcelFormat.model_validate({"kind": "excel", "header": header, "sheet": sheet})
    if sniffed.kind == "json":
        encoding, records = sniffed.encoding or "utf-8", sniffed.records or None
        return JsonFormat(kind="json", encoding=encoding, records=records)
    if sniffed.kind == "jsonl":
        return JsonLinesFormat(kind="jsonl", encoding=sniffed.encoding or "utf-8")
    if sniffed.kind == "parquet":
        return ParquetFormat(kind="parquet")
    return CsvFormat.model_validate(
        {
            "kind": "csv",
            "header": header,
            "encoding": sniffed.encoding,
            "delimiter": sniffed.delimiter,
            "quote": sniffed.quote,
            "escape": sniffed.escape,
            "comment": sniffed.comment,
            "decimal": spelling.decimal,
            "thousands": spelling.thousands,
        }
    )


def _columns(opened: Opened, profile: Profile) -> dict[str, Column]:
    """Columns with the spelling of their header cells; empty ones without a name are left out."""
    header = opened.sniffed.columns
    names = labels(header)
    times = Counter(names)
    columns = {}
    for name, index in opened.mapped.cells.items():
        typed = profile.columns[name]
        if header and not header[index].strip() and not typed.filled:
            continue
        alias = (names[index],) if names and names[index] != name else ()
        if names and times[names[index]] > 1:
            alias = (f"#{index + 1}",)
        columns[name] = typed.spec.model_copy(update={"aliases": alias})
    return columns


def _key(
    plan: Plan, opened: Opened, columns: dict[str, Column], profile: Profile
) -> tuple[str, ...]:
    """Propose the column, or the two, that tell all rows apart."""
    rows = opened.layout.rows
    full = [
        name
        for name, spec in columns.items()
        if spec.type in _KEY_TYPES and profile.columns[name].filled == rows
    ]
    if not 1 < rows <= _KEY_ROWS or not full:
        return ()
    full.sort(key=lambda name: not {*name.split("_")} & {*_KEY_WORDS})
    del full[_KEY_COLUMNS:]
    cells = [f"c{opened.mapped.cells[name]}" for name in full]
    distinct = _count(plan, opened, cells)
    for name, count in zip(full, distinct, strict=True):
        if count == rows:
            return (name,)
    first = [i for i, count in enumerate(distinct) if count > 1][:6]
    pairs = list(combinations(first, 2)) if rows <= _KEY_ROWS // 10 else []
    together = _count(plan, opened, [f"({cells[a]}, {cells[b]})" for a, b in pairs])
    for (a, b), count in zip(pairs, together, strict=True):
        if count == rows:
            return tuple(name for name in columns if name in {full[a], full[b]})
    return ()


def _count(plan: Plan, opened: Opened, cells: Sequence[str]) -> list[int]:
    """How many different values each expression has."""
    if not cells:
        return []
    counts = ", ".join(f"count(DISTINCT {cell})" for cell in cells)
    [row] = plan.connection.execute(f"SELECT {counts} FROM {opened.relation}").fetchall()
    return [int(count) for count in row]
