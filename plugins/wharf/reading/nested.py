"""Casts inside structs, lists and maps: every value inside comes out exactly, or the row is bad.

A cell comes with the shape it has in the database, whose ends may be texts, and leaves with the
shape of the contract. Each function returns an SQL expression.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wharf.contracts import Column
from wharf.contracts.shapes import List, Map, Primitive, Struct, Type
from wharf.reading.casts import (
    Spelling,
    cast_text,
    cast_typed,
    cleaned,
    cleaned_typed,
    duckdb_type,
)
from wharf.reading.opened import identifier, text

Source = Type
"""A shape whose ends are DuckDB types."""


@dataclass(frozen=True)
class NestedCast:
    """The cast of one column."""

    source: Source
    target: Type
    spelling: Spelling
    column: str

    def value(self, cell: str) -> str:
        """The cell as the contract wants it; NULL where it is null or does not fit."""
        value = self._value(cell, self.source, self.target, 0)
        fits = self._fits(cell, self.source, self.target, 0)
        return f"CASE WHEN {fits} THEN {value} END" if fits else value

    def why(self, cell: str) -> str:
        """What does not fit, and where inside."""
        return self._why(cell, self.source, self.target, 0, self.column) or "NULL::VARCHAR"

    def _value(self, cell: str, source: Source, target: Type, depth: int) -> str:
        match source, target:
            case Struct(given), Struct(wanted):
                known = dict(given)
                pairs = []
                for name, inner in wanted:
                    value = f"NULL::{duckdb_type(str(inner))}"
                    if name in known:
                        part = f"struct_extract({cell}, {text(name)})"
                        value = self._value(part, known[name], inner, depth)
                    pairs.append(f"{identifier(name)} := {value}")
                return f"CASE WHEN {cell} IS NOT NULL THEN struct_pack({', '.join(pairs)}) END"
            case List(given), List(wanted):
                each = self._value(_item(depth), given, wanted, depth + 1)
                return f"list_transform({cell}, lambda {_item(depth)}: {each})"
            case Map(key, inner), Map(wanted_key, wanted_inner):
                item = _item(depth)
                keys = self._value(f"{item}.key", key, wanted_key, depth + 1)
                values = self._value(f"{item}.value", inner, wanted_inner, depth + 1)
                pair = f"struct_pack(k := {keys}, v := {values})"
                pairs_of = f"list_transform(map_entries({cell}), lambda {item}: {pair})"
                return f"CASE WHEN {cell} IS NOT NULL THEN map_from_entries({pairs_of}) END"
        return self._leaf(cell, source, target)[1]

    def _fits(self, cell: str, source: Source, target: Type, depth: int) -> str:
        """Whether all inside fits; empty where nothing can fail."""
        return self._walk(
            cell,
            source,
            target,
            depth,
            leaf=lambda given, value, _: f"({given} IS NULL OR {value} IS NOT NULL)",
            several=lambda parts: f"({' AND '.join(parts)})",
            items=lambda cells, item, part: (
                f"coalesce(len(list_filter({cells}, lambda {item}: NOT ({part}))) = 0, true)"
            ),
            path="",
        )

    def _why(self, cell: str, source: Source, target: Type, depth: int, path: str) -> str:
        return self._walk(
            cell,
            source,
            target,
            depth,
            leaf=lambda given, value, said: (
                f"CASE WHEN {given} IS NOT NULL AND {value} IS NULL THEN {text(said)} END"
            ),
            several=lambda parts: f"coalesce({', '.join(parts)})" if len(parts) > 1 else parts[0],
            items=lambda cells, item, part: (
                f"list_filter(list_transform({cells}, lambda {item}: {part}), "
                "lambda said: said IS NOT NULL)[1]"
            ),
            path=path,
        )

    def _walk(
        self,
        cell: str,
        source: Source,
        target: Type,
        depth: int,
        *,
        leaf: Callable[[str, str, str], str],
        several: Callable[[list[str]], str],
        items: Callable[[str, str, str], str],
        path: str,
    ) -> str:
        def inside(part: str, given: Source, wanted: Type, at: str, deeper: int = 0) -> str:
            return self._walk(
                part, given, wanted, depth + deeper,
                leaf=leaf, several=several, items=items, path=at,
            )  # fmt: skip

        item = _item(depth)
        match source, target:
            case Struct(given), Struct(wanted):
                known = dict(given)
                parts = [
                    inside(f"struct_extract({cell}, {text(n)})", known[n], inner, f"{path}.{n}")
                    for n, inner in wanted
                    if n in known
                ]
            case List(element), List(wanted_element):
                part = inside(item, element, wanted_element, f"{path}[]", 1)
                parts = [items(cell, item, part)] if part else []
            case Map(key, inner), Map(wanted_key, wanted_inner):
                of_keys = inside(item, key, wanted_key, f"{path}{{key}}", 1)
                of_values = inside(item, inner, wanted_inner, f"{path}{{}}", 1)
                parts = [
                    items(f"{function}({cell})", item, part) if part else ""
                    for function, part in (("map_keys", of_keys), ("map_values", of_values))
                ]
            case _:
                given_value, value = self._leaf(cell, source, target)
                sure = given_value == value
                return "" if sure else leaf(given_value, value, f"not a {target} in {path}")
        parts = [part for part in parts if part]
        return several(parts) if parts else ""

    def _leaf(self, cell: str, source: Source, target: Type) -> tuple[str, str]:
        """A simple value without the spellings of "no value", and cast."""
        column = Column(type=str(target))
        if str(source) == "VARCHAR":
            given = cleaned(cell, column, self.spelling)
            return given, cast_text(given, column, self.spelling)
        given = cleaned_typed(cell, str(source), column, self.spelling)
        return given, cast_typed(given, str(source), column, self.spelling)


def _item(depth: int) -> str:
    return f"item{depth}"


def shape_problem(source: Source, target: Type, path: str) -> str:
    """Say where shapes differ in more than the types of their ends; empty where they do not."""
    match source, target:
        case Struct(given), Struct(wanted):
            names = {name for name, _ in wanted}
            if new := [name for name, _ in given if name not in names]:
                return f"{path}.{new[0]} is not in the contract's type"
            known = dict(given)
            pairs = [(known[n], inner, f"{path}.{n}") for n, inner in wanted if n in known]
        case List(element), List(wanted_element):
            pairs = [(element, wanted_element, f"{path}[]")]
        case Map(key, inner), Map(wanted_key, wanted_inner):
            pairs = [(key, wanted_key, f"{path}{{key}}"), (inner, wanted_inner, f"{path}{{}}")]
        case Primitive(), Primitive():
            return ""
        case _:
            given_word, wanted_word = (type(each).__name__.lower() for each in (source, target))
            return f"{path} is a {given_word}, the contract says {wanted_word}"
    said = (shape_problem(given, wanted, at) for given, wanted, at in pairs)
    return next(filter(None, said), "")
