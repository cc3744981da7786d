"""Matching: which feed's period and part a supplier's path is, and the other way round."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from wharf.contracts import Feed, Period
from wharf.errors import PeriodError

DONE_FLAG = "(done flag)"
_LONGEST_PATH = 1024
_DIGITS = {"Y": 4, "G": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "V": 2, "y": 2, "j": 3}
_DIRECTIVE = {letter: f"[0-9]{{{count}}}" for letter, count in _DIGITS.items()} | {
    "u": "[1-7]",
    "b": "[A-Za-z]{3}",
    "B": "[A-Za-z]{3,9}",
}
_TOKEN = re.compile(r"\{(period|period_end)(?::([^}]*))?\}|(\{part\})|(\*)|([^{*]+|.)", re.DOTALL)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True)
class Match:
    """What a path says about itself; `period_key` is "" where its name tells no period."""

    period_key: str
    part: str
    is_done_flag: bool = False


def match(feed: Feed, relative_path: str) -> Match | None:
    """Read period and part from a path below the connection's root.

    Args:
        feed: The contract.
        relative_path: As the supplier's side lists it; any text is safe to pass.

    Returns:
        None when the path is no file of this feed.
    """
    if len(relative_path) > _LONGEST_PATH or _UNSAFE.search(relative_path):
        return None
    if ".." in relative_path.split("/"):
        return None
    flag = done_flag_pattern(feed)
    for pattern, is_flag in ((feed.source.path, False), (flag, True)):
        if pattern is None:
            continue
        found = _expression(pattern, feed.source.parts).fullmatch(relative_path)
        if found:
            groups = found.groupdict()
            key = _period_key(feed, groups)
            if key is not None:
                return Match(key, groups.get("part") or "", is_flag)
    return None


def expected_paths(feed: Feed, period: Period) -> dict[str, str]:
    """The path patterns to look for, by part; a done-flag's stands under `DONE_FLAG`.

    A pattern is literal but for `*`, which stands for any text within one folder name.
    """
    filled = period.fill(feed.source.path)
    paths = {part: filled.replace("{part}", part) for part in feed.source.expected_parts}
    flag = done_flag_pattern(feed)
    if flag is not None:
        paths[DONE_FLAG] = period.fill(flag)
    return paths


def done_flag_pattern(feed: Feed) -> str | None:
    """The done-flag's path pattern; without a folder of its own it lies beside the files."""
    flag = feed.source.done_flag
    if flag is None or "/" in flag:
        return flag
    folder, slash, _ = feed.source.path.rpartition("/")
    return f"{folder}{slash}{flag}"


def path_problems(feed: Feed) -> list[str]:
    """Why the paths of a feed could not be told apart, as sentences; empty when all is well."""
    problems = []
    for field, pattern in (("path", feed.source.path), ("done_flag", feed.source.done_flag)):
        unknown = sorted(set(_unknown_directives(pattern or "")))
        if unknown:
            known = " ".join(f"%{letter}" for letter in _DIRECTIVE)
            problems.append(f"source.{field}: {', '.join(unknown)} cannot be read; use {known}")
    if "{part}" in (feed.source.done_flag or ""):
        problems.append("source.done_flag: one flag stands for all parts; leave {part} out")
    if problems:
        return problems
    first = Period.parse(feed.period.kind, feed.active.from_)
    for period in (first, first.next()):
        for pattern in expected_paths(feed, period).values():
            found = match(feed, pattern.replace("*", "x"))
            if found is None or found.period_key != period.key:
                told = found.period_key if found else "no period"
                problems.append(f"source: the path of {period} reads back as {told}: {pattern}")
    return problems


@lru_cache(maxsize=8192)
def _expression(pattern: str, parts: tuple[str, ...]) -> re.Pattern[str]:
    seen: set[str] = set()

    def capture(name: str, text: str) -> str:
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>{text})"

    expression = ""
    for placeholder, directives, part, star, literal in _TOKEN.findall(pattern):
        if part:
            longest_first = sorted(parts, key=len, reverse=True)
            expression += capture("part", "|".join(map(re.escape, longest_first)))
        elif star:
            expression += "[^/]*"
        elif not placeholder:
            expression += re.escape(literal)
        elif not directives:
            expression += capture("key", "[0-9TWQZ-]+")
        else:
            expression += _placeholder(placeholder, directives, capture)
    return re.compile(expression)


def _placeholder(placeholder: str, directives: str, capture: Callable[[str, str], str]) -> str:
    prefix = "last_" if placeholder == "period_end" else "first_"
    expression = ""
    for letter, literal in re.findall(r"%(.)|([^%]+)", directives):
        if literal or letter == "%":
            expression += re.escape(literal or "%")
        elif letter in _DIRECTIVE:
            expression += capture(prefix + letter, _DIRECTIVE[letter])
        else:
            # Nothing matches an unknown directive; `path_problems` names it.
            expression += "(?!)"
    return expression


def _period_key(feed: Feed, groups: Mapping[str, str]) -> str | None:
    """The period that a path's groups name, only if that period would write them so."""
    if not any(name == "key" or "_" in name for name in groups):
        return ""
    try:
        period = _period(feed.period.kind, groups)
    except (PeriodError, ValueError):
        return None
    edges = {"first": period.start, "last": datetime.combine(period.last, datetime.min.time(), UTC)}
    for name, text in groups.items():
        edge, _, letter = name.partition("_")
        if letter and edges[edge].strftime(f"%{letter}") != text:
            return None
    return period.key if groups.get("key", period.key) == period.key else None


def _period(kind: str, groups: Mapping[str, str]) -> Period:
    if "key" in groups:
        return Period.parse(kind, groups["key"])
    edge = "first_" if any(name.startswith("first_") for name in groups) else "last_"
    told = {name.removeprefix(edge): text for name, text in groups.items() if name.startswith(edge)}
    if "V" in told and "u" not in told:
        told["u"] = "1" if edge == "first_" else "7"
    if not {"Y", "G", "y"} & set(told):
        raise PeriodError("the path names no year")
    layout = " ".join(f"%{letter}" for letter in told)
    at = datetime.strptime(" ".join(told.values()), layout).replace(tzinfo=UTC)
    if kind == "hour":
        return Period.parse(kind, f"{at:%Y-%m-%dT%H00Z}")
    return Period.containing(kind, at.date())


def _unknown_directives(pattern: str) -> Iterator[str]:
    for placeholder, directives, *_ in _TOKEN.findall(pattern):
        if placeholder:
            for letter in re.findall(r"%(.)", directives):
                if letter not in _DIRECTIVE and letter != "%":
                    yield f"%{letter}"
