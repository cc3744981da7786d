"""The header: where it stands below a preamble, and which cell is which column of the contract."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from wharf.contracts import Column
from wharf.contracts.feed import SchemaPolicy
from wharf.reading.findings import Finding
from wharf.reading.guess import guess_header
from wharf.reading.refusals import Refused, listed, shown

MAX_COLUMNS: Final = 20_000
_POSITION: Final = re.compile(r"#[0-9]+")
_PUNCTUATION: Final = re.compile(r"[\W_]+")
SYSTEM: Final = ("_period", "_batch_id", "_file", "_line")


@dataclass(frozen=True)
class Mapped:
    """Which cell of a header holds which column of the table."""

    cells: Mapping[str, int]
    """Target name -> index of the cell; columns of the contract in its order, then new ones."""
    new: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unnamed: tuple[int, ...] = ()
    """Indexes of cells without a name; a value below one of them is a fault of its row."""
    findings: tuple[Finding, ...] = field(default=())


def plain(text: str) -> str:
    """Spell a header cell so that case, white space and punctuation do not matter."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _PUNCTUATION.sub("", folded) or folded.strip()


def column_name(text: str, index: int) -> str:
    """Make a column name of a header cell."""
    if _POSITION.fullmatch(text):
        return f"column_{text[1:]}"
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", folded).strip("_")[:60].rstrip("_")
    if not name:
        return f"column_{index + 1}"
    return name if name[0].isalpha() else f"n_{name}"


def labels(cells: Sequence[str]) -> tuple[str, ...]:
    """Header cells without the white space around them; a cell without a name is `#3`."""
    return tuple(" ".join(cell.split()) or f"#{i + 1}" for i, cell in enumerate(cells))


def place_header(
    file: str,
    rows: Sequence[Sequence[str]],
    numbers: Sequence[int],
    setting: str | int,
    columns: Mapping[str, Column] | None,
) -> int | None:
    """Find the header among the first rows of a file.

    Args:
        file: The file's name, for messages.
        rows: Cells of the first rows.
        numbers: On which line each row begins.
        setting: The contract's `format.header`: find, a line number, or 0 for none.
        columns: The contract's columns; None to guess.

    Returns:
        The index of the row; None where the file has no header.

    Raises:
        Refused: No row is the header that the contract asks for.
    """
    if columns is None:
        return guess_header(rows)
    if setting == 0:
        return None
    if setting != "find":
        rows = [row if numbers[i] == setting else () for i, row in enumerate(rows)]
        if all(_is_placed(column) for column in columns.values()) and any(rows):
            return next(i for i, row in enumerate(rows) if row)
    found = find_header(rows, columns, least=2 if setting == "find" else 1)
    if found is None:
        first = next((row for row in rows if any(cell.strip() for cell in row)), ())
        where = "line " + str(setting) if setting != "find" else f"the first {len(rows)} lines"
        seen = f"; it begins with {listed([cell for cell in first if cell.strip()], 5)}"
        reason = f"no header with columns such as {listed(list(columns), 3)} in {where}{seen}"
        raise Refused(file, "no_header", reason)
    return found


def find_header(
    rows: Sequence[Sequence[str]], columns: Mapping[str, Column], *, least: int = 2
) -> int | None:
    """Find the row that names the most columns of a contract.

    Returns:
        Its index, or None where no row names enough of them.
    """
    spelled: dict[str, set[str]] = {}
    for name, column in columns.items():
        if not _is_placed(column):
            for text in (name, *column.spellings):
                spelled.setdefault(plain(text), set()).add(name)
    wanted = len({name for names in spelled.values() for name in names})
    named = [
        len({name for cell in row if cell.strip() for name in spelled.get(plain(cell), ())})
        for row in rows
    ]
    best = max(named, default=0)
    if best < min(least, max(wanted, 1)) or best * 4 < wanted:
        return None
    return named.index(best)


def _is_placed(column: Column) -> bool:
    """Whether a column is found by its place, whatever its header cell says."""
    return any(map(_POSITION.fullmatch, column.aliases))


def map_header(
    file: str, cells: Sequence[str], columns: Mapping[str, Column], policy: SchemaPolicy
) -> Mapped:
    """Map header cells to columns by name.

    A cell matches a column by its exact spelling, else without case, white space and punctuation.

    Raises:
        Refused: Cells stand twice, columns are missing, or new ones are not allowed.
    """
    names = labels(cells)
    if len(names) > MAX_COLUMNS:
        raise Refused(file, "too_many_columns", f"it has {len(names):,} columns")
    matched = _match(file, names, columns)
    taken = set(matched.values())
    unnamed = tuple(i for i, cell in enumerate(cells) if i not in taken and not cell.strip())
    rest = [i for i in range(len(names)) if i not in taken and i not in set(unnamed)]
    findings: list[Finding] = []
    missing = _missing(file, matched, columns, policy, findings)
    new = _new(file, names, rest, matched, columns, policy, findings)
    ordered = {name: matched[name] for name in columns if name in matched}
    return Mapped({**ordered, **new}, tuple(new), missing, unnamed, tuple(findings))


def _match(file: str, names: Sequence[str], columns: Mapping[str, Column]) -> dict[str, int]:
    matched: dict[str, int] = {}
    exact, loose = _index(names), _index([plain(name) for name in names])
    for column, spec in columns.items():
        spellings = (column, *spec.spellings)
        found = _positions(spec, len(names))
        found = found or {i for text in spellings for i in exact.get(" ".join(text.split()), ())}
        found = found or {i for text in spellings for i in loose.get(plain(text), ())}
        if len(found) > 1:
            cells = listed([names[i] for i in sorted(found)])
            reason = f"{len(found)} header cells name column {column}: {cells}"
            raise Refused(file, "duplicate_header", reason)
        if found:
            matched[column] = found.pop()
    _refuse_rivals(file, names, matched, columns)
    twice = [names[i] for i, count in Counter(matched.values()).items() if count > 1]
    if twice:
        raise Refused(
            file, "duplicate_header", f"header cells name two columns each: {listed(twice)}"
        )
    return matched


def _positions(spec: Column, width: int) -> set[int]:
    """The place that an alias such as `#3` names, whatever stands there."""
    places = {int(alias[1:]) - 1 for alias in spec.aliases if _POSITION.fullmatch(alias)}
    return {place for place in places if place < width}


def _refuse_rivals(
    file: str,
    names: Sequence[str],
    matched: Mapping[str, int],
    columns: Mapping[str, Column],
) -> None:
    """Refuse a cell left over that reads like one of those that were matched exactly."""
    taken = {plain(names[i]): i for i in matched.values()}
    for column, i in matched.items():
        taken |= {plain(text): i for text in (column, *columns[column].spellings)}
    for i in sorted(set(range(len(names))) - set(matched.values())):
        if (rival := taken.get(plain(names[i]))) is not None:
            both = listed([names[rival], names[i]])
            raise Refused(file, "duplicate_header", f"header cells read alike: {both}")


def _index(names: Sequence[str]) -> dict[str, list[int]]:
    index: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        index.setdefault(name, []).append(i)
    return index


def _missing(
    file: str,
    matched: Mapping[str, int],
    columns: Mapping[str, Column],
    policy: SchemaPolicy,
    findings: list[Finding],
) -> tuple[str, ...]:
    missing = [name for name in columns if name not in matched]
    required = [name for name in missing if columns[name].required]
    if missing and (required or policy.dropped == "quarantine"):
        reason = f"columns of the contract are not in its header: {listed(missing)}"
        raise Refused(file, "missing_columns", reason)
    for name in missing:
        findings.append(
            Finding("dropped_column", f"column {name} is not in the file; it is null", column=name)
        )
    return tuple(missing)


def _new(
    file: str,
    names: Sequence[str],
    rest: Sequence[int],
    matched: Mapping[str, int],
    columns: Mapping[str, Column],
    policy: SchemaPolicy,
    findings: list[Finding],
) -> dict[str, int]:
    refuse_duplicates(file, [names[i] for i in rest])
    if rest and policy.new_column == "quarantine":
        found = listed([names[i] for i in rest])
        raise Refused(file, "new_columns", f"columns that the contract does not know: {found}")
    new: dict[str, int] = {}
    for i in rest:
        name = column_name(names[i], i)
        if policy.new_column == "ignore":
            text = f"new column {shown(names[i])} was left out"
            findings.append(Finding("ignored_column", text, column=name))
        elif name in new or name in columns or name in SYSTEM:
            taken = {**matched, **new}
            both = listed([names[taken[name]], names[i]] if name in taken else [names[i]])
            raise Refused(file, "duplicate_header", f"header cells read like column {name}: {both}")
        else:
            new[name] = i
            text = f"new column {shown(names[i])} was added as {name} (string)"
            findings.append(Finding("new_column", text, column=name))
    return new


def refuse_duplicates(file: str, names: Sequence[str]) -> None:
    """Refuse header cells that stand twice.

    Raises:
        Refused: At least one does; all of them are named.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise Refused(file, "duplicate_header", f"header cells stand twice: {listed(twice)}")


def by_position(file: str, width: int, columns: Mapping[str, Column]) -> Mapped:
    """Map the fields of a file without header to the contract's columns in their order.

    Raises:
        Refused: There are not as many fields as columns.
    """
    if width != len(columns):
        reason = f"it has {width} fields and no header; the contract has {len(columns)} columns"
        raise Refused(file, "missing_columns", reason)
    return Mapped({name: index for index, name in enumerate(columns)})


def as_found(file: str, cells: Sequence[str] | int, findings: list[Finding]) -> Mapped:
    """Take every cell of a header as a column of its own, for a file without a contract.

    Args:
        file: The file's name, for messages.
        cells: The header cells; their number where the file has no header.
        findings: Receives remarks.

    Raises:
        Refused: There are too many.
    """
    if isinstance(cells, int):
        return Mapped({f"column_{i + 1}": i for i in range(cells)})
    names = labels(cells)
    if len(names) > MAX_COLUMNS:
        raise Refused(file, "too_many_columns", f"it has {len(names):,} columns")
    mapped = _unique_names(names)
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        text = f"header cells stand twice: {listed(twice)}; their columns are numbered"
        findings.append(Finding("duplicate_header", text))
    for i, cell in enumerate(cells):
        if not cell.strip():
            text = f"header cell {i + 1} is empty"
            findings.append(Finding("unnamed_column", text, column=names[i]))
    return Mapped(mapped)


def _unique_names(labels: Sequence[str]) -> dict[str, int]:
    """Column names for header cells, in their order; a cell that is a name already keeps it."""
    taken = {label for i, label in enumerate(labels) if column_name(label, i) == label}
    mapped: dict[str, int] = {}
    for i, label in enumerate(labels):
        name = base = column_name(label, i)
        number = 2
        while name in mapped or (name != label and name in taken):
            name, number = f"{base}_{number}", number + 1
        taken.add(name)
        mapped[name] = i
    return mapped
