"""Column types as texts in Iceberg's spelling, without field ids, and as the trees they stand for.

`long`, `decimal(18, 2)`, `struct<name: string, tags: list<string>>`, `map<string, double>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

PRIMITIVES: Final = (
    "boolean", "int", "long", "float", "double", "string",
    "date", "time", "timestamp", "timestamptz", "binary",
)  # fmt: skip
MAX_DEPTH: Final = 20
MAX_FIELDS: Final = 2_000
_NESTED: Final = ("struct", "list", "map")
_DECIMAL: Final = re.compile(r"decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)")
_WORD: Final = re.compile(r"\s*(decimal\([^)]*\)|\w*)\s*")
_NAME: Final = re.compile(r"\s*([^<>:,\s][^<>:,]*?)\s*:")
_WIDER: Final = {("int", "long"), ("float", "double")}


@dataclass(frozen=True)
class Primitive:
    """One value: a number, a text, a moment."""

    name: str
    """As it is spelled; decimals as `decimal(18, 2)`."""

    def __str__(self) -> str:
        return self.name

    @property
    def decimal(self) -> tuple[int, int] | None:
        """Precision and scale of a decimal."""
        match = _DECIMAL.fullmatch(self.name)
        return (int(match[1]), int(match[2])) if match else None


@dataclass(frozen=True)
class Struct:
    """Named values."""

    fields: tuple[tuple[str, Type], ...]

    def __str__(self) -> str:
        return f"struct<{', '.join(f'{name}: {type_}' for name, type_ in self.fields)}>"


@dataclass(frozen=True)
class List:
    """Any number of values of one type."""

    element: Type

    def __str__(self) -> str:
        return f"list<{self.element}>"


@dataclass(frozen=True)
class Map:
    """Values of one type under keys that the data name."""

    key: Primitive
    value: Type

    def __str__(self) -> str:
        return f"map<{self.key}, {self.value}>"


Type: TypeAlias = Primitive | Struct | List | Map


@lru_cache(4096)
def parse_type(text: str) -> Type:
    """Read a type text.

    Raises:
        ValueError: It is no type; the message says where, and what may stand there.
    """
    reader = _Reader(text)
    found = reader.type(0)
    if reader.rest.strip():
        raise ValueError(f"ends with {reader.rest.strip()!r} behind a whole type")
    return found


def is_nested(text: str) -> bool:
    """Whether a type text is of a struct, a list or a map."""
    return text.startswith(tuple(f"{word}<" for word in _NESTED))


def children(type_: Type) -> tuple[tuple[str, Type], ...]:
    """The types directly inside a type, each with its name in paths: a name, `element`, `key`."""
    if isinstance(type_, Struct):
        return type_.fields
    if isinstance(type_, List):
        return (("element", type_.element),)
    return (("key", type_.key), ("value", type_.value)) if isinstance(type_, Map) else ()


def inner_paths(type_: Type, at: str = "") -> Iterator[str]:
    """The paths of everything inside a type, outer before inner: the order of its field ids."""
    for name, inner in children(type_):
        path = f"{at}.{name}" if at else name
        yield path
        yield from inner_paths(inner, path)


def merged(standing: Type, wanted: Type) -> Type | None:
    """The type that holds values of both without loss; None when there is none.

    Numbers may widen, structs may gain and leave out fields; nothing else may differ.
    """
    if standing == wanted:
        return standing
    if isinstance(standing, Primitive) and isinstance(wanted, Primitive):
        return _merged_primitive(standing, wanted)
    if isinstance(standing, List) and isinstance(wanted, List):
        element = merged(standing.element, wanted.element)
        return List(element) if element else None
    if isinstance(standing, Map) and isinstance(wanted, Map) and standing.key == wanted.key:
        value = merged(standing.value, wanted.value)
        return Map(standing.key, value) if value else None
    if isinstance(standing, Struct) and isinstance(wanted, Struct):
        return _merged_struct(standing, wanted)
    return None


def _merged_primitive(standing: Primitive, wanted: Primitive) -> Primitive | None:
    if (standing.name, wanted.name) in _WIDER:
        return wanted
    if (wanted.name, standing.name) in _WIDER:
        return standing
    left, right = standing.decimal, wanted.decimal
    if left and right and left[1] == right[1]:
        return wanted if right[0] > left[0] else standing
    return None


def _merged_struct(standing: Struct, wanted: Struct) -> Struct | None:
    fields = dict(standing.fields)
    for name, type_ in wanted.fields:
        both = merged(fields[name], type_) if name in fields else type_
        if both is None:
            return None
        fields[name] = both
    if len({name.casefold() for name in fields}) != len(fields):
        return None
    return Struct(tuple(fields.items()))


class _Reader:
    """Reads one type text from the left."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._fields = text, 0, 0

    @property
    def rest(self) -> str:
        return self._text[self._at :]

    def type(self, depth: int) -> Type:
        if depth > MAX_DEPTH:
            raise ValueError(f"is nested more than {MAX_DEPTH} levels deep")
        match = _WORD.match(self._text, self._at)
        word = match[1] if match else ""
        self._at = match.end() if match else self._at
        if word in _NESTED:
            self._mark("<", word)
            nested = getattr(self, f"_{word}")(depth + 1)
            self._mark(">", word)
            return nested  # type: ignore[no-any-return]
        return _primitive(word, self.rest)

    def _struct(self, depth: int) -> Struct:
        fields: dict[str, Type] = {}
        while True:
            match = _NAME.match(self._text, self._at)
            if not match:
                where = self.rest[:20] or "its end"
                raise ValueError(f"needs a name and a colon in struct<...>, not {where!r}")
            self._at = match.end()
            self._fields += 1
            if match[1].casefold() in {name.casefold() for name in fields}:
                raise ValueError(f"names {match[1]!r} twice in one struct")
            if self._fields > MAX_FIELDS:
                raise ValueError(f"has more than {MAX_FIELDS} inner fields")
            fields[match[1]] = self.type(depth)
            if not self.rest.startswith(","):
                return Struct(tuple(fields.items()))
            self._at += 1

    def _list(self, depth: int) -> List:
        return List(self.type(depth))

    def _map(self, depth: int) -> Map:
        key = self.type(depth)
        if not isinstance(key, Primitive):
            raise ValueError(f"has {key} for the keys of a map; use a simple type such as string")
        self._mark(",", "map")
        return Map(key, self.type(depth))

    def _mark(self, mark: str, word: str) -> None:
        if not self.rest.startswith(mark):
            shapes = {"struct": "<name: type, ...>", "list": "<type>", "map": "<key, value>"}
            raise ValueError(f"needs {mark!r} here: write {word}{shapes[word]}")
        self._at += 1
        while self.rest.startswith(" "):
            self._at += 1


def _primitive(word: str, rest: str) -> Primitive:
    match = _DECIMAL.fullmatch(word)
    if match and 0 <= int(match[2]) <= int(match[1]) <= 38 and int(match[1]) > 0:
        return Primitive(f"decimal({int(match[1])}, {int(match[2])})")
    if word not in PRIMITIVES:
        seen = word or rest[:20] or "its end"
        choices = f"{', '.join(PRIMITIVES)}, decimal(18,2)"
        raise ValueError(f"{seen!r} is no type; use {choices}, or struct<...>, list<...>, map<...>")
    return Primitive(word)
