"""What can be wrong with one expectation of a suite."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

import duckdb

from wharf.contracts import SYSTEM_COLUMNS
from wharf.quality.portability import ANOTHER_TABLE, ENGINE_TYPES, columns_of

_ENTRY_KEYS = ("type", "kwargs", "severity", "meta", "notes", "description", "id")
_OTHER_SYSTEM_COLUMNS = ("_manifest_id", "_model_version", "_input_batch_ids")
_SEVERITIES = ("critical", "warning", "info")
_INSTEAD = {
    **dict.fromkeys(ANOTHER_TABLE, "it needs another table, and an audit sees one batch alone"),
    **dict.fromkeys(ENGINE_TYPES, "types are checked against the contract, and named differently"
                    " by each engine; leave it out"),
}  # fmt: skip


def entry_problems(
    entry: object, types: Collection[str], columns: Collection[str] | None
) -> list[str]:
    """Find the problems of one expectation; Great Expectations must be loaded."""
    if not isinstance(entry, dict):
        return ["must be an object with `type` and `kwargs`"]
    problems = list(_key_problems(entry))
    if problems:
        return problems
    kind = entry["type"]
    if kind not in types:
        near = difflib.get_close_matches(str(kind), list(types), n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        return [f"there is no such expectation{hint}"]
    if kind in _INSTEAD:
        return [f"cannot be used here: {_INSTEAD[kind]}"]
    problems = list(_argument_problems(entry))
    if not problems:
        problems += _regex_problems(entry["kwargs"])
        problems += _condition_problems(entry["kwargs"])
        problems += _column_problems(entry["kwargs"], columns)
    return problems


def is_query(entry: Mapping[str, Any]) -> bool:
    """Whether an expectation is a query of the suite's own, whose rows all break it."""
    return str(entry["type"]) == "unexpected_rows_expectation"


def _key_problems(entry: Mapping[str, Any]) -> Iterator[str]:
    for key in entry:
        if key == "expectation_type":
            yield "write `type` in place of `expectation_type`"
        elif key not in _ENTRY_KEYS:
            near = difflib.get_close_matches(key, _ENTRY_KEYS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            yield f"unknown key {key!r}{hint} (keys here: {', '.join(_ENTRY_KEYS)})"
    if "type" not in entry and "expectation_type" not in entry:
        yield "`type` is required"
    if not isinstance(entry.get("kwargs", {}), dict):
        yield "`kwargs` must be an object"
    if entry.get("severity", "critical") not in _SEVERITIES:
        yield f"severity is {entry['severity']!r}; use {', '.join(_SEVERITIES)}"


def _argument_problems(entry: Mapping[str, Any]) -> Iterator[str]:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    try:
        ExpectationConfiguration(**{"kwargs": {}, **entry}).to_domain_obj()
    except Exception as error:  # the library raises of many kinds, also its own pydantic's
        errors = getattr(error, "errors", None)
        details = errors() if callable(errors) else []
        by_argument = {str(detail["loc"][0]): detail for detail in reversed(details)}
        said = [_say(entry.get("kwargs", {}), detail) for detail in by_argument.values()]
        yield from said[::-1] or [" ".join(str(error).split())]


def _say(kwargs: Mapping[str, Any], detail: Mapping[str, Any]) -> str:
    name = str(detail["loc"][0])
    if name == "__root__":
        return str(detail["msg"])
    if detail["type"] == "value_error.extra":
        return f"unknown argument {name!r}"
    if detail["type"] == "value_error.missing":
        return f"argument {name!r} is required"
    return f"{name} is {kwargs.get(name)!r}; {detail['msg']}"


def _regex_problems(kwargs: Mapping[str, Any]) -> Iterator[str]:
    listed = kwargs.get("regex_list")
    patterns = [kwargs.get("regex"), *(listed if isinstance(listed, list) else ())]
    for pattern in patterns:
        if not isinstance(pattern, str):
            continue
        # One engine matches at the start, the other the whole value: only ^...$ means the same.
        if not _is_anchored(pattern):
            yield f"regex {pattern!r} must be anchored as a whole: write '^(...)$'"
        elif problem := _not_understood(pattern):
            yield f"regex {pattern!r} {problem}"


def _is_anchored(pattern: str) -> bool:
    if not (pattern.startswith("^") and pattern.endswith("$") and not pattern.endswith(r"\$")):
        return False
    depth, in_class, position = 0, False, 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            position += 1
        elif in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
            position += pattern[position + 1 : position + 2] == "^"
            # A bracket right after the opening one stands for itself.
            position += pattern[position + 1 : position + 2] == "]"
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character == "|" and depth == 0:
            return False
        position += 1
    return True


@lru_cache(maxsize=4096)
def _not_understood(pattern: str) -> str:
    try:
        re.compile(pattern)
        with duckdb.connect() as connection:
            connection.execute("SELECT regexp_full_match('', ?)", [pattern]).fetchall()
    except (re.error, duckdb.Error) as error:
        return f"is not understood: {' '.join(str(error).split())}"
    return ""


def _condition_problems(kwargs: Mapping[str, Any]) -> Iterator[str]:
    parser = kwargs.get("condition_parser")
    if isinstance(kwargs.get("row_condition"), str) and parser != "great_expectations":
        yield (
            f"condition_parser is {parser!r}; write it as "
            '\'col("land_use") == "R1"\' with condition_parser great_expectations'
        )


def _column_problems(kwargs: Mapping[str, Any], columns: Collection[str] | None) -> Iterator[str]:
    if columns is None:
        return
    known = {*columns, *SYSTEM_COLUMNS, *_OTHER_SYSTEM_COLUMNS}
    for name in columns_of(kwargs):
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            yield f"there is no column {name!r}{hint} (columns: {', '.join(sorted(columns))})"
