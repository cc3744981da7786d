"""A file of quarantined rows that somebody corrected: read whole, or refused with the line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wharf.contracts import Column
from wharf.contracts.feed import SchemaPolicy
from wharf.reading.opened import Opened, SourceFile
from wharf.reading.plan import Plan, plan_reading
from wharf.reading.refusals import Refused, shown
from wharf.spreadsheet import unguard

# Columns of ours in a file of quarantined rows, beside those of the table.
FILE: Final = "wharf_file"
LINE: Final = "wharf_line"
BYTE: Final = "wharf_byte"
COLUMN: Final = "wharf_column"
REASON: Final = "wharf_reason"
DO: Final = "wharf_do"
RAW: Final = "wharf_raw"
HEAD: Final = (DO, FILE, LINE, BYTE, COLUMN, REASON)
_ACTS: Final = {"": False, "fix": False, "drop": True}
_POLICY: Final = SchemaPolicy(new_column="quarantine", dropped="null_fill")
Place = tuple[str, int, int | None]


@dataclass(frozen=True)
class Fix:
    """What somebody made of one quarantined row."""

    file: str
    line: int
    byte: int | None
    drop: bool
    """Whether the row is left out for good."""
    cells: Mapping[str, str | None]
    """Its cells by column; a column that is not here stays as the supplier wrote it."""

    @property
    def place(self) -> Place:
        """Where the row stands in what the supplier delivered."""
        return self.file, self.line, self.byte


def read_fixes(path: Path, name: str, columns: Iterable[str], work: Path) -> list[Fix]:
    """Read a file of corrected rows: CSV, a workbook, JSON lines or Parquet.

    Args:
        path: The file.
        name: What somebody called it.
        columns: Columns that a row of the table may have.
        work: Folder for temporary files.

    Raises:
        DeliveryRefused: It is no such file; the message names line, value and choices.
    """
    text = Column(type="string")
    specs = dict.fromkeys([*HEAD, RAW, *columns], text)
    specs |= dict.fromkeys((FILE, LINE), text.model_copy(update={"required": True}))
    plan = plan_reading([SourceFile(path, name)], None, specs, _POLICY, work=work)
    [opened] = plan.files
    for line, _, _, reason in opened.layout.rejects:
        raise Refused(name, "unreadable", f"line {line}: {reason}")
    every = [_fix(name, line, cells) for line, cells in _rows(plan, opened)]
    # A row of which nobody wrote a cell is not corrected: it stays where it is.
    fixes = [fix for fix in every if fix.drop or any(fix.cells.values())]
    seen: dict[Place, int] = {}
    for number, fix in enumerate(fixes, start=1):
        if fix.place in seen:
            twice = f"rows {seen[fix.place]} and {number} are both line {fix.line} of"
            raise Refused(name, "unreadable", f"{twice} {shown(fix.file)}; keep one of them")
        seen[fix.place] = number
    return fixes


def _rows(plan: Plan, opened: Opened) -> Iterable[tuple[int, dict[str, str | None]]]:
    names = list(opened.mapped.cells)
    cells = ", ".join(f"c{opened.mapped.cells[each]}::VARCHAR" for each in names)
    found = plan.connection.execute(f"SELECT _line, {cells} FROM {opened.relation} ORDER BY _row")
    typed = opened.sniffed.kind in {"csv", "excel"}
    for line, *values in found.fetchall():
        yield line, dict(zip(names, _unguarded(values) if typed else values, strict=True))


def _unguarded(values: Sequence[str | None]) -> list[str | None]:
    return [None if each is None else unguard(each) for each in values]


def _fix(name: str, line: int, cells: Mapping[str, str | None]) -> Fix:
    said = (cells.get(DO) or "").strip().lower()
    if said not in _ACTS:
        reason = f"line {line}: {DO} is {shown(said)}; use fix, drop, or nothing for fix"
        raise Refused(name, "unreadable", reason)
    numbers = {each: (cells.get(each) or "").strip().removesuffix(".0") for each in (LINE, BYTE)}
    if not cells.get(FILE) or not numbers[LINE].isdecimal():
        reason = f"line {line}: {FILE} and {LINE} must stay as they were exported"
        raise Refused(name, "unreadable", reason)
    return Fix(
        file=str(cells[FILE]),
        line=int(numbers[LINE]),
        byte=int(numbers[BYTE]) if numbers[BYTE].isdecimal() else None,
        drop=_ACTS[said],
        cells={each: value for each, value in cells.items() if each not in {*HEAD, RAW}},
    )
