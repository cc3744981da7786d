"""Nested types for the columns of a JSON file that nobody has described yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from wharf.contracts.shapes import List, Primitive, Struct, Type, children, parse_type
from wharf.reading.casts import Spelling
from wharf.reading.json_patterns import duckdb_shape, structure
from wharf.reading.nested import NestedCast
from wharf.reading.opened import Opened, text
from wharf.reading.plan import Plan

_MOST_FIELDS: Final = 200
_SIMPLE: Final = {"BOOLEAN": "boolean", "BIGINT": "long", "UBIGINT": "long", "DOUBLE": "double"}


def nested_types(plan: Plan, opened: Opened, cells: Mapping[str, str]) -> dict[str, str]:
    """A type for each column of which every value is a list or an object, as far as one fits all.

    Args:
        plan: The plan.
        opened: The file; its nested cells stand in it as JSON.
        cells: Column -> its cell.
    """
    found: dict[str, str] = {}
    for name, cell in cells.items():
        whole = opened.nested_values.get(opened.mapped.cells[name], 0)
        if not whole:
            continue
        [(filled, merged)] = plan.connection.execute(
            f"SELECT count({cell}), json_group_structure({cell}::JSON) FROM {opened.relation}"
        ).fetchall()
        if filled == whole and (type_ := _usable(json.loads(merged))):
            bad = _misfits(plan, opened.relation, cell, type_)
            found |= {} if bad else {name: str(type_)}
    return found


def _usable(merged: Any) -> Type | None:
    try:
        type_ = parse_type(str(_type(merged)))
    except ValueError:  # names that no type text can hold
        return None
    return None if isinstance(type_, Primitive) or _fields(type_) > _MOST_FIELDS else type_


def _type(merged: Any) -> Type:
    match merged:
        case dict():
            return Struct(tuple((name, _type(each)) for name, each in merged.items()))
        case [element]:
            return List(_type(element))
    return Primitive(_SIMPLE.get(str(merged), "string"))


def _fields(type_: Type) -> int:
    return sum(1 + _fields(inner) for _, inner in children(type_))


def _misfits(plan: Plan, relation: str, cell: str, type_: Type) -> int:
    shape = duckdb_shape(type_, {})
    given = f"from_json({cell}, {text(json.dumps(structure(shape)))})"
    value = NestedCast(shape, type_, Spelling(), "").value("given")
    [(count,)] = plan.connection.execute(
        f"SELECT count(*) FROM (SELECT {given} AS given FROM {relation}) "
        f"WHERE given IS NOT NULL AND {value} IS NULL"
    ).fetchall()
    return int(count)
