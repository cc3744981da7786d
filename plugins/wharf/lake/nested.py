"""Types and their field ids: a nested column is known by one id for each level inside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from pyiceberg import types as iceberg

from wharf.contracts.shapes import List, Map, Primitive, Struct, Type, children, inner_paths

_ICEBERG: dict[str, iceberg.PrimitiveType] = {
    "boolean": iceberg.BooleanType(),
    "int": iceberg.IntegerType(),
    "long": iceberg.LongType(),
    "float": iceberg.FloatType(),
    "double": iceberg.DoubleType(),
    "string": iceberg.StringType(),
    "date": iceberg.DateType(),
    "time": iceberg.TimeType(),
    "timestamp": iceberg.TimestampType(),
    "timestamptz": iceberg.TimestamptzType(),
    "binary": iceberg.BinaryType(),
}
Ids = Mapping[str, int]
"""Field id by path inside a column, such as `element.name`."""


def to_iceberg(type_: Type, ids: Ids, at: str = "") -> iceberg.IcebergType:
    """The pyiceberg type; ids that are not given are 0 and to be assigned."""

    def inner(name: str, each: Type) -> tuple[int, iceberg.IcebergType]:
        path = f"{at}.{name}" if at else name
        return ids.get(path, 0), to_iceberg(each, ids, path)

    match type_:
        case Struct(fields):
            return iceberg.StructType(
                *(
                    iceberg.NestedField(number, name, found, required=False)
                    for name, each in fields
                    for number, found in [inner(name, each)]
                )
            )
        case List(element):
            return iceberg.ListType(*inner("element", element), element_required=False)
        case Map(key, value):
            return iceberg.MapType(*inner("key", key), *inner("value", value), value_required=False)
    decimal = type_.decimal
    return iceberg.DecimalType(*decimal) if decimal else _ICEBERG[type_.name]


def of_iceberg(type_: iceberg.IcebergType) -> tuple[Type, tuple[int, ...]]:
    """The type, and the ids inside it in the order of `inner_paths`."""
    match type_:
        case iceberg.StructType():
            inside = [(each.name, each.field_id, each.field_type) for each in type_.fields]
        case iceberg.ListType():
            inside = [("element", type_.element_id, type_.element_type)]
        case iceberg.MapType():
            inside = [
                ("key", type_.key_id, type_.key_type),
                ("value", type_.value_id, type_.value_type),
            ]
        case _:
            return Primitive(str(type_)), ()
    found = [(name, number, *of_iceberg(each)) for name, number, each in inside]
    ids = tuple(i for _, number, _, inner in found for i in (number, *inner))
    if isinstance(type_, iceberg.StructType):
        return Struct(tuple((name, each) for name, _, each, _ in found)), ids
    if isinstance(type_, iceberg.ListType):
        return List(found[0][2]), ids
    key = found[0][2]
    assert isinstance(key, Primitive)  # the lake makes no other maps
    return Map(key, found[1][2]), ids


def fresh_ids(type_: Type, following: Callable[[], int], at: str = "") -> Iterator[tuple[str, int]]:
    """Paths with the ids that pyiceberg gives them: those of one level before what is inside."""
    level = []
    for name, inner in children(type_):
        path = f"{at}.{name}" if at else name
        yield path, following()
        level.append((path, inner))
    for path, inner in level:
        yield from fresh_ids(inner, following, path)


def added_paths(standing: Type, wanted: Type, at: str = "") -> Iterator[tuple[str, Type]]:
    """Fields of structs that a wider type has and the standing one has not, outer ones only."""
    known = dict(children(standing))
    for name, inner in children(wanted):
        path = f"{at}.{name}" if at else name
        if name in known:
            yield from added_paths(known[name], inner, path)
        else:
            yield path, inner


def widened_paths(standing: Type, wanted: Type, at: str = "") -> Iterator[tuple[str, Primitive]]:
    """Simple values inside that have another type in the wider type."""
    known = dict(children(standing))
    for name, inner in children(wanted):
        path = f"{at}.{name}" if at else name
        if name not in known:
            continue
        if isinstance(inner, Primitive) and inner != known[name]:
            yield path, inner
        yield from widened_paths(known[name], inner, path)


def restricted(type_: Type, wanted: Type) -> Type:
    """A type with only those fields, in their order, that another has."""
    match type_, wanted:
        case Struct(fields), Struct(names):
            known = dict(fields)
            return Struct(tuple((name, restricted(known[name], each)) for name, each in names))
        case List(element), List(each):
            return List(restricted(element, each))
        case Map(key, value), Map(_, each):
            return Map(key, restricted(value, each))
    return type_


def ids_by_path(type_: Type, ids: tuple[int, ...]) -> dict[str, int]:
    """The ids inside a type by their paths."""
    return dict(zip(inner_paths(type_), ids, strict=True))
