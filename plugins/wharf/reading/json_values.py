"""One JSON text at a time: exact and unhurried, for whatever the patterns do not vouch for.

Numbers keep the digits they were written with; what JSON does not allow is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, Never

from wharf.contracts.shapes import List, Map, Primitive, Struct, Type
from wharf.reading.refusals import (
    BAD_ENCODING,
    KEY_TWICE,
    NOT_AN_OBJECT,
    NOT_FINITE,
    NOT_JSON,
    TOO_DEEP,
    TOO_LONG,
    shown,
)

MAX_VALUE: Final = 64 << 20
"""Longest object in bytes; longer ones are quarantined, cut."""
MAX_DEPTH: Final = 200
"""Levels of lists and objects in one row."""


class Unusable(ValueError):
    """A text that gives no row."""


class Number(str):
    """A number as it stands in the text, told apart from a quoted one."""

    __slots__ = ()


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unusable(KEY_TWICE)
    return found


def _refuse_constant(_: str) -> Never:
    raise Unusable(NOT_FINITE)


_DECODE: Final = json.JSONDecoder(
    object_pairs_hook=_pairs,
    parse_float=Number,
    parse_int=Number,
    parse_constant=_refuse_constant,
).decode


def read_value(content: bytes) -> Any:
    """Read a JSON text; its numbers are `Number`s.

    Raises:
        Unusable: It is not JSON, or means more than one thing; the reason is the message.
    """
    if len(content) > MAX_VALUE:
        raise Unusable(TOO_LONG)
    try:
        value = _DECODE(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Unusable(BAD_ENCODING) from error
    except Unusable:
        raise
    except RecursionError as error:
        raise Unusable(TOO_DEEP) from error
    except ValueError as error:
        raise Unusable(NOT_JSON) from error
    if content.count(b"[") + content.count(b"{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise Unusable(TOO_DEEP)
    if b"\\u" in content:
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            raise Unusable(BAD_ENCODING) from error
    return value


def read_object(content: bytes) -> dict[str, Any]:
    """Read a JSON object; see `read_value`."""
    value = read_value(content)
    if not isinstance(value, dict):
        raise Unusable(NOT_AN_OBJECT)
    return value


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        inner = [each.values() if isinstance(each, dict) else each for each in level]
        level = [v for each in inner for v in each if isinstance(v, dict | list)]
        if depth > MAX_DEPTH:
            return depth
    return depth


def dump(value: Any) -> str:
    """Write a value as compact JSON, its numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quoted(k)}:{dump(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def text_of(value: Any) -> str | None:
    """The cell of a value: a text as it is, a number by its digits, nested values as JSON."""
    if value is None or isinstance(value, str):
        return value
    return dump(value)


def as_texts(cells: Iterable[tuple[str, Any, Type | None, bool]]) -> bytes:
    """Write an object whose values are texts, so that no reader can change a digit of them.

    Args:
        cells: Key; value; its type where it keeps its shape down to its texts; and whether it may
            stay as it is.
    """
    written = _braced(
        (key, dump(value) if stays else _texts(value, type_) if type_ else _cell(value))
        for key, value, type_, stays in cells
    )
    return f"{written}\n".encode()


def _cell(value: Any) -> str:
    text = text_of(value)
    return "null" if text is None else _quoted(text)


def _texts(value: Any, type_: Type) -> str:
    if value is None:
        return "null"
    match type_:
        case Struct(fields):
            known = {name: inner for name, inner in fields if name in value}
            return _braced((name, _texts(value[name], inner)) for name, inner in known.items())
        case List(element):
            return "[" + ",".join(_texts(each, element) for each in value) + "]"
        case Map(_, inner):
            return _braced((name, _texts(each, inner)) for name, each in value.items())
    return _cell(value)


def _braced(pairs: Iterable[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{_quoted(name)}:{text}" for name, text in pairs) + "}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def misfit(value: Any, type_: Type, path: str, *, ignore_new: bool) -> str:
    """Say where a value has another shape than its type; empty when it fits."""
    if value is None:
        return ""
    match type_:
        case Struct(fields) if isinstance(value, dict):
            known = dict(fields)
            if (new := [key for key in value if key not in known]) and not ignore_new:
                return f"{shown(new[0])} is not a field of {path}"
            found = ((known[k], v, f"{path}.{k}") for k, v in value.items() if k in known)
        case List(element) if isinstance(value, list):
            found = ((element, each, f"{path}[]") for each in value)
        case Map(_, inner) if isinstance(value, dict):
            found = ((inner, each, f"{path}{{}}") for each in value.values())
        case Primitive(name) if name == "string" or not isinstance(value, dict | list):
            return ""
        case _:
            return f"not a {_word(type_)} in {path}"
    said = (misfit(v, inner, at, ignore_new=ignore_new) for inner, v, at in found)
    return next(filter(None, said), "")


def _word(type_: Type) -> str:
    return str(type_) if isinstance(type_, Primitive) else type(type_).__name__.lower()
