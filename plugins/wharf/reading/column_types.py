"""What each column of an undescribed file holds: looks first, then every value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from wharf.contracts import Column
from wharf.reading.candidates import (
    DATE_STYLES,
    NULL_WORDS,
    Candidate,
    attempt,
    filled,
    is_null_word,
    numbers,
    of_parquet,
    thinkable,
    values,
)
from wharf.reading.casts import Spelling
from wharf.reading.findings import Finding
from wharf.reading.json_types import nested_types
from wharf.reading.opened import Opened
from wharf.reading.plan import Plan

_SPELLINGS: Final = ((".", ""), (".", ","), (",", ""), (",", "."), (",", " "), (".", " "))
_AT_ONCE: Final = 40
_SAMPLE: Final = 500
_WIDE: Final = 1_000
"""Columns above which the database spends longer on each question than on the answer."""


@dataclass(frozen=True)
class Typed:
    """What a column turned out to hold."""

    spec: Column
    filled: int
    """Rows with a value."""


@dataclass(frozen=True)
class Profile:
    """What a file's columns hold, and how its numbers are written."""

    spelling: Spelling
    columns: Mapping[str, Typed]
    findings: tuple[Finding, ...] = ()


def typed_columns(plan: Plan, opened: Opened) -> Profile:
    """Find the narrowest type of each column that takes every one of its values."""
    cells = {name: f"c{i}" for name, i in opened.mapped.cells.items()}
    if opened.sniffed.kind == "parquet":
        return _of_parquet(plan, opened, cells)
    if len(cells) > _WIDE:
        note = f"with {len(cells):,} columns all of them stay strings"
        typed = {name: Typed(Column(type="string"), opened.layout.rows) for name in cells}
        return Profile(Spelling(), typed, (Finding("wide", note),))
    nested = nested_types(plan, opened, cells)
    excel = opened.sniffed.kind == "excel"
    plain = Spelling(excel=excel, trim=excel)
    sample = _sample(plan, opened, cells)
    spelling = _spelled(opened, plain, sample)
    likely = {name: list(thinkable(name, some, spelling)) for name, some in sample.items()}
    flat = {name: cell for name, cell in cells.items() if name not in nested}
    found = _all_values(plan, opened, flat, spelling, likely)
    whole = {name: opened.nested_values[opened.mapped.cells[name]] for name in nested}
    typed = {name: Typed(Column(type=nested[name]), whole[name]) for name in nested}
    return replace(found, columns={name: (typed | {**found.columns})[name] for name in cells})


def _of_parquet(plan: Plan, opened: Opened, cells: Mapping[str, str]) -> Profile:
    counts = ", ".join(f"count({cell})" for cell in cells.values())
    [row] = plan.connection.execute(f"SELECT {counts} FROM {opened.relation}").fetchall()
    typed = {
        name: Typed(of_parquet(opened.types[opened.mapped.cells[name]]), int(count))
        for name, count in zip(cells, row, strict=True)
    }
    return Profile(Spelling(), typed)


def _sample(plan: Plan, opened: Opened, cells: Mapping[str, str]) -> dict[str, list[str]]:
    """Some values of each column, without those that may mean "no value"."""
    rows = plan.connection.execute(
        f"SELECT {', '.join(cells.values())} FROM {opened.relation} LIMIT {_SAMPLE}"
    ).fetchall()
    sample: dict[str, list[str]] = {name: [] for name in cells}
    for row in rows:
        for name, value in zip(cells, row, strict=True):
            stripped = (value or "").strip()
            if stripped and stripped.lower() not in NULL_WORDS:
                sample[name].append(stripped)
    return sample


def _spelled(opened: Opened, plain: Spelling, sample: Mapping[str, Sequence[str]]) -> Spelling:
    """Choose how numbers are written: the way under which most columns hold numbers."""
    if opened.sniffed.kind != "csv":
        return plain
    marks = list(_SPELLINGS)
    if opened.sniffed.delimiter == ";":
        marks[1:] = sorted(marks[1:], reverse=True, key=lambda each: each[0] == ",")
    spellings = [replace(plain, decimal=mark, thousands=group) for mark, group in marks]
    held = [
        sum(any(numbers(some, spelling)) for some in sample.values() if some)
        for spelling in spellings
    ]
    return spellings[held.index(max(held))]


def _all_values(
    plan: Plan,
    opened: Opened,
    cells: Mapping[str, str],
    spelling: Spelling,
    likely: dict[str, list[Candidate]],
) -> Profile:
    """Hold every value against the candidates; the next one where the narrowest does not fit."""
    columns: dict[str, Typed] = {}
    findings: list[Finding] = []
    left = dict(cells)
    while left:
        asked = {name: _first(likely[name]) for name in left}
        counted = _count(plan, opened.relation, left, asked, spelling)
        words = _words(plan, opened, {n: left[n] for n, each in counted.items() if each.words})
        for name, counts in counted.items():
            fits = counts.fits()
            likely[name] = likely[name][len(asked[name]) :]
            if fits or not likely[name]:
                columns[name] = _decide(name, counts, fits, words.get(name, ()), findings)
                del left[name]
    return Profile(spelling, {name: columns[name] for name in cells}, tuple(findings))


def _first(likely: Sequence[Candidate]) -> list[Candidate]:
    """The narrowest candidate; of date styles all, since they may fit alike."""
    if likely and likely[0].format in DATE_STYLES:
        return list(likely)
    return list(likely[:1])


@dataclass(frozen=True)
class _Counted:
    """What stands in one column."""

    filled: int
    values: int
    """Filled cells that are no word for "no value"."""
    words: int
    taken: Mapping[Candidate, int]
    """Values that each candidate takes."""

    def fits(self) -> list[Candidate]:
        return [each for each, count in self.taken.items() if count == self.values > 0]


def _count(
    plan: Plan,
    relation: str,
    cells: Mapping[str, str],
    asked: Mapping[str, Sequence[Candidate]],
    spelling: Spelling,
) -> dict[str, _Counted]:
    """Count the values of each column that its candidates take, some columns at a time."""
    names = list(cells)
    counted: dict[str, _Counted] = {}
    for first in range(0, len(names), _AT_ONCE):
        some = names[first : first + _AT_ONCE]
        inner, outer = [], []
        for i, name in enumerate(some):
            cell = cells[name]
            inner += [
                f"{filled(cell, spelling)} AS filled{i}",
                f"{values(cell, spelling)} AS value{i}",
                f"CASE WHEN {is_null_word(cell)} THEN 1 END AS word{i}",
            ]
            outer += [f"count(filled{i})", f"count(value{i})", f"count(word{i})"]
            outer += [f"count({attempt(each, f'value{i}', spelling)})" for each in asked[name]]
        [row] = plan.connection.execute(
            f"SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner)} FROM {relation})"
        ).fetchall()
        counts = iter(map(int, row))
        for name in some:
            three = next(counts), next(counts), next(counts)
            counted[name] = _Counted(*three, {each: next(counts) for each in asked[name]})
    return counted


def _words(plan: Plan, opened: Opened, cells: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The spellings of "no value" that stand in columns."""
    found = {}
    for name, cell in cells.items():
        rows = plan.connection.execute(
            f"SELECT DISTINCT trim({cell}) FROM {opened.relation} "
            f"WHERE {is_null_word(cell)} ORDER BY 1"
        ).fetchall()
        found[name] = tuple(row[0] for row in rows)
    return found


def _decide(
    name: str,
    counts: _Counted,
    fits: Sequence[Candidate],
    words: tuple[str, ...],
    findings: list[Finding],
) -> Typed:
    styles = [each.format for each in fits if each.format in DATE_STYLES]
    if len(styles) > 1:
        text = f"the dates of {name} could be any of {', '.join(map(str, styles))}"
        findings.append(Finding("ambiguous_date", text + "; it stays a string", column=name))
        fits = ()
    if not fits:
        return Typed(Column(type="string"), counts.filled)
    if words:
        text = f"{name} holds {', '.join(map(repr, words))} where it has no value"
        findings.append(Finding("null_words", text, column=name))
    nulls = ("", *words) if words else None
    return Typed(Column(type=fits[0].type, format=fits[0].format, nulls=nulls), counts.values)
