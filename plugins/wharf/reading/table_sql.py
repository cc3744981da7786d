"""The SQL that casts one file: which rows are good, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from wharf.contracts import Column
from wharf.contracts.shapes import parse_type
from wharf.reading.casts import (
    Spelling,
    cast_text,
    cast_typed,
    cleaned,
    cleaned_typed,
    duckdb_type,
)
from wharf.reading.nested import NestedCast
from wharf.reading.opened import Opened, identifier, text
from wharf.reading.plan import Plan
from wharf.reading.quarantine import BadRow
from wharf.reading.quick import Quick, quick
from wharf.reading.refusals import REPEATED_HEADER, REQUIRED, UNNAMED_VALUE

_ENOUGH: Final = 200
"""Cells that must agree with the header for a row to be its repetition."""


@dataclass(frozen=True)
class Field:
    """One column of the table in one file, as SQL over the file's relation."""

    name: str
    spec: Column
    type: str
    cell: str
    cleaned: str
    cast: str
    """Over the alias of the cleaned cell."""
    quick: Quick | None = None
    why: str = ""
    """What does not fit inside a nested value; empty for simple ones."""

    @property
    def given(self) -> str:
        """Alias of the cleaned cell: NULL where there is no value."""
        return identifier(f"given {self.name}")

    @property
    def value(self) -> str:
        """Alias of the cast cell; that of the cleaned one where a text stays as it is."""
        return self.given if self.stays else identifier(f"value {self.name}")

    @property
    def stays(self) -> bool:
        """Whether casting changes nothing: a column less for each text of a wide table."""
        return self.quick is None and self.cast == self.given

    @property
    def tried(self) -> str:
        """Alias of the quick cast."""
        return identifier(f"tried {self.name}")

    @property
    def fits(self) -> str:
        """Alias of whether the quick cast says what is written."""
        return identifier(f"fits {self.name}")

    def given_sql(self) -> str:
        """The cleaned cell."""
        if self.quick is None:
            return self.cleaned
        return f"CASE WHEN {self.fits} THEN {self.cell} ELSE {self.cleaned} END"

    def value_sql(self) -> str:
        """The cast cell."""
        if self.quick is None:
            return self.cast
        return f"CASE WHEN {self.fits} THEN {self.tried} ELSE {self.cast} END"


class TableSql:
    """The SQL that casts one file."""

    def __init__(self, plan: Plan, file: Opened, constants: Mapping[str, str]) -> None:
        self.file, self._plan, self._constants = file, plan, constants
        spelling = Spelling.of(plan.format) if plan.format else Spelling()
        self._fields = [
            _field(name, spec, file, spelling)
            for name, spec in plan.specs.items()
            if name in file.mapped.cells
        ]

    def passing(self, relation: str = "") -> str:
        """The rows without a bad cell.

        Args:
            relation: What to read; the file's own relation by default.
        """
        values = {each.name: each.value for each in self._fields}
        listed = self._listed(values)
        return f"SELECT {listed} FROM ({self._cast(relation)}) WHERE {self._code()} = 0"

    def failing(self, relation: str = "") -> Iterator[BadRow]:
        """The rows with a bad cell: which, where, and what is wrong first."""
        found = self._plan.connection.execute(
            f"SELECT _row, _line, code, {self._why()} AS why FROM "
            f"(SELECT *, {self._code()} AS code FROM ({self._cast(relation)})) WHERE code <> 0"
        ).to_arrow_table()
        for batch in found.to_batches():
            cells = (each.to_pylist() for each in batch.columns)
            for row, line, code, inside in zip(*cells, strict=True):
                column, reason = self._meaning(code)
                yield BadRow(row, line, column, inside or reason)

    def _cast(self, relation: str) -> str:
        """Each cell as it was given and as it was cast; each step over the aliases of the last."""
        usual = [(each, each.quick) for each in self._fields if each.quick]
        steps = [
            [f"{self._odd_cells()} AS _odd", *(f"{q.value} AS {e.tried}" for e, q in usual)],
            [f"coalesce({q.fits}, false) AS {e.fits}" for e, q in usual],
            [f"{each.given_sql()} AS {each.given}" for each in self._fields],
            [f"{each.value_sql()} AS {each.value}" for each in self._fields if not each.stays],
        ]
        source = self.file.cells_of(relation or self.file.relation)
        for step in steps:
            source = f"(SELECT {', '.join(['*', *step])} FROM {source})" if step else source
        return f"SELECT * FROM {source}"

    def _odd_cells(self) -> str:
        """-1 for a row that repeats the header, -2 for a value in a column without a name."""
        cases = []
        cells = list(self.file.mapped.cells.values())[:_ENOUGH]
        header = self.file.sniffed.columns
        if self.file.sniffed.header_line and len(cells) > 1:
            # Trimming every cell would cost as much as casting it; few contain the header's text.
            likely = f"contains(c{cells[0]}, {text(header[cells[0]].strip())})"
            same = " AND ".join(f"trim(c{i}) = {text(header[i].strip())}" for i in cells)
            same = f"{likely} AND {same}"
            cases.append(f"WHEN {same} THEN 1")
        if unnamed := self.file.mapped.unnamed:
            filled = " OR ".join(f"trim(c{i}::VARCHAR) <> ''" for i in unnamed)
            cases.append(f"WHEN {filled} THEN 2")
        return f"CASE {' '.join(cases)} ELSE 0 END" if cases else "0"

    def _code(self) -> str:
        """0 for a good row; else which column is wrong, and how."""
        cases = ["WHEN _odd > 0 THEN -_odd"]
        for number, each in enumerate(self._fields):
            if each.spec.required:
                cases.append(f"WHEN {each.given} IS NULL THEN {2 * number + 1}")
            if each.spec.type != "string":
                bad = f"{each.given} IS NOT NULL AND {each.value} IS NULL"
                cases.append(f"WHEN {bad} THEN {2 * number + 2}")
        return f"CASE {' '.join(cases)} ELSE 0 END"

    def _why(self) -> str:
        """For a bad nested value what does not fit, and where inside."""
        cases = [
            f"WHEN {2 * number + 2} THEN {each.why}"
            for number, each in enumerate(self._fields)
            if each.why
        ]
        return f"CASE code {' '.join(cases)} END" if cases else "NULL"

    def _meaning(self, code: int) -> tuple[str, str]:
        if code < 0:
            return "", REPEATED_HEADER if code == -1 else UNNAMED_VALUE
        each = self._fields[(code - 1) // 2]
        return each.name, REQUIRED if code % 2 else f"not a {each.spec.type}"

    def _listed(self, values: Mapping[str, str]) -> str:
        listed = [
            f"{values.get(name, f'NULL::{duckdb_type(spec.type)}')} AS {identifier(name)}"
            for name, spec in self._plan.specs.items()
        ]
        choices: dict[str, Sequence[str]] = {n: (v,) for n, v in self._constants.items()}
        choices["_file"] = tuple(each.name for each in self._plan.files)
        system = {**self._constants, "_file": self.file.name}
        listed += [
            f"{_one_of(system[name], choices[name])} AS {name}"
            for name in ("_period", "_batch_id", "_file")
        ]
        return ", ".join([*listed, "_line::BIGINT AS _line"])


def _one_of(value: str, choices: Sequence[str]) -> str:
    """A constant as a member of an enumeration: the same in Parquet, written ten times as fast."""
    if any("\0" in each for each in choices):
        return f"{text(value)}::VARCHAR"
    return f"{text(value)}::ENUM({', '.join(map(text, choices))})"


def _field(name: str, spec: Column, file: Opened, spelling: Spelling) -> Field:
    index = file.mapped.cells[name]
    cell, source = f"c{index}", file.types[index]
    given, type_ = identifier(f"given {name}"), duckdb_type(spec.type)
    if shape := file.nested.get(index):
        cast = NestedCast(shape, parse_type(spec.type), spelling, name)
        return Field(name, spec, type_, cell, cell, cast.value(given), why=cast.why(given))
    if source != "VARCHAR":
        clean = cleaned_typed(cell, source, spec, spelling)
        return Field(name, spec, type_, cell, clean, cast_typed(given, source, spec, spelling))
    return Field(
        name, spec, type_, cell, cleaned(cell, spec, spelling), cast_text(given, spec, spelling),
        quick(cell, identifier(f"tried {name}"), spec, spelling),
    )  # fmt: skip
