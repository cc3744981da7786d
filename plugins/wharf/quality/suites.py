"""Reading suites strictly: the library itself drops what it does not know, so a typo would pass."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wharf.errors import SuiteError
from wharf.quality.custom import Custom, custom_folder, engines_of, load_custom
from wharf.quality.entries import entry_problems
from wharf.quality.library import expectation_types, great_expectations
from wharf.quality.portability import NEEDS_FRAME, NEEDS_SQL
from wharf.quality.words import shown

_SUITE_KEYS = ("name", "expectations", "meta", "notes", "suite_parameters", "id")


def suite_path(project: Path, feed: str) -> Path:
    """Where a feed's suite lies in a project."""
    return project / "expectations" / f"{feed.replace('.', '/')}.json"


@dataclass(frozen=True)
class Suite:
    """One suite file, every expectation in it known to exist."""

    label: str
    """The file as messages name it, such as `expectations/acme/positions.json`."""
    name: str
    entries: tuple[Mapping[str, Any], ...]
    sha256: str
    custom: str = ""
    """Fingerprint of the expectations that the project wrote itself."""
    only: Mapping[str, str] = field(default_factory=dict)
    """Expectations of the project that work on one engine alone, and on which."""


def read_suite(path: Path) -> Suite:
    """Read one suite.

    Raises:
        SuiteError: The file is missing, is not a suite, or names an expectation, argument or
            severity that does not exist; one line for each problem.
    """
    label = suite_label(path)
    raw, problems = _load(path)
    digest = "" if problems else hashlib.sha256(path.read_bytes()).hexdigest()
    with great_expectations():
        custom = load_custom(custom_folder(path))
        known = (label, digest, custom.fingerprint)
        if digest and known in _RIGHT:
            return _RIGHT[known]
        problems += _problems(raw, None, custom)
        only = {} if problems else _only(raw["expectations"], custom)
    if problems:
        raise SuiteError("\n".join(f"{label}: {problem}" for problem in problems))
    name = str(raw.get("name") or f"{path.parent.name}.{path.stem}")
    entries = tuple(_said(entry, custom) for entry in raw["expectations"])
    _RIGHT[known] = Suite(label, name, entries, digest, custom.fingerprint, only)
    return _RIGHT[known]


# Checking a suite takes as long as a small audit, and thousands follow each other in a replay.
_RIGHT: dict[tuple[str, str, str], Suite] = {}


def check_suite(path: Path, columns: Collection[str] | None = None) -> list[str]:
    """Find what is wrong with a suite file, for `wharf validate`.

    Args:
        path: The suite file.
        columns: The table's columns, where known; expectations on others are problems.

    Returns:
        One line for each problem, without the file's name; empty when there are none.
    """
    raw, problems = _load(path)
    with great_expectations():
        return problems + _problems(raw, columns, load_custom(custom_folder(path)))


def check_custom(project: Path) -> dict[str, str]:
    """What is wrong with the expectations that a project wrote itself, by file."""
    with great_expectations():
        return dict(load_custom(project / "expectations" / "custom").problems)


def suite_label(path: Path) -> str:
    """A suite file as messages name it: from the folder `expectations` on."""
    parts = path.parts
    if "expectations" in parts:
        start = len(parts) - 1 - parts[::-1].index("expectations")
        return "/".join(parts[start:])
    return path.name


def _load(path: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, ["is missing; write a suite there, or begin with `wharf feed new`"]
    except (OSError, UnicodeDecodeError) as error:
        return {}, [f"cannot be read as UTF-8 text: {error}"]
    except (json.JSONDecodeError, RecursionError) as error:
        return {}, [f"is not valid JSON: {error}"]
    if not isinstance(raw, dict):
        return {}, ["must be one JSON object with `name` and `expectations`"]
    return raw, []


def _said(entry: Mapping[str, Any], custom: Custom) -> Mapping[str, Any]:
    """An expectation of our own with its sentence, which the library does not have."""
    sentence = custom.sentences.get(str(entry["type"]), "")
    if not sentence or entry.get("description"):
        return entry
    for name, value in (entry.get("kwargs") or {}).items():
        sentence = sentence.replace("{" + name + "}", shown(value, 80))
    return {**entry, "description": sentence}


def _only(entries: Sequence[Mapping[str, Any]], custom: Custom) -> dict[str, str]:
    kinds = {str(entry["type"]) for entry in entries} & set(custom.sentences)
    found = {kind: engines_of(kind) for kind in kinds}
    return {kind: next(iter(engines)) for kind, engines in found.items() if len(engines) == 1}


def _problems(raw: Mapping[str, Any], columns: Collection[str] | None, custom: Custom) -> list[str]:
    if not raw:
        return []
    problems = [
        f"unknown key {key!r}{_near(key, _SUITE_KEYS)} (keys here: {', '.join(_SUITE_KEYS)})"
        for key in raw
        if key not in _SUITE_KEYS
    ]
    entries = raw.get("expectations")
    if not isinstance(entries, list) or not entries:
        return [*problems, "`expectations` must be a list that holds at least one expectation"]
    types = expectation_types()
    for number, entry in enumerate(entries, start=1):
        found = entry_problems(entry, types, columns)
        kind = entry.get("type") if isinstance(entry, dict) else None
        if kind not in types and custom.problems:
            found += [f"{file} could not be loaded: {why}" for file, why in custom.problems.items()]
        problems += [f"expectation {number} ({kind or '?'}): {problem}" for problem in found]
    used = {str(entry.get("type")) for entry in entries if isinstance(entry, dict)}
    own = {} if problems else _only(entries, custom)
    sql = used & NEEDS_SQL | {kind for kind, engine in own.items() if engine == "duckdb"}
    frame = used & NEEDS_FRAME | {kind for kind, engine in own.items() if engine == "pandas"}
    if sql and frame:
        problems.append(
            f"{', '.join(sorted(sql))} and {', '.join(sorted(frame))} work on different engines; "
            "write the latter as unexpected_rows_expectation"
        )
    return problems


def _near(word: str, choices: Collection[str]) -> str:
    near = difflib.get_close_matches(word, list(choices), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
