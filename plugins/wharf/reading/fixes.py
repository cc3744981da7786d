"""Corrected rows in place of quarantined ones: read by the same rules, no row lost on the way."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from wharf.contracts import Column
from wharf.contracts.feed import SchemaPolicy
from wharf.contracts.formats import CsvFormat, JsonLinesFormat
from wharf.contracts.shapes import is_nested
from wharf.reading.counts import Counts, FileCounts
from wharf.reading.field_ids import FieldIds, with_ids
from wharf.reading.fixed_file import Fix, Place
from wharf.reading.json_values import Unusable, as_texts, read_value
from wharf.reading.opened import SourceFile
from wharf.reading.parts import parts_of
from wharf.reading.plan import Plan, plan_reading
from wharf.reading.quarantine import SCHEMA
from wharf.reading.records import count_breaks
from wharf.reading.refusals import Refused
from wharf.reading.shapes import HIDDEN, Cells, Shape, cells_of, shape_of
from wharf.reading.write import SYSTEM, write_plan

_MARK: Final = "wharf_row"
_NULL: Final = "wharf: no value 3f1c"
AGAIN: Final = " (as corrected by hand)"
"""Follows the reason of a row that a correction did not make good."""
_PLAIN: Final = CsvFormat(kind="csv", header=1)
_OBJECTS: Final = JsonLinesFormat(kind="jsonl")
_POLICY: Final = SchemaPolicy(new_column="quarantine", dropped="null_fill")
HeldRow = Mapping[str, Any]


@dataclass(frozen=True)
class Repaired:
    """What corrections made of a delivery that was read."""

    counts: Counts
    fixed: int
    """Rows that are good now."""
    dropped: int
    unused: tuple[Fix, ...]
    """Corrections of rows that are not in quarantine."""


@dataclass(frozen=True)
class _Row:
    """One quarantined row with its correction."""

    fix: Fix
    held: HeldRow
    cells: Cells | None
    """None where a hidden value is not known."""

    @property
    def place(self) -> Place:
        return self.held["file"], self.held["line"], self.held["byte"]


def repair(
    plan: Plan,
    counts: Counts,
    fixes: Sequence[Fix],
    *,
    good: Path,
    bad: Path,
    field_ids: Mapping[str, FieldIds],
    constants: Mapping[str, str],
    work: Path,
) -> Repaired:
    """Put corrected rows in the place of quarantined ones.

    Args:
        plan: What was read of the delivery.
        counts: What `write_plan` counted.
        fixes: Corrections; a later one of the same row wins.
        good: Parquet file to write the corrected rows to; left out when there are none.
        bad: The quarantine file, written anew without the rows that are good or left out now.
        field_ids: As for `write_plan`.
        constants: As for `write_plan`.
        work: Folder for temporary files.

    Raises:
        DeliveryRefused: The counts do not reconcile.
    """
    shapes = {each.name: shape_of(each) for each in plan.files}
    rows, unused = _meet(bad, fixes, shapes)
    dropped = {row.place for row in rows if row.fix.drop}
    wanted = [row for row in rows if not row.fix.drop and row.cells is not None]
    faults = {row.place: ("", "a hidden value is not known") for row in rows if row.cells is None}
    if wanted:
        faults |= _cast(plan, wanted, good, field_ids, constants, work)
    fixed = {row.place for row in wanted if row.place not in faults}
    reasons = _keep_the_rest(bad, fixed | dropped, faults)
    files = tuple(_count(each, fixed, dropped) for each in counts.files)
    told = Counts(files, dict(reasons.most_common()))
    if told.rows_in_file != counts.rows_in_file or reasons.total() != told.rows_quarantined:
        raise Refused(counts.files[0].name, "counts", "corrected rows do not reconcile")
    return Repaired(told, len(fixed), len(dropped), unused)


def unmet(bad: Path, fixes: Sequence[Fix], shapes: Mapping[str, Shape]) -> list[tuple[Fix, str]]:
    """Corrections that cannot be used, each with the reason."""
    rows, unused = _meet(bad, fixes, shapes)
    hidden = "holds a hidden value that cannot be known from the row; type the value itself"
    return [
        *((each, "is not in quarantine") for each in unused),
        *((row.fix, hidden) for row in rows if row.cells is None),
    ]


def _meet(
    bad: Path, fixes: Sequence[Fix], shapes: Mapping[str, Shape]
) -> tuple[list[_Row], tuple[Fix, ...]]:
    """Find the quarantined row of each correction."""
    held: dict[tuple[str, int], list[HeldRow]] = {}
    places = {(fix.file, fix.line) for fix in fixes}
    for row in _held(bad):
        if (row["file"], row["line"]) in places:
            held.setdefault((row["file"], row["line"]), []).append(row)
    met: dict[Place, _Row] = {}
    unused = []
    for fix in fixes:
        found = [
            row
            for row in held.get((fix.file, fix.line), [])
            if fix.byte is None or row["byte"] in {None, fix.byte}
        ]
        if len(found) != 1:
            unused.append(fix)
            continue
        one = _Row(fix, found[0], _cells(fix, found[0], shapes.get(fix.file)))
        met[one.place] = one
    return list(met.values()), tuple(unused)


def _cells(fix: Fix, held: HeldRow, shape: Shape | None) -> Cells | None:
    """The row as corrected: what was given, else what the supplier wrote."""
    if fix.drop:
        return {}
    own = (cells_of(shape, held["raw"] or "") if shape else None) or {}
    given = {name: value for name, value in fix.cells.items() if value != HIDDEN}
    # A table of texts does not tell an empty one from none.
    given |= {
        name: own[name] for name, value in given.items() if not value and not own.get(name, 1)
    }
    if any(name not in own for name in set(fix.cells) - set(given)):
        return None
    return {**own, **given}


def _held(bad: Path) -> Iterator[HeldRow]:
    with pq.ParquetFile(bad) as file:
        for some in file.iter_batches():
            yield from some.to_pylist()


def _cast(
    plan: Plan,
    rows: Sequence[_Row],
    good: Path,
    field_ids: Mapping[str, FieldIds],
    constants: Mapping[str, str],
    work: Path,
) -> dict[Place, tuple[str, str]]:
    """Write the rows that are good now; gives what is wrong with the others."""
    source, write = work / "fixed", _write_plain
    format_: CsvFormat | JsonLinesFormat = _PLAIN
    nested = frozenset(name for name, column in plan.specs.items() if is_nested(column.type))
    if nested:
        format_, write = _OBJECTS, partial(_write_objects, nested=nested)
    lines = write(source, [*plan.specs], rows)
    specs = {_MARK: Column(type="long", required=True), **_with_null(plan)}
    # Kept by a name: what was read goes when the plan does.
    read = plan_reading([SourceFile(source, source.name)], format_, specs, _POLICY, work=work)
    cast = replace(read, format=plan.format)
    out, rest = work / "fixed-good.parquet", work / "fixed-bad.parquet"
    write_plan(cast, good=out, bad=rest, field_ids={}, constants=constants, work=work)
    table = pa.concat_tables([pq.read_table(part) for part in parts_of(out)])
    if table.num_rows:
        places = [rows[number].place for number in table.column(_MARK).to_pylist()]
        pq.write_table(_in_place(table, plan, places, field_ids), good, compression="zstd")
    return {
        rows[lines[row["line"]]].place: (row["column"] or "", row["reason"]) for row in _held(rest)
    }


def _write_plain(path: Path, names: Sequence[str], rows: Sequence[_Row]) -> dict[int, int]:
    """Write corrected rows as plain CSV; gives the row that begins on each line."""
    lines, at = {}, 2
    with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([_MARK, *names])
        for number, row in enumerate(rows):
            values = [(row.cells or {}).get(name) for name in names]
            texts = [_NULL if value is None else value for value in values]
            lines[at] = number
            writer.writerow([number, *texts])
            at += 1 + sum(count_breaks(text.encode("utf-8", "replace")) for text in texts)
    return lines


def _write_objects(
    path: Path, names: Sequence[str], rows: Sequence[_Row], *, nested: Collection[str]
) -> dict[int, int]:
    """The same as JSON lines, for cells that plain CSV has not: structs, lists and maps."""
    with path.open("wb") as file:
        for number, row in enumerate(rows):
            cells = row.cells or {}
            own = [(name, cells.get(name), None, False) for name in names if name not in nested]
            inner = [(name, _value(cells.get(name)), None, True) for name in nested]
            file.write(as_texts([(_MARK, str(number), None, False), *own, *inner]))
    return {number + 1: number for number in range(len(rows))}


def _value(text: str | None) -> Any:
    """The JSON value of a cell; a text that is none stays one, and fits no nested column."""
    try:
        return read_value(text.encode("utf-8", "replace")) if text else None
    except Unusable:
        return text


def _with_null(plan: Plan) -> dict[str, Column]:
    """The columns, taking one more text for no value."""
    shared = plan.format.nulls if plan.format else ("",)
    return {
        name: column.model_copy(
            update={
                "nulls": (*(shared if column.nulls is None else column.nulls), _NULL),
                "aliases": (),
            }
        )
        for name, column in plan.specs.items()
    }


def _in_place(
    table: pa.Table, plan: Plan, places: Sequence[Place], field_ids: Mapping[str, FieldIds]
) -> pa.Table:
    """The rows with the file and line that the supplier wrote them on."""
    own = {
        "_file": pa.array([file for file, _, _ in places], pa.string()),
        "_line": pa.array([line for _, line, _ in places], pa.int64()),
    }
    names = [*plan.columns, *SYSTEM]
    columns = [own[name] if name in own else table.column(name) for name in names]
    fields = [
        with_ids(table.schema.field(name), field_ids[name])
        if field_ids
        else table.schema.field(name).remove_metadata()
        for name in names
    ]
    found = pa.table(columns, names=names)
    return found.cast(pa.schema(fields))


def _keep_the_rest(
    bad: Path, gone: set[Place], faults: Mapping[Place, tuple[str, str]]
) -> Counter[str]:
    """Write the quarantine file anew; gives its rows by reason."""
    reasons: Counter[str] = Counter()
    fresh = bad.with_name(f"{bad.name}.new")
    with pq.ParquetFile(bad) as file, pq.ParquetWriter(fresh, SCHEMA, compression="zstd") as out:
        for some in file.iter_batches():
            kept = list(_kept(some.to_pylist(), gone, faults))
            reasons.update(
                f"{row['column']}: {row['reason']}" if row["column"] else row["reason"]
                for row in kept
            )
            out.write_table(pa.Table.from_pylist(kept, SCHEMA))
    fresh.replace(bad)
    return reasons


def _kept(
    rows: Iterable[dict[str, Any]], gone: set[Place], faults: Mapping[Place, tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    for row in rows:
        place = (row["file"], row["line"], row["byte"])
        if place in gone:
            continue
        if place in faults:
            column, reason = faults[place]
            row = {**row, "column": column or None, "reason": f"{reason}{AGAIN}"}
        yield row


def _count(file: FileCounts, fixed: set[Place], dropped: set[Place]) -> FileCounts:
    good, out = (sum(name == file.name for name, _, _ in places) for places in (fixed, dropped))
    return replace(
        file,
        rows_staged=file.rows_staged + good,
        rows_quarantined=file.rows_quarantined - good - out,
        rows_dropped=file.rows_dropped + out,
    )
