"""The past: a file of arrivals, one line for each version of a file that came or went."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from wharf.errors import ArrivalsError

REQUIRED = ("feed", "period", "file", "submitted_utc", "arrived_utc", "status")
STATUS = {"A": "added", "M": "changed", "D": "withdrawn"}
SHOWN = 20
SAMPLE = "2022-01-11T04:00:00Z"


@dataclass(frozen=True)
class Line:
    """One line of the file, its times in UTC."""

    number: int
    feed: str
    period: str
    file: str
    submitted_at: datetime | None
    arrived_at: datetime
    status: str
    size: int | None = None
    sha256: str = ""

    @property
    def withdrawn(self) -> bool:
        """Whether the file was gone from then on."""
        return self.status == "D"


@dataclass(frozen=True)
class Past:
    """What a file of arrivals says, in the order in which things happened."""

    lines: tuple[Line, ...]
    duplicates: tuple[int, ...] = ()
    """Numbers of lines that repeat an earlier one word for word."""


def read_past(path: Path) -> Past:
    """Read a file of arrivals; its lines may stand in any order.

    Args:
        path: A CSV file, also gzipped, with the columns of `REQUIRED` and, where known, `bytes`
            and `sha256`.

    Raises:
        ArrivalsError: It cannot be read; the message names lines, columns, values and choices.
    """
    try:
        with _open(path) as file:
            return _read(file, path.name)
    except (OSError, EOFError, zlib.error) as error:
        raise ArrivalsError(path.name, [f"cannot be read: {error}"]) from error
    except UnicodeDecodeError as error:
        raise ArrivalsError(path.name, [f"is no UTF-8 text: {error.reason}"]) from error
    except csv.Error as error:
        raise ArrivalsError(path.name, [f"is no CSV file: {error}"]) from error


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _read(file: TextIO, name: str) -> Past:
    reader = csv.reader(file, strict=True)
    header = [cell.strip() for cell in next(reader, [])]
    if missing := [column for column in REQUIRED if column not in header]:
        has = ", ".join(header)[:200] or "nothing"
        raise ArrivalsError(name, [f"lacks the columns {', '.join(missing)}; line 1 has {has}"])
    lines: list[Line] = []
    problems: list[str] = []
    duplicates: list[int] = []
    seen: set[tuple[str, ...]] = set()
    for cells in reader:
        number = reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            problems.append(f"line {number}: has {len(cells)} cells, line 1 has {len(header)}")
            continue
        row = {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
        known = tuple(row.values())
        if known in seen:
            duplicates.append(number)
            continue
        seen.add(known)
        if told := list(_problems(row)):
            problems += [f"line {number}: {each}" for each in told]
        else:
            lines.append(_line(number, row))
    if problems:
        raise ArrivalsError(name, shorten(problems))
    return Past(tuple(sorted(lines, key=lambda line: line.arrived_at)), tuple(duplicates))


def _problems(row: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with one line, as sentences."""
    for column in ("feed", "period", "file"):
        if not row[column]:
            yield f"{column} is empty"
        elif "\0" in row[column]:
            yield f"{column} is {_shown(row[column])}, which is no name"
    if row["status"] not in STATUS:
        choices = ", ".join(f"{letter} ({word})" for letter, word in STATUS.items())
        yield f"status is {_shown(row['status'])}; use {choices}"
    for column in ("arrived_utc", "submitted_utc"):
        if row[column] or column == "arrived_utc":
            problem = _time_problem(row[column])
            if problem:
                yield f"{column} {problem}"
    size = row.get("bytes", "")
    if size and not (size.isascii() and size.isdecimal() and len(size) < 19):
        yield f"bytes is {_shown(size)}; write a whole number, or nothing where it is not known"


def _time_problem(text: str) -> str:
    if not text:
        return f"is empty; write a time such as {SAMPLE}"
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return f"is {_shown(text)}; write a time such as {SAMPLE}"
    if at.tzinfo is None:
        return f"is {_shown(text)}, which names no zone; write it such as {SAMPLE}"
    try:
        at.astimezone(UTC)
    except OverflowError:
        return f"is {_shown(text)}, which no calendar holds in UTC"
    return ""


def _line(number: int, row: Mapping[str, str]) -> Line:
    return Line(
        number=number,
        feed=row["feed"],
        period=row["period"],
        file=row["file"],
        submitted_at=_instant(row["submitted_utc"]) if row["submitted_utc"] else None,
        arrived_at=_instant(row["arrived_utc"]),
        status=row["status"],
        size=int(row["bytes"]) if row.get("bytes") else None,
        sha256=row.get("sha256", ""),
    )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _shown(text: str) -> str:
    """A value as a message shows it: on one line, and not at any length."""
    return repr(text if len(text) <= 60 else f"{text[:60]}...")


def shorten(problems: Iterable[str]) -> list[str]:
    """The first problems of a file, and how many more there are."""
    found = list(problems)
    if len(found) <= SHOWN:
        return found
    return [*found[:SHOWN], f"and {len(found) - SHOWN} more problems"]
