"""Patterns that vouch for JSON objects: one pass says that a text holds no surprise.

An object that matches is valid JSON with no key twice and no key unknown, and the database reads
each of its values without loss: it keeps numbers in binary, so 1.10 or 1e5 in a text column, or 16
digits behind a point, do not match. Whatever does not match is read exactly, one at a time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wharf.contracts.shapes import List, Map, Primitive, Struct, Type, children
from wharf.reading.json_values import dump
from wharf.reading.opened import identifier

MAX_PATTERN: Final = 40_000
"""Characters of all patterns together; matching stays one pass, but compiling takes longer."""
MAX_ORDERS: Final = 12
"""Orders of keys that are learned; objects in any other are read one at a time."""
_BLANK: Final = r"[ \t\r\n]*"
_HEX: Final = "[0-9a-fA-F]"
_PLAIN_ESCAPE: Final = r"[\"\\/bfnrt]"
# No surrogates: half of a pair is no character, and a pair is rare enough to be read exactly.
_UNICODE: Final = rf"u(?:[0-9a-ceA-CEfF]{_HEX}{{3}}|[dD][0-7]{_HEX}{{2}})"
_TEXT: Final = rf'"(?:[^"\\\x00-\x1f]|\\(?:{_PLAIN_ESCAPE}|{_UNICODE}))*"'
_WHOLE: Final = "(?:0|-?[1-9][0-9]{{0,{}}})"
_REAL: Final = r"-?(?:0\.[0-9]{0,3}[1-9]|0\.0|[1-9][0-9]{0,8}\.(?:0|[0-9]{0,4}[1-9]))"
"""Numbers that come out of a double with the digits they had."""
_DOUBLE: Final = r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?"
_DAY: Final = (
    "[12][0-9]{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    "|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_CLOCK: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
_STRICT: Final = {
    "boolean": ("true|false", "BOOLEAN"),
    "int": (_WHOLE.format(8), "INTEGER"),
    "long": (_WHOLE.format(17), "BIGINT"),
    "double": (_DOUBLE, "DOUBLE"),
    "date": (f'"{_DAY}"', "DATE"),
    "timestamp": (f'"{_DAY}[T ]{_CLOCK}"', "TIMESTAMP"),
    "timestamptz": (f'"{_DAY}[T ]{_CLOCK}(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"', "TIMESTAMPTZ"),
}
"""What the database casts exactly; 29 February and all else go by way of text."""
_SCALAR: Final = f"(?:{_TEXT}|{_WHOLE.format(17)}|{_REAL}|true|false|null)"


@dataclass(frozen=True)
class Leaf:
    """How values of one type are matched, and the type the database gives those that match."""

    pattern: str
    duckdb: str = "VARCHAR"


def leaf(type_: Type | None) -> Leaf:
    """The leaf for a type of the contract; None for a column that it does not know."""
    if not isinstance(type_, Primitive):
        return Leaf(_SCALAR)
    if type_.name in _STRICT:
        pattern, duckdb = _STRICT[type_.name]
        return Leaf(f"(?:{pattern}|null)", duckdb)
    precision, scale = type_.decimal or (0, 0)
    whole = min(precision, 15) - scale - 1
    if not type_.decimal or whole < 0:
        return Leaf(_SCALAR)
    return Leaf(f"(?:-?{_decimal(whole, scale)}|null)", f"DECIMAL({precision}, {scale})")


def _decimal(whole: int, scale: int) -> str:
    """Decimals of up to 15 digits; none below 0.0001, which a double spells with an exponent."""
    if not scale:
        return f"(?:0|[1-9][0-9]{{0,{whole}}})"
    small = (f"0{{{zeros}}}[1-9][0-9]{{0,{scale - zeros - 1}}}" for zeros in range(min(scale, 4)))
    below = rf"0(?:\.(?:0+|(?:{'|'.join(small)})0*))?"
    return rf"(?:{below}|[1-9][0-9]{{0,{whole}}}(?:\.[0-9]{{1,{scale}}}0*)?)"


_LOOSE: Final = leaf(None)


@dataclass
class _Keys:
    """The keys of objects in the order in which they come, each with the shape of its values."""

    shapes: dict[str, _Shape] = field(default_factory=dict)
    optional: set[str] = field(default_factory=set)


@dataclass
class _Items:
    """The items of lists; None until one was seen."""

    shape: _Shape | None = None


_Shape = Leaf | _Keys | _Items


class Patterns:
    """Learns how objects look from some of them; each pattern holds for one order of keys."""

    def __init__(self, type_of: Callable[[str], Type | None], leaves: Mapping[str, Leaf]) -> None:
        """Begin with nothing learned.

        Args:
            type_of: The type of a key, where the contract knows it.
            leaves: The leaf for each type whose values may skip being texts.
        """
        self._type_of, self._leaves = type_of, leaves
        self._orders: list[_Keys] = []
        self._loose: set[str] = set()

    @property
    def text(self) -> str:
        """One pattern for all that was learned; empty when nothing can be vouched for."""
        if not self._orders:
            return ""
        found = "|".join(map(_object, self._orders))
        return f"^{_BLANK}(?:{found}){_BLANK}$" if len(found) <= MAX_PATTERN else ""

    def learn(self, row: Mapping[str, Any]) -> None:
        """Learn the order of keys of one object and the shape of its values."""
        if not row or len(row) > MAX_PATTERN // 80:
            return
        types = {key: self._type_of(key) for key in row}
        for key, value in row.items():
            self.is_typed(key, value)
        for known in self._orders:
            if _fits(known, row) and self._add(known, row, types):
                return
        fresh = _Keys()
        if len(self._orders) < MAX_ORDERS and self._add(fresh, row, types, first=True):
            self._orders.append(fresh)

    def is_typed(self, key: str, value: Any) -> bool:
        """Whether the values of a key have kept to the pattern of its type, this one included."""
        type_ = self._type_of(key)
        if key not in self._loose and not (type_ and _keeps_to(value, type_, self._leaves)):
            self._loose.add(key)
        return key not in self._loose

    def shape_of(self, key: str) -> Type:
        """The type, in the database's words, as which the values of a key are read."""
        type_ = self._type_of(key)
        leaves = {} if key in self._loose else self._leaves
        return duckdb_shape(type_, leaves) if type_ else Primitive("VARCHAR")

    def _add(
        self,
        known: _Keys,
        row: Mapping[str, Any],
        types: Mapping[str, Type | None],
        leaves: Mapping[str, Leaf] | None = None,
        *,
        first: bool = False,
    ) -> bool:
        if any(json.dumps(key, ensure_ascii=False) != f'"{key}"' for key in row):
            return False
        shapes: dict[str, _Shape] = {}
        for key, value in row.items():
            given = leaves
            if given is None:
                given = {} if key in self._loose else self._leaves
            shape = self._shape(known.shapes.get(key), value, types.get(key), given)
            if shape is None:
                return False
            shapes[key] = shape
        missing = known.shapes.keys() - row.keys()
        new = set() if first else row.keys() - known.shapes.keys()
        known.shapes = _in_order(known.shapes, shapes)
        known.optional |= missing | new
        return True

    def _shape(
        self,
        standing: _Shape | None,
        value: Any,
        type_: Type | None,
        leaves: Mapping[str, Leaf],
    ) -> _Shape | None:
        if isinstance(type_, Struct):
            keys = standing if isinstance(standing, _Keys) else _Keys()
            if value is None:
                return standing or keys
            fits = isinstance(value, dict) and _fits(keys, value)
            first = not keys.shapes
            inner = dict(type_.fields)
            known = fits and all(key in inner for key in value)
            added = known and self._add(keys, value, inner, leaves, first=first)
            return keys if added else None
        if isinstance(type_, List):
            items = standing if isinstance(standing, _Items) else _Items()
            if not isinstance(value, list | None):
                return None
            for each in value or ():
                shape = self._shape(items.shape, each, type_.element, leaves)
                if shape is None:
                    return None
                items.shape = shape
            return items
        if isinstance(type_, Map) or isinstance(value, dict | list):
            return None
        return leaves.get(str(type_ or ""), _LOOSE)


def _fits(known: _Keys, row: Mapping[str, Any]) -> bool:
    """Whether the keys that both have stand in the same order."""
    return [k for k in known.shapes if k in row] == [k for k in row if k in known.shapes]


def _in_order(standing: Mapping[str, _Shape], added: Mapping[str, _Shape]) -> dict[str, _Shape]:
    """Both orders in one; keys that only one has come before the next that both have."""
    merged: dict[str, _Shape] = {}
    rest = list(standing)
    for key, shape in added.items():
        if key in standing:
            at = rest.index(key)
            merged |= {each: standing[each] for each in rest[:at]}
            rest = rest[at + 1 :]
        merged[key] = shape
    return merged | {each: standing[each] for each in rest}


def _pattern(shape: _Shape) -> str:
    if isinstance(shape, Leaf):
        return shape.pattern
    if isinstance(shape, _Items):
        if shape.shape is None:
            return rf"(?:\[{_BLANK}\]|null)"
        item = f"{_BLANK}{_pattern(shape.shape)}{_BLANK}"
        return rf"(?:\[(?:{item}(?:,{item})*|{_BLANK})\]|null)"
    return f"(?:{_object(shape)}|null)"


def _object(shape: _Keys) -> str:
    pairs = [
        (rf'{_BLANK}"{_escaped(key)}"{_BLANK}:{_BLANK}{_pattern(inner)}{_BLANK}', key)
        for key, inner in shape.shapes.items()
    ]
    later = [rf"(?:,{pair})?" if key in shape.optional else f",{pair}" for pair, key in pairs]
    begun = []
    for at, (pair, key) in enumerate(pairs):
        begun.append(pair + "".join(later[at + 1 :]))
        if key not in shape.optional:
            break
    else:
        begun.append(_BLANK)
    return rf"\{{(?:{'|'.join(begun)})\}}"


def _escaped(key: str) -> str:
    return re.sub(r"([^\w\s])", r"\\\1", key, flags=re.ASCII) if key.isascii() else _wide(key)


def _wide(key: str) -> str:
    return "".join(f"\\x{{{ord(char):x}}}" for char in key)


def _keeps_to(value: Any, type_: Type, leaves: Mapping[str, Leaf]) -> bool:
    """Whether all simple values inside a value match the patterns of their types."""
    if value is None:
        return True
    match type_:
        case Struct(fields) if isinstance(value, dict):
            inner = dict(fields)
            return all(k in inner and _keeps_to(v, inner[k], leaves) for k, v in value.items())
        case List(element) if isinstance(value, list):
            return all(_keeps_to(each, element, leaves) for each in value)
        case Map(_, each_type) if isinstance(value, dict):
            return all(_keeps_to(each, each_type, leaves) for each in value.values())
        case Primitive(name) if name in leaves and not isinstance(value, dict | list):
            return re.fullmatch(leaves[name].pattern, dump(value)) is not None
    return False


def duckdb_shape(type_: Type, leaves: Mapping[str, Leaf]) -> Type:
    """A type with the types that the database gives to what the leaves match."""
    match type_:
        case Struct(fields):
            return Struct(tuple((name, duckdb_shape(each, leaves)) for name, each in fields))
        case List(element):
            return List(duckdb_shape(element, leaves))
        case Map(_, value):
            return Map(Primitive("VARCHAR"), duckdb_shape(value, leaves))
    return Primitive(leaves.get(str(type_), _LOOSE).duckdb)


def structure(shape: Type) -> Any:
    """What `from_json` takes for a shape."""
    match shape:
        case Struct(fields):
            return {name: structure(each) for name, each in fields}
        case List(element):
            return [structure(element)]
        case Map(_, value):
            return f"MAP(VARCHAR, {duckdb_text(value)})"
    return str(shape)


def duckdb_text(shape: Type) -> str:
    """A shape as a type of the database."""
    match shape:
        case Struct(fields):
            inner = ", ".join(f"{identifier(name)} {duckdb_text(each)}" for name, each in fields)
            return f"STRUCT({inner})"
        case List(element):
            return f"{duckdb_text(element)}[]"
        case Map(key, value):
            return f"MAP({key}, {duckdb_text(value)})"
    return str(shape)


def leaves_in(types: Iterable[Type]) -> dict[str, Leaf]:
    """A leaf for each simple type in some types."""
    found: dict[str, Leaf] = {}
    for type_ in types:
        if isinstance(type_, Primitive):
            found[type_.name] = leaf(type_)
        found |= leaves_in(inner for _, inner in children(type_))
    return found
