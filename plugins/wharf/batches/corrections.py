"""Corrections of quarantined rows, read from the files that people handed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from wharf.lake import Landing
from wharf.ledger.fixes import FixedFile
from wharf.reading import Counts, Plan, repair
from wharf.reading.field_ids import FieldIds
from wharf.reading.fixed_file import Fix, read_fixes


def correct(
    landing: Landing,
    files: Sequence[FixedFile],
    plan: Plan,
    counts: Counts,
    *,
    good: Path,
    bad: Path,
    field_ids: Mapping[str, FieldIds],
    constants: Mapping[str, str],
    work: Path,
) -> Counts:
    """Put the corrections in force in the place of quarantined rows; see `reading.repair`.

    Returns:
        The counts as they are then; those given where nothing was corrected.

    Raises:
        DeliveryRefused: The counts do not reconcile.
        LakeError: A file of corrections is damaged or gone.
    """
    if not files:
        return counts
    fixes = read_corrections(landing, files, plan.columns, work)
    return repair(
        plan, counts, fixes,
        good=good, bad=bad, field_ids=field_ids, constants=constants, work=work,
    ).counts  # fmt: skip


def read_corrections(
    landing: Landing, files: Sequence[FixedFile], columns: Iterable[str], work: Path
) -> list[Fix]:
    """Read the corrections in force of what was delivered, oldest first.

    Args:
        landing: Where the files lie.
        files: The files, with the delivered files that they are about.
        columns: Columns that a row of the table may have.
        work: Folder for temporary files.

    Returns:
        Corrections that name delivered files as they are called now.

    Raises:
        LakeError: A file is damaged or gone.
    """
    known = list(columns)
    found = []
    for each in files:
        local = landing.fetch(each.uri, work / f"corrections-{each.decision}")
        for fix in read_fixes(local, each.name, known, work):
            if name := _called_now(fix.file, each):
                found.append(replace(fix, file=name))
    return found


def _called_now(name: str, file: FixedFile) -> str | None:
    """A delivered file's name now; a file inside of an archive follows the archive's name."""
    if name in file.paths:
        return file.paths[name]
    for old, new in file.paths.items():
        if name.startswith(old) and not name[len(old)].isalnum():
            return new + name[len(old) :]
    return None
