"""A JSON document as lines: each element of its list of records on a line of its own."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from wharf.reading.encoding import Text
from wharf.reading.findings import Finding
from wharf.reading.json_brackets import Spans, find_spans, skip_value
from wharf.reading.json_values import Unusable, read_value
from wharf.reading.layout import Positions
from wharf.reading.refusals import NOT_JSON, Refused, listed, shown

LARGEST: Final = 512 << 20
"""Bytes of a document, which is held in memory; JSON lines have no such limit."""
_LARGEST_GUESS: Final = 64 << 20
_BLANK: Final = b" \t\r\n"
_FEED: Final = 10
_KEY: Final = re.compile(rb'[ \t\r\n]*("(?:[^"\\]|\\.)*")[ \t\r\n]*:[ \t\r\n]*', re.S)
_COMMA: Final = re.compile(rb"[ \t\r\n]*,")
_SCALAR: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[^\s,"\[\]{}]+', re.S)
_BETWEEN: Final = re.compile(rb'[ \t\r\n]*(?:(,)|("(?:[^"\\]|\\.)*"|[^ \t\r\n,"]+))', re.S)


@dataclass(frozen=True)
class Elements:
    """The elements of a document, one on each line of a file."""

    path: Path
    starts: Positions
    """Where each begins in the document."""
    ends: Positions
    lines: Positions
    """The physical line of the document on which each begins, from 1."""
    records: str
    """The keys that lead to their list; empty for the whole document."""
    findings: tuple[Finding, ...] = ()


def find_elements(
    source: Text, name: str, records: str | None, work: Path, *, guess: bool = False
) -> Elements:
    """Split a document into the elements of its list of records.

    Args:
        source: The document.
        name: As the supplier calls it.
        records: The keys that lead to the list, such as `data.items`; None for the whole.
        work: Folder for the elements.
        guess: Whether to look for the list where the whole is one object.

    Raises:
        Refused: It is cut off, no JSON outside its records, too large, or has no such list.
    """
    size = source.path.stat().st_size
    if size > LARGEST:
        reason = f"a JSON document of {size:,} bytes; only JSON lines may have over {LARGEST:,}"
        raise Refused(name, "too_large", reason)
    content = source.path.read_bytes()
    findings: tuple[Finding, ...] = ()
    if guess and (found := _guess(content[source.bom :], size)):
        records, note, _ = found
        findings = (Finding("records", note),)
    begins, is_list = _locate(content, source.bom, name, records)
    spans = find_spans(content, begins)
    if not spans.is_whole:
        count = len(spans.ends)
        raise Refused(name, "truncated", f"the JSON ends inside its element {count + 1:,}")
    if is_list:
        _check_outside(content, source.bom, begins, spans, name)
    elif spans.closes < len(content):
        raise Refused(name, "unreadable", _broken(content, spans.closes))
    starts, ends = _with_scalars(content, begins, spans, name, is_list)
    if not len(starts):
        raise Refused(name, "empty", "its list of records is empty")
    return _written(content, starts, ends, work, records or "", findings)


def _guess(content: bytes, size: int) -> tuple[str, str, int] | None:
    """The longest list of objects in an object, what to say about it, and its length."""
    try:
        whole = json.loads(content) if size <= _LARGEST_GUESS else None
    except (ValueError, RecursionError):
        return None
    found = sorted(_lists(whole, ()), reverse=True) if isinstance(whole, dict) else []
    if not found:
        return None
    length, path = found[0][0], ".".join(found[0][2])
    others = [key for key in whole or () if key != found[0][2][0]]
    left = f"; beside it {listed(others)} are left out" if others else ""
    note = f"its rows are the {length:,} objects in {shown(path)}{left}"
    return path, note, length


def is_envelope(line: bytes) -> bool:
    """Whether an object holds a list of several objects, which are rather the rows than it is."""
    found = _guess(line, len(line))
    return found is not None and found[2] > 1


def _lists(value: dict[str, Any], path: tuple[str, ...]) -> list[tuple[int, int, tuple[str, ...]]]:
    found = []
    for key, inner in value.items():
        if "." in key or not key:
            continue
        if isinstance(inner, list) and inner and all(isinstance(each, dict) for each in inner):
            found.append((len(inner), -len(path), (*path, key)))
        elif isinstance(inner, dict) and len(path) < 3:
            found += _lists(inner, (*path, key))
    return found


def _locate(content: bytes, begins: int, name: str, records: str | None) -> tuple[int, bool]:
    """Where the first element may begin, and whether a list holds the elements."""
    at = _behind_blanks(content, begins)
    if records is None:
        return (at + 1, True) if content[at : at + 1] == b"[" else (at, False)
    for depth, key in enumerate(wanted := records.split(".")):
        where = ".".join(wanted[:depth]) or "the document"
        if content[at : at + 1] != b"{":
            raise Refused(name, "no_records", f"{where} is no object with a key {shown(key)}")
        at = _value_of(content, at + 1, key, name, where)
    if content[at : at + 1] != b"[":
        raise Refused(name, "no_records", f"{records} is no list")
    return at + 1, True


def _value_of(content: bytes, at: int, key: str, name: str, where: str) -> int:
    """Where the value of a key begins in an object."""
    seen = []
    while match := _KEY.match(content, at):
        try:
            found = json.loads(match[1])
        except ValueError:
            break
        if found == key:
            return match.end()
        seen.append(found)
        at = match.end()
        scalar = _SCALAR.match(content, at)
        at = scalar.end() if scalar else skip_value(content, at)
        comma = _COMMA.match(content, at) if at > 0 else None
        if not comma:
            break
        at = comma.end()
    if at < 0:
        raise Refused(name, "truncated", f"the JSON ends before its key {shown(key)}")
    raise Refused(name, "no_records", f"{where} has no key {shown(key)}; it has {listed(seen)}")


def _check_outside(content: bytes, bom: int, begins: int, spans: Spans, name: str) -> None:
    """Check what stands around the list.

    Raises:
        Refused: It is not JSON there, or the list is not closed.
    """
    if spans.closes == len(content):
        raise Refused(name, "truncated", "the JSON ends before its list of records does")
    try:
        read_value(content[bom:begins] + content[spans.closes :])
    except Unusable as error:
        reason = f"outside its list of records it is {error}"
        raise Refused(name, "unreadable", reason) from error


def _with_scalars(
    content: bytes, begins: int, spans: Spans, name: str, is_list: bool
) -> tuple[Positions, Positions]:
    """Elements with those that are neither objects nor lists; commas must separate all."""
    starts, ends = list[int](), list[int]()
    at, comma = begins, True
    bounds = zip(
        [*spans.starts.tolist(), spans.closes], [*spans.ends.tolist(), spans.closes], strict=True
    )
    plain = {b",", b",\n", b", ", b",\r\n"}
    for number, (start, end) in enumerate(bounds):
        gap = content[at:start]
        if is_list and not (gap in plain and number and start < spans.closes):
            comma = _between(content, at, start, comma, starts, ends, name)
            if start < spans.closes and not comma:
                raise Refused(name, "unreadable", _broken(content, start))
        elif not is_list and gap.strip(_BLANK):
            raise Refused(name, "unreadable", _broken(content, at))
        if start < spans.closes:
            starts.append(start)
            ends.append(end)
            at, comma = end, False
    if comma and starts and is_list:
        raise Refused(name, "unreadable", _broken(content, spans.closes))
    return np.array(starts, np.int64), np.array(ends, np.int64)


def _between(
    content: bytes, at: int, end: int, comma: bool, starts: list[int], ends: list[int], name: str
) -> bool:
    """Take the scalars between two bracketed elements; returns whether a comma came last."""
    while at < end and (match := _BETWEEN.match(content, at, end)):
        if bool(match[1]) == comma:
            raise Refused(name, "unreadable", _broken(content, match.end() - 1))
        comma = bool(match[1])
        if not comma:
            starts.append(match.start(2))
            ends.append(match.end(2))
        at = match.end()
    if content[at:end].strip(_BLANK):
        raise Refused(name, "unreadable", _broken(content, at))
    return comma


def _broken(content: bytes, at: int) -> str:
    line = content.count(b"\n", 0, at) + 1
    return f"it is {NOT_JSON}: line {line:,}, byte {at:,}"


def _behind_blanks(content: bytes, at: int) -> int:
    while content[at : at + 1] and content[at : at + 1] in _BLANK:
        at += 1
    return at


def _written(
    content: bytes,
    starts: Positions,
    ends: Positions,
    work: Path,
    records: str,
    findings: tuple[Finding, ...],
) -> Elements:
    path = work / "elements"
    with path.open("wb") as out:
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            text = content[start:end]
            if b"\n" in text:  # white space, or in a text as wrong as the other
                text = text.replace(b"\n", b"\r")
            out.write(text + b"\n")
    feeds = np.flatnonzero(np.frombuffer(content, np.uint8) == _FEED)
    lines = np.searchsorted(feeds, starts) + 1
    return Elements(path, starts, ends, lines, records, findings)
