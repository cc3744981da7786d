"""Reading suites strictly: the library itself drops what it does not know, so a typo would pass."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wharf.errors import SuiteError
from wharf.quality.entries import entry_problems
from wharf.quality.library import expectation_types, great_expectations
from wharf.quality.portability import NEEDS_FRAME, NEEDS_SQL

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


def read_suite(path: Path) -> Suite:
    """Read one suite.

    Raises:
        SuiteError: The file is missing, is not a suite, or names an expectation, argument or
            severity that does not exist; one line for each problem.
    """
    raw, problems = _load(path)
    with great_expectations():
        problems += _problems(raw, columns=None)
    if problems:
        raise SuiteError("\n".join(f"{suite_label(path)}: {problem}" for problem in problems))
    name = str(raw.get("name") or f"{path.parent.name}.{path.stem}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Suite(suite_label(path), name, tuple(raw["expectations"]), digest)


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
        return problems + _problems(raw, columns)


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


def _problems(raw: Mapping[str, Any], columns: Collection[str] | None) -> list[str]:
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
        problems += [f"expectation {number} ({kind or '?'}): {problem}" for problem in found]
    used = {str(entry.get("type")) for entry in entries if isinstance(entry, dict)}
    if (sql := used & NEEDS_SQL) and (frame := used & NEEDS_FRAME):
        problems.append(
            f"{', '.join(sorted(sql))} and {', '.join(sorted(frame))} work on different engines; "
            "write the latter as unexpected_rows_expectation"
        )
    return problems


def _near(word: str, choices: Collection[str]) -> str:
    near = difflib.get_close_matches(word, list(choices), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
