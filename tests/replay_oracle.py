"""What a delivery became, held against the oracle's facts and against the file itself."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from replay_data import Delivered
from replay_world import Became, Replay

from wharf.batches.changes import changes
from wharf.lake import Batch, LakeColumn

SYSTEM = {"_period", "_batch_id", "_file", "_line"}
RAGGED = {"too_few_fields", "too_many_fields"}
FOR_A_WHILE = b"Retrieving data. Wait a few seconds"
CONFLICT = b"<<<<<<< "
_ABSENT = {"withdrawn": "withdrawn", "ignore": "ignored"}
Difference = tuple[int, int, int]
"""Cells changed, rows added, rows removed."""


EXPLAINED = {
    # A measure's value went from 10.0 to 10: the same number, but the column also holds words, so
    # it is text here, and another text is another cell.
    ("2020/latest/now-summary.csv", 494): ["cells changed: 2, not 1"],
    # The last line has no date, which the contract requires: it is kept aside, and the oracle
    # counts it among the rows that came and, in the next version, went.
    ("2020/case-hosp-death.csv", 103): ["rows added: 129, not 130"],
    ("2020/case-hosp-death.csv", 104): ["rows removed: 129, not 130"],
}


@dataclass
class Figures:
    """Totals of a replay, ours and the oracle's side by side."""

    ours: Counter[str] = field(default_factory=Counter)
    oracle: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[tuple[str, str, str]]:
        """Name, ours, the oracle's; a dash where the oracle says nothing."""
        names = list(dict.fromkeys([*self.ours, *self.oracle]))
        return [
            (name, f"{self.ours[name]:,}", f"{self.oracle[name]:,}" if name in self.oracle else "-")
            for name in names
        ]


@dataclass
class Judge:
    """Looks at what each delivery became; keeps what the next one is compared with."""

    replay: Replay
    payload: Path
    figures: Figures = field(default_factory=Figures)
    mismatches: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._seen: dict[str, list[str]] = {}
        self._before: dict[str, Became] = {}
        self._connection = duckdb.connect(config={"threads": 1, "memory_limit": "1GB"})
        self.replay.place.lake.prepare(self._connection)

    def judge(self, became: Became) -> None:
        """Compare one delivery; what does not agree is kept as a sentence."""
        given = became.given
        told = list(self._told(became))
        where = f"{given.feed} {given.period} version {given.version} of {given.arrived}"
        if told == EXPLAINED.get((given.path, given.version)):
            self.figures.ours["explained"] += 1
            told = []
        self.mismatches += [f"{where}: {each}" for each in told]
        self.figures.ours["mismatches"] += len(told)
        self.figures.ours[f"deliveries {became.end}"] += 1
        if given.status != "D":
            self._before[given.path] = became
            self._seen.setdefault(given.path, []).append(given.bytes_hash)

    def _told(self, became: Became) -> Iterator[str]:
        self.figures.ours["deliveries"] += 1
        if became.given.status == "D":
            absence = self.replay.feed(became.given).source.absence
            yield from _unlike("end", became.end, _ABSENT[absence])
            yield from _unlike("what is read", became.after, became.before)
            return
        self.figures.oracle["deliveries"] += 1
        content = (self.payload / became.given.payload).read_bytes()
        end, reason = expected_end(content, became.given, self._seen.get(became.given.path, []))
        yield from _unlike("end", became.end, end)
        if reason not in became.reason:
            yield f"its reason is {became.reason!r}, not {reason!r}"
        yield from self._verdict(became)
        yield from _unlike("the pointer's moves", became.moved, int(end == "loaded"))
        if end != "loaded":
            yield from _unlike("what is read", became.after, became.before)
        elif became.batch is not None:
            yield from _unlike("what is read", became.after, became.batch.batch_id)
            yield from self._reading(became, content)
            yield from self._restated(became)

    def _verdict(self, became: Became) -> Iterator[str]:
        """NEW, DUPLICATE or RESTATEMENT, by the hashes of the log alone."""
        given, found = became.given, became.delivery
        if given.facts["size"] == "0":
            yield from _unlike("what was landed of 0 bytes", found, None)
            return
        if found is None:
            yield "nothing was landed of it"
            return
        seen = [each for each in self._seen.get(given.path, []) if each != EMPTY]
        name, reverts_to = verdict(seen, given.bytes_hash)
        yield from _unlike("verdict", found.verdict, name)
        yield from _unlike("reverts_to", found.reverts_to, reverts_to)
        yield from _unlike("size", found.size, int(given.facts["size"]))
        self.figures.ours["same bytes as before"] += found.verdict == "DUPLICATE"
        self.figures.oracle["same bytes as before"] += given.facts["same_bytes_as_prev"] == "1"
        self.figures.ours["going back to older bytes"] += found.reverts_to is not None
        self.figures.oracle["going back to older bytes"] += reverts_to is not None

    def _reading(self, became: Became, content: bytes) -> Iterator[str]:
        given, row = became.given, became.batch
        assert row is not None
        [sniffed] = row.origin["sniffed"]
        headless = sniffed.get("header_line") is None
        yield from _unlike("mark", sniffed.get("bom", False), given.facts["bom"] == "1")
        yield from _unlike("encoding", sniffed["encoding"], "utf-8")
        yield from _unlike("delimiter", sniffed["delimiter"], given.facts["delimiter"])
        if not headless:
            yield from _unlike("columns", len(sniffed["columns"]), given.number("ncol"))
            yield from self._header(became, sniffed["columns"])
        rows = row.rows_staged + row.rows_quarantined
        # Where the contract knows of no header, the first line is a row like the others.
        yield from _unlike("rows", rows - headless, given.number("data_rows"))
        reasons = row.origin["read"]["reasons"]
        ragged = sum(n for reason, n in reasons.items() if reason in RAGGED)
        yield from _unlike("ragged rows", ragged, given.number("ragged_rows"))
        doubles = self._doubles(became)
        yield from _unlike("double rows", doubles, given.number("dup_rows"))
        self._add("rows", rows - headless, given.number("data_rows"))
        self._add("ragged rows", ragged, given.number("ragged_rows"))
        self._add("double rows", doubles, given.number("dup_rows"))
        self.figures.ours["rows in quarantine"] += row.rows_quarantined

    def _header(self, became: Became, columns: Sequence[str]) -> Iterator[str]:
        before = self._version_before(became)
        if before is None or before.batch is None:
            return
        had = before.batch.origin["sniffed"][0]["columns"]
        changed = list(columns) != list(had)
        yield from _unlike("changed header", changed, became.given.facts["header_changed"] == "1")
        self._add("changed headers", int(changed), int(became.given.facts["header_changed"]))

    def _restated(self, became: Became) -> Iterator[str]:
        wanted = [
            became.given.number(each)
            for each in ("value_cells_changed", "rows_added", "rows_removed")
        ]
        before = self._version_before(became)
        if wanted[0] is None or before is None or before.batch is None:
            return
        found = self.difference(before, became)
        names = ("cells changed", "rows added", "rows removed")
        for name, ours, theirs in zip(names, found, wanted, strict=True):
            yield from _unlike(name, ours, theirs)
            self._add(name, ours, theirs)

    def _version_before(self, became: Became) -> Became | None:
        """What the oracle compared a version with, where that was replayed as well."""
        before = self._before.get(became.given.path)
        follows = before is not None and before.given.version == became.given.version - 1
        return before if follows else None

    def difference(self, before: Became, after: Became) -> Difference:
        """Cells changed, rows added and rows removed between two batches, as wharf compares them.

        A column that is in one file only is none of the oracle's cells.
        """
        old, new = self.batch(before), self.batch(after)
        found = changes(
            self.replay.place.lake, old, new, self.replay.feed(after.given).key, shown=0
        )
        shared = _present(before, old) & _present(after, new)
        cells = sum(n for column, n in found.by_column.items() if column in shared)
        return cells, found.added, found.removed

    def batch(self, became: Became) -> Batch:
        """The batch that a delivery became, as its record in the lake says."""
        row = became.batch
        assert row is not None
        return self.replay.place.lake.read_batch(row.table, row.period, row.batch_id)

    def rows(self, became: Became) -> list[dict[str, Any]]:
        """The rows of a batch by its id, in the order of the file."""
        sql = self.replay.place.lake.scan_batches_sql([self.batch(became)])
        found = self._connection.execute(f"SELECT * FROM {sql} ORDER BY _line").to_arrow_table()
        return found.to_pylist()  # type: ignore[no-any-return]

    def lost(self, became: Became) -> Iterator[str]:
        """Where the rows of a batch, read now, are not those of the file that was delivered."""
        content = (self.payload / became.given.payload).read_bytes()
        feed = self.replay.feed(became.given)
        header, lines = plain_rows(content)
        if feed.format.header == 0:
            header, lines = list(feed.columns), [header, *lines]
        types = {each.name: each.type for each in self.batch(became).columns}
        spelled = {_word(text): name for name in types for text in (name,)}
        for name, spec in feed.columns.items():
            spelled |= {_word(text): name for text in (name, *spec.aliases)}
        names = [spelled[_word(cell)] for cell in header]
        nulls = feed.format.nulls
        wanted = [
            {n: value_of(types[n], text, nulls) for n, text in zip(names, line, strict=True)}
            for line in lines
        ]
        found = [{name: row[name] for name in names} for row in self.rows(became)]
        if found != wanted:
            yield f"{len(found)} rows are read, of {len(wanted)} in the file, or others"

    def miscounted(self, became: Became) -> Iterator[str]:
        """Where a batch, read now by its id, has another number of rows than were staged."""
        sql = self.replay.place.lake.scan_batches_sql([self.batch(became)])
        row = self._connection.execute(f"SELECT count(*) FROM {sql}").fetchone()
        assert row is not None
        assert became.batch is not None
        yield from _unlike("rows read by its batch", row[0], became.batch.rows_staged)

    def _doubles(self, became: Became) -> int:
        columns = [each.name for each in self.batch(became).columns if each.name not in SYSTEM]
        listed = ", ".join(f'"{each}"' for each in columns)
        sql = self.replay.place.lake.scan_batches_sql([self.batch(became)])
        row = self._connection.execute(
            f"SELECT (SELECT count(*) FROM {sql}) - count(*) FROM (SELECT DISTINCT {listed} "
            f"FROM {sql})"
        ).fetchone()
        assert row is not None
        return int(row[0])

    def _add(self, name: str, ours: int, theirs: int | None) -> None:
        self.figures.ours[name] += ours
        self.figures.oracle[name] += theirs or 0


EMPTY = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
"""The log's hash of no bytes at all."""


def expected_end(content: bytes, given: Delivered, seen: Sequence[str]) -> tuple[str, str]:
    """How a delivery must end, by its bytes alone, and a part of the reason."""
    if not content:
        return "waiting", ""
    if content.startswith(CONFLICT):
        return "refused", "merge conflict markers"
    if FOR_A_WHILE in content.splitlines()[0]:
        return "refused", "diagnosis_date"
    if seen and seen[-1] == given.bytes_hash:
        return "duplicate", "came again with the bytes of version"
    return "loaded", ""


def verdict(seen: Sequence[str], bytes_hash: str) -> tuple[str, int | None]:
    """What bytes are among those seen before of a file, oldest first."""
    versions = [each for at, each in enumerate(seen) if at == 0 or seen[at - 1] != each]
    if not versions:
        return "NEW", None
    if versions[-1] == bytes_hash:
        return "DUPLICATE", None
    before = [at for at, each in enumerate(versions, start=1) if each == bytes_hash]
    return "RESTATEMENT", before[-1] if before else None


def plain_rows(content: bytes) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a file, as Python's own reader gives them."""
    text = io.StringIO(content.decode("utf-8-sig"), newline="")
    header, *rows = csv.reader(text)
    return header, [row for row in rows if row]


def value_of(kind: str, text: str, nulls: Sequence[str]) -> Any:
    """What a cell must become under a type."""
    if text in nulls:
        return None
    if kind == "long":
        return int(text)
    if kind == "double":
        return float(text)
    if kind.startswith("decimal"):
        return Decimal(text)
    if kind == "date":
        pattern = "%m/%d/%Y" if "/" in text else "%Y-%m-%d"
        return _day(text, pattern)
    return text


def _day(text: str, pattern: str) -> date:
    return datetime.strptime(text, pattern).date()  # noqa: DTZ007


def _present(became: Became, batch: Batch) -> set[str]:
    """Columns that stood in the file; the batch has those of the contract that did not, too."""
    assert became.batch is not None
    findings: Sequence[Mapping[str, str]] = became.batch.findings
    dropped = {each["column"] for each in findings if each.get("kind") == "dropped_column"}
    columns: Sequence[LakeColumn] = batch.columns
    return {each.name for each in columns} - dropped


def _word(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())


def _unlike(what: str, ours: object, theirs: object) -> Iterator[str]:
    if ours != theirs:
        yield f"{what}: {ours!r}, not {theirs!r}"
