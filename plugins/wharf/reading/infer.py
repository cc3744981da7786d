"""A first contract for a file nobody has described yet: it takes that very file in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from wharf.contracts import Column
from wharf.contracts.feed import SchemaPolicy
from wharf.contracts.formats import (
    CsvFormat,
    ExcelFormat,
    FileFormat,
    JsonLinesFormat,
    ParquetFormat,
)
from wharf.reading.candidates import (
    DATE_STYLES,
    VALUE,
    Candidate,
    candidates,
    filled,
    null_words,
    of_parquet,
    values,
)
from wharf.reading.casts import Spelling
from wharf.reading.findings import Finding
from wharf.reading.header import labels
from wharf.reading.opened import Opened, SourceFile
from wharf.reading.plan import Plan, plan_reading
from wharf.reading.unpack import Limits

_SPELLINGS: Final = ((".", ""), (".", ","), (",", ""), (",", "."), (",", " "), (".", " "))
_AT_ONCE: Final = 40
_SAMPLE: Final = 1_000
_KEY_ROWS: Final = 2_000_000
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
    [opened] = plan.files
    findings = list(plan.findings)
    spelling, chosen = _choose(plan, opened, findings)
    columns = _columns(opened, chosen)
    key = _key(plan, opened, columns, chosen)
    columns = {
        name: spec.model_copy(update={"required": True}) if name in key else spec
        for name, spec in columns.items()
    }
    fmt = _format(opened, spelling, findings)
    return Proposal(fmt, columns, tuple(findings), key, opened.layout.rows)


def _format(opened: Opened, spelling: Spelling, findings: Sequence[Finding]) -> FileFormat:
    sniffed = opened.sniffed
    header: str | int = "find" if sniffed.header_line else 0
    if sniffed.kind == "excel":
        several = any(each.kind == "sheets" for each in findings)
        sheet = sniffed.sheet if several else None
        return ExcelFormat.model_validate({"kind": "excel", "header": header, "sheet": sheet})
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
            "decimal": spelling.decimal,
            "thousands": spelling.thousands,
        }
    )


@dataclass(frozen=True)
class _Choice:
    """What a column turned out to hold."""

    spec: Column
    filled: int
    """Rows with a value."""


def _choose(
    plan: Plan, opened: Opened, findings: list[Finding]
) -> tuple[Spelling, dict[str, _Choice]]:
    """Choose the way of writing numbers under which most columns have a type."""
    if opened.sniffed.kind == "parquet":
        typed = {name: opened.types[i] for name, i in opened.mapped.cells.items()}
        columns = {name: of_parquet(type_) for name, type_ in typed.items()}
        return Spelling(), dict(_filled(plan, opened, columns))
    base = Spelling(excel=opened.sniffed.kind == "excel", trim=opened.sniffed.kind == "excel")
    marks = _SPELLINGS if opened.sniffed.kind == "csv" else _SPELLINGS[:1]
    if opened.sniffed.delimiter == ";":
        marks = (marks[0], *(each for each in marks[1:] if each[0] == ","), *marks[1:2])
    spellings = [replace(base, decimal=mark, thousands=group) for mark, group in marks]
    sampled = [_sampled(plan, opened, each) for each in spellings]
    typed = [sum(any(fits) for fits in each.values()) for each in sampled]
    best = typed.index(max(typed))
    return spellings[best], _types(plan, opened, spellings[best], sampled[best], findings)


def _filled(
    plan: Plan, opened: Opened, columns: dict[str, Column]
) -> Iterator[tuple[str, _Choice]]:
    counts = ", ".join(f"count(c{opened.mapped.cells[name]})" for name in columns)
    [row] = plan.connection.execute(f"SELECT {counts} FROM {opened.relation}").fetchall()
    for (name, spec), filled in zip(columns.items(), row, strict=True):
        yield name, _Choice(spec, int(filled))


def _sampled(plan: Plan, opened: Opened, spelling: Spelling) -> dict[str, list[Candidate]]:
    """The candidates of each column that take all values of the first rows."""
    cells = {name: f"c{i}" for name, i in opened.mapped.cells.items()}
    asked = {name: dict(candidates(name, spelling)) for name in cells}
    sample = f"(SELECT * FROM {opened.relation} LIMIT {_SAMPLE})"
    counted = _count(plan, sample, cells, asked, spelling)
    return {
        name: [each for each, count in counts.taken.items() if count == counts.values]
        for name, counts in counted.items()
    }


def _types(
    plan: Plan,
    opened: Opened,
    spelling: Spelling,
    likely: dict[str, list[Candidate]],
    findings: list[Finding],
) -> dict[str, _Choice]:
    """The narrowest type of each column that takes all of its values."""
    cells = {name: f"c{i}" for name, i in opened.mapped.cells.items()}
    asked = {
        name: {each: sql for each, sql in candidates(name, spelling) if each in likely[name]}
        for name in cells
    }
    counted = _count(plan, opened.relation, cells, asked, spelling)
    words = _words(plan, opened, [name for name, counts in counted.items() if counts.words])
    return {
        name: _decide(name, counts, words.get(name, ()), findings)
        for name, counts in counted.items()
    }


@dataclass(frozen=True)
class _Counted:
    """What stands in one column."""

    filled: int
    values: int
    """Filled cells that are no word for "no value"."""
    words: int
    taken: dict[Candidate, int]
    """Values that each candidate takes."""


def _count(
    plan: Plan,
    relation: str,
    cells: dict[str, str],
    asked: dict[str, dict[Candidate, str]],
    spelling: Spelling,
) -> dict[str, _Counted]:
    """Count the values of each column that its candidates take, some columns at a time."""
    names = list(cells)
    counted: dict[str, _Counted] = {}
    for first in range(0, len(names), _AT_ONCE):
        some = names[first : first + _AT_ONCE]
        inner = ", ".join(
            f"{sql} AS {alias}"
            for i, name in enumerate(some)
            for alias, sql in (
                (f"filled{i}", filled(cells[name], spelling)),
                (f"value{i}", values(cells[name], spelling)),
                (f"word{i}", f"CASE WHEN {null_words(cells[name])} THEN 1 END"),
            )
        )
        counts = []
        for i, name in enumerate(some):
            counts += [f"count(filled{i})", f"count(value{i})", f"count(word{i})"]
            counts += [f"count({sql.replace(VALUE, f'value{i}')})" for sql in asked[name].values()]
        [row] = plan.connection.execute(
            f"SELECT {', '.join(counts)} FROM (SELECT {inner} FROM {relation})"
        ).fetchall()
        found = iter(map(int, row))
        for name in some:
            counted[name] = _Counted(
                next(found),
                next(found),
                next(found),
                {candidate: next(found) for candidate in asked[name]},
            )
    return counted


def _words(plan: Plan, opened: Opened, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The spellings of "no value" that stand in columns."""
    return {
        name: tuple(
            row[0]
            for row in plan.connection.execute(
                f"SELECT DISTINCT trim(c{i}) FROM {opened.relation} WHERE {null_words(f'c{i}')} "
                "ORDER BY 1"
            ).fetchall()
        )
        for name, i in opened.mapped.cells.items()
        if name in names
    }


def _decide(
    name: str, counts: _Counted, words: tuple[str, ...], findings: list[Finding]
) -> _Choice:
    fits = [each for each, count in counts.taken.items() if counts.values == count > 0]
    styles = [each.format for each in fits if each.format in DATE_STYLES]
    if fits and fits[0].format in styles and len(styles) > 1:
        text = f"the dates of {name} could be any of {', '.join(map(str, styles))}"
        findings.append(Finding("ambiguous_date", text + "; it stays a string", column=name))
        fits = []
    if not fits:
        return _Choice(Column(type="string"), counts.filled)
    nulls = None
    if words:
        nulls = ("", *words)
        text = f"{name} holds {', '.join(map(repr, words))} where it has no value"
        findings.append(Finding("null_words", text, column=name))
    return _Choice(Column(type=fits[0].type, format=fits[0].format, nulls=nulls), counts.values)


def _columns(opened: Opened, chosen: dict[str, _Choice]) -> dict[str, Column]:
    """Columns with the spelling of their header cells; empty ones without a name are left out."""
    header = opened.sniffed.columns
    names = labels(header) if header else ()
    columns = {}
    for name, index in opened.mapped.cells.items():
        choice = chosen[name]
        if names and names[index].startswith("#") and not header[index].strip():
            if not choice.filled:
                continue
        alias = (names[index],) if names and names[index] != name else ()
        columns[name] = choice.spec.model_copy(update={"aliases": alias})
    return columns


def _key(
    plan: Plan, opened: Opened, columns: dict[str, Column], chosen: dict[str, _Choice]
) -> tuple[str, ...]:
    """Propose the column, or the two, that tell all rows apart."""
    rows = opened.layout.rows
    full = [
        name for name, spec in columns.items()
        if spec.type in _KEY_TYPES and chosen[name].filled == rows
    ]  # fmt: skip
    if not 1 < rows <= _KEY_ROWS or not full:
        return ()
    full.sort(key=lambda name: not {*name.split("_")} & {*_KEY_WORDS})
    cells = [f"c{opened.mapped.cells[name]}" for name in full]
    distinct = _ask(plan, opened, [f"count(DISTINCT {cell})" for cell in cells])
    for name, count in zip(full, distinct, strict=True):
        if count == rows:
            return (name,)
    first = [i for i, count in enumerate(distinct) if count > 1][:6]
    pairs = list(combinations(first, 2))
    counts = [f"count(DISTINCT ({cells[a]}, {cells[b]}))" for a, b in pairs]
    if counts and rows <= _KEY_ROWS // 10:
        for (a, b), count in zip(pairs, _ask(plan, opened, counts), strict=True):
            if count == rows:
                return tuple(name for name in columns if name in {full[a], full[b]})
    return ()


def _ask(plan: Plan, opened: Opened, selected: Sequence[str]) -> Sequence[Any]:
    [row] = plan.connection.execute(
        f"SELECT {', '.join(selected)} FROM {opened.relation}"
    ).fetchall()
    return list(row)
