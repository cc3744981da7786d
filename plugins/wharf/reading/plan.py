"""Reading, first half: what the files of a delivery hold, every cell still as it was written."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb

from wharf.contracts import Column
from wharf.contracts.feed import SchemaPolicy
from wharf.contracts.formats import FileFormat
from wharf.reading.archive import Choice, Member, unpack
from wharf.reading.content import kind_of, refuse_conflict_markers, refuse_no_file
from wharf.reading.delimited import open_delimited
from wharf.reading.findings import Finding
from wharf.reading.fixed_width import open_fixed
from wharf.reading.json_lines import LOOKS_LIKE_JSON, open_json_lines
from wharf.reading.opened import Opened, Sniffed, SourceFile, Wanted, text
from wharf.reading.parquet_file import open_parquet
from wharf.reading.refusals import Refused, listed, without_texts
from wharf.reading.together import refuse_unlike
from wharf.reading.unpack import Limits, remove
from wharf.reading.workbook import open_workbook

_SAID = {
    "excel": "a workbook", "parquet": "a Parquet file", "jsonl": "JSON", "csv": "plain text",
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """The files of a delivery, read and counted; `write_plan` casts and writes them.

    Holds a database in memory and a working folder; both go when the plan does.
    """

    columns: Mapping[str, str]
    """Target column -> Iceberg type: the contract's, then new ones as string."""
    findings: tuple[Finding, ...]
    sniffed: tuple[Sniffed, ...]
    files: tuple[Opened, ...] = field(repr=False)
    specs: Mapping[str, Column] = field(repr=False)
    format: FileFormat | None = field(repr=False)
    connection: duckdb.DuckDBPyConnection = field(repr=False)
    limits: Limits = field(repr=False)

    @property
    def rows(self) -> int:
        """Rows in all files that have cells to cast."""
        return sum(each.layout.rows for each in self.files)


def plan_reading(
    files: Sequence[SourceFile],
    format: FileFormat | None,
    columns: Mapping[str, Column] | None,
    policy: SchemaPolicy,
    *,
    work: Path | None = None,
    limits: Limits | None = None,
) -> Plan:
    """Read the files of a delivery as their contract says, casting nothing yet.

    Args:
        files: The parts of the delivery, in the order of the contract.
        format: The contract's format; None to find out.
        columns: The contract's columns; None to take whatever is there as string.
        policy: What new and dropped columns lead to.
        work: Folder for expanded and converted copies; a temporary one by default.
        limits: How far compressed files may expand, and what the database may take.

    Raises:
        DeliveryRefused: A file cannot be read so; it names file, reason and next step.
    """
    folder = Path(tempfile.mkdtemp(prefix="wharf-read-", dir=work))
    limits = limits or Limits()
    connection = open_database(folder, limits)
    wanted = Wanted(format, columns, policy)
    try:
        opened = tuple(
            one
            for number, each in enumerate(files)
            for one in _open_all(connection, f"f{number}", each, wanted, folder, limits)
        )
        specs = _specs(columns, opened)
        _refuse_same_names(opened)
    except BaseException as error:
        connection.close()
        remove(folder)
        if isinstance(error, Refused) and columns and any(c.sensitive for c in columns.values()):
            # Without what caused it: that names the same cells.
            raise without_texts(error, columns) from None
        raise
    plan = Plan(
        {name: spec.type for name, spec in specs.items()},
        tuple(replace(f, file=each.name) for each in opened for f in each.findings),
        tuple(each.sniffed for each in opened),
        opened,
        specs,
        format,
        connection,
        limits,
    )
    weakref.finalize(plan, _drop, connection, folder)
    return plan


def open_database(folder: Path, limits: Limits) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB in memory that keeps to its folder, its limits and the order of rows."""
    connection = duckdb.connect(":memory:")
    for setting in (
        "TimeZone = 'UTC'",
        "Calendar = 'gregorian'",
        "preserve_insertion_order = true",
        f"memory_limit = '{limits.memory >> 20}MiB'",
        *([f"threads = {limits.threads}"] if limits.threads else []),
        f"temp_directory = {text(str(folder / 'spill'))}",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "enable_progress_bar = false",
    ):
        connection.execute(f"SET {setting}")
    return connection


def _drop(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    connection.close()
    remove(folder)


def _open_all(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    file: SourceFile,
    wanted: Wanted,
    folder: Path,
    limits: Limits | None,
) -> list[Opened]:
    """Open all tables of a delivered file: itself, or the members of an archive that are read."""
    refuse_no_file(file.path, file.name)
    work = folder / relation
    work.mkdir()
    unpacked = unpack(file.path, file.name, work, _choice(wanted), limits)
    opened = []
    for number, member in enumerate(unpacked.members):
        own = work / f"m{number}"
        own.mkdir()
        opened.append(_open(connection, f"{relation}m{number}", member, wanted, own))
    if wanted.columns is None:
        refuse_unlike(file.name, opened)
    if unpacked.left:
        left = Finding("members", f"not read of the archive: {listed(list(unpacked.left))}")
        opened[0] = replace(opened[0], findings=(left, *opened[0].findings))
    return opened


def _choice(wanted: Wanted) -> Choice:
    pattern = wanted.format.members if wanted.format else None
    return Choice(pattern, several=wanted.columns is None)


def _open(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    member: Member,
    wanted: Wanted,
    work: Path,
) -> Opened:
    name, plain = member.name, member.plain
    kind = _kind(plain.path, name, wanted.format)
    if kind == "parquet":
        opened = open_parquet(connection, relation, plain.path, name, wanted)
    else:
        reader = {
            "excel": open_workbook,
            "jsonl": open_json_lines,
            "csv": open_delimited,
            "fixed": open_fixed,
        }[kind]
        opened = reader(connection, relation, plain.path, name, wanted, work)
    if problem := opened.layout.problem():
        raise Refused(name, "counts", f"its lines do not reconcile: {problem}")
    sniffed = replace(opened.sniffed, compression=plain.compression)
    return replace(opened, sniffed=sniffed, size=member.size)


def _kind(path: Path, name: str, fmt: FileFormat | None) -> str:
    """The format to read a file as: the bytes decide, and must agree with the contract."""
    seen = kind_of(path, name)
    if seen in {"text", "json"}:
        refuse_conflict_markers(path, name)
    if seen in {"text", "json"} and fmt is not None and fmt.kind == "fixed":
        return "fixed"
    if seen in {"text", "json"} and fmt is not None and fmt.kind in {"csv", "jsonl", "json"}:
        with path.open("rb") as handle:
            json_like = bool(LOOKS_LIKE_JSON.match(handle.read(4096).lstrip(b"\xef\xbb\xbf")))
        if fmt.kind == "csv" and not (seen == "json" and json_like):
            return "csv"
        if fmt.kind in {"jsonl", "json"} and seen == "json":
            return "jsonl"
    kind = {"text": "csv", "json": "jsonl"}.get(seen, seen)
    if fmt is not None and fmt.kind != kind:
        reason = f"the contract says {fmt.kind}, the file is {_SAID[kind]}"
        raise Refused(name, "other_format", reason)
    return kind


def _specs(columns: Mapping[str, Column] | None, opened: Sequence[Opened]) -> dict[str, Column]:
    """Columns of the table: the contract's (those that may be missing, too), then new ones."""
    specs = dict(columns or {})
    for each in opened:
        for name in each.mapped.cells:
            specs.setdefault(name, Column(type="string"))
    return specs


def _refuse_same_names(opened: Sequence[Opened]) -> None:
    """Parts of one delivery have names of their own, so that `_file` tells them apart."""
    names = [each.name for each in opened]
    if len(set(names)) != len(names):
        twice = next(each for each in names if names.count(each) > 1)
        raise Refused(twice, "several_files", "two parts of this delivery have the same name")
