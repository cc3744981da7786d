"""Files of past arrivals: every line is checked before the first one is kept."""

from __future__ import annotations

import csv
import difflib
import gzip
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from wharf.contracts import Feed
from wharf.errors import ArrivalsError, PeriodError
from wharf.ledger.past_arrivals import Imported

REQUIRED = ("feed", "period", "arrived_utc")
SAMPLE = "2026-11-20T05:52:00Z"
SHOWN = 20


@dataclass(frozen=True)
class Given:
    """What a file says: for each feed and period when it came first."""

    arrivals: tuple[Imported, ...]
    lines: int
    passed_over: int
    """Lines of withdrawn or empty files: no arrivals."""
    repeated: int
    """Lines of a period that came earlier by another line."""


def read_arrivals(path: Path, feeds: Mapping[str, Feed], now: datetime) -> Given:
    """Read a file of past arrivals.

    Args:
        path: A CSV file, also gzipped, with the columns of `REQUIRED`, and `submitted_utc` where it
            is known. A file made for `wharf rehearse` is one too.
        feeds: Contracts in force, by name.
        now: Nothing arrived after it.

    Raises:
        ArrivalsError: It cannot be read, or some line is wrong; the message names line, column,
            value and choices.
    """
    try:
        with _open(path) as file:
            return _read(file, path.name, feeds, now)
    except (OSError, EOFError) as error:
        raise ArrivalsError(path.name, [f"cannot be read: {error}"]) from error
    except UnicodeDecodeError as error:
        raise ArrivalsError(path.name, [f"is no UTF-8 text: {error.reason}"]) from error
    except csv.Error as error:
        raise ArrivalsError(path.name, [f"is no CSV file: {error}"]) from error


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _read(file: TextIO, name: str, feeds: Mapping[str, Feed], now: datetime) -> Given:
    reader = csv.reader(file, strict=True)
    header = [cell.strip() for cell in next(reader, [])]
    if missing := [column for column in REQUIRED if column not in header]:
        has = ", ".join(header)[:200] or "nothing"
        raise ArrivalsError(name, [f"lacks the columns {', '.join(missing)}; line 1 has {has}"])
    problems: list[str] = []
    earliest: dict[tuple[str, str], Imported] = {}
    lines = passed_over = 0
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        lines += 1
        try:
            found = _arrival(header, cells, feeds, now, name)
        except ValueError as error:
            problems.append(f"line {reader.line_num}: {error}")
            continue
        if found is None:
            passed_over += 1
            continue
        key = (found.feed, found.period)
        known = earliest.setdefault(key, found)
        if found.arrived_at < known.arrived_at:
            earliest[key] = found
    if problems:
        raise ArrivalsError(name, _shorten(problems))
    found_all = tuple(earliest[key] for key in sorted(earliest))
    return Given(found_all, lines, passed_over, lines - passed_over - len(found_all))


def _arrival(
    header: Sequence[str], cells: Sequence[str], feeds: Mapping[str, Feed], now: datetime, name: str
) -> Imported | None:
    """One line; None where it tells of no arrival."""
    if len(cells) != len(header):
        raise ValueError(f"has {len(cells)} cells, line 1 has {len(header)}")
    row = {column: cell.strip() for column, cell in zip(header, cells, strict=True)}
    told = list(_problems(row, feeds, now))
    if told:
        raise ValueError("; ".join(told))
    if row.get("status") == "D" or row.get("bytes") == "0":
        return None
    submitted = row.get("submitted_utc", "")
    return Imported(
        feed=row["feed"],
        period=feeds[row["feed"]].parse_period(row["period"]).key,
        arrived_at=_instant(row["arrived_utc"]),
        submitted_at=_instant(submitted) if submitted else None,
        origin=name,
    )


def _problems(row: Mapping[str, str], feeds: Mapping[str, Feed], now: datetime) -> Iterator[str]:
    feed = feeds.get(row["feed"])
    if feed is None:
        yield f"feed is {_shown(row['feed'])}; {_choices(row['feed'], feeds)}"
    else:
        try:
            feed.parse_period(row["period"])
        except PeriodError as error:
            yield f"period: {error}"
    for column in ("arrived_utc", "submitted_utc"):
        text = row.get(column, "")
        if text or column == "arrived_utc":
            try:
                at = _instant(text)
            except (ValueError, OverflowError):
                yield f"{column} is {_shown(text)}; write a time with its zone, such as {SAMPLE}"
                continue
            if at > now:
                yield f"{column} is {_shown(text)}, which is still to come"


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("no zone")
    return at.astimezone(UTC)


def _choices(name: str, feeds: Mapping[str, Feed]) -> str:
    near = difflib.get_close_matches(name, feeds, n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    some = sorted(feeds)[:SHOWN]
    more = f" and {len(feeds) - len(some)} more" if len(feeds) > len(some) else ""
    return f"feeds here: {', '.join(some) or 'none yet'}{more}"


def _shown(text: str) -> str:
    """A value as a message shows it: on one line, and not at any length."""
    return repr(text if len(text) <= 60 else f"{text[:60]}...")


def _shorten(problems: Sequence[str]) -> list[str]:
    if len(problems) <= SHOWN:
        return list(problems)
    return [*problems[:SHOWN], f"and {len(problems) - SHOWN} more lines"]
