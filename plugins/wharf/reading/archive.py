"""Zip archives: which of their members are read, and all of them expanded within one limit."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path, PurePosixPath
from typing import Final

from wharf.reading.refusals import Refused, listed, shown
from wharf.reading.unpack import Budget, Limits, Plain, expand, is_archive, once, whole

MOST: Final = 1_000
"""Members of one archive that are read: each is a file with counts of its own."""
_BESIDE: Final = {".json", ".txt", ".pdf", ".md", ".html", ".xml", ""}
"""What describes a table beside it in an archive, where no contract says otherwise."""
_CLUTTER: Final = {"Thumbs.db", "desktop.ini"}
_LOCAL_HEADER: Final = 30


@dataclass(frozen=True)
class Choice:
    """Which members of an archive are read."""

    pattern: str | None = None
    """The contract's; None to read the only table in it."""
    several: bool = False
    """Whether several are read where there is no pattern."""


@dataclass(frozen=True)
class Member:
    """One table of a delivered file, without compression."""

    plain: Plain
    name: str
    """As it stands in `_file`; a member of several stands behind its archive and a `!`."""
    size: int
    """Bytes as it was delivered."""


@dataclass(frozen=True)
class Unpacked:
    """The tables of a delivered file."""

    members: Sequence[Member]
    left: Sequence[str] = ()
    """Members of the archive that are not read."""


def unpack(
    path: Path, name: str, work: Path, choice: Choice, limits: Limits | None = None
) -> Unpacked:
    """Undo one layer of compression, if the content has one.

    Args:
        path: The file.
        name: How the supplier calls it.
        work: Folder for expanded copies.
        choice: Which members are read, where it is an archive.
        limits: How far it may expand, all its members together.

    Raises:
        Refused: It is damaged, cut off, unsafe, encrypted, expands too far, or nobody can say which
            members are meant.
    """
    packed = path.stat().st_size
    if not is_archive(path):
        return Unpacked([Member(expand(path, name, work, limits), name, packed)])
    budget = Budget(name, packed, limits or Limits())
    with whole(name, "zip"), zipfile.ZipFile(path) as archive:
        chosen, left = _chosen(archive, name, choice)
        alone = choice.pattern is None and len(chosen) == 1
        members = []
        for number, each in enumerate(chosen):
            target = work / (f"expanded-{number}" if number else "expanded")
            with archive.open(each) as source, target.open("wb") as out:
                budget.copy(source, out)
            called = name if alone else f"{name}!{each.filename}"
            once(target, called, "zip")
            size = packed if alone else each.compress_size
            members.append(Member(Plain(target, "zip"), called, size))
    return Unpacked(members, [each.filename for each in left])


def pattern_of(members: Sequence[str], alone: bool) -> str | None:
    """A pattern that takes these members and none that lie beside them; None where there is none.

    Args:
        members: Their names.
        alone: Whether the archive holds nothing else.
    """
    ends = {PurePosixPath(each).suffix.lower() for each in members}
    if len(ends) == 1 and not ends & _BESIDE:
        return f"*{escape(*ends)}"
    return "*" if alone else None


def _chosen(
    archive: zipfile.ZipFile, name: str, choice: Choice
) -> tuple[list[zipfile.ZipInfo], list[zipfile.ZipInfo]]:
    members = [each for each in archive.infolist() if not _is_clutter(each)]
    if unsafe := [each.filename for each in members if _leaves(each.filename)]:
        raise Refused(name, "unsafe_archive", f"a member leaves the archive: {listed(unsafe)}")
    if not members:
        raise Refused(name, "empty", "it is an archive without files")
    _refuse_overlap(members, name)
    chosen = _meant(members, name, choice)
    if locked := [each.filename for each in chosen if each.flag_bits & 1]:
        raise Refused(name, "encrypted", f"member {shown(locked[0])} has a password")
    if len(chosen) > MOST:
        reason = f"{len(chosen):,} of its members would be read, {MOST:,} is the most"
        raise Refused(name, "too_large", reason)
    taken = {id(each) for each in chosen}
    return chosen, [each for each in members if id(each) not in taken]


def _meant(members: list[zipfile.ZipInfo], name: str, choice: Choice) -> list[zipfile.ZipInfo]:
    named = listed([each.filename for each in members])
    if choice.pattern is not None:
        found = [each for each in members if _matches(each.filename, choice.pattern)]
        if not found:
            reason = f"none of its members is {shown(choice.pattern)}; members: {named}"
            raise Refused(name, "no_member", reason)
        return found
    tables = [each for each in members if not _is_beside(each.filename)] or members
    if len(tables) > 1 and not choice.several:
        raise Refused(name, "several_files", f"it is an archive of {len(members)}: {named}")
    return tables


def _matches(member: str, pattern: str) -> bool:
    return fnmatchcase(member.lower(), pattern.lower())


def _is_beside(member: str) -> bool:
    return PurePosixPath(member).suffix.lower() in _BESIDE


def _is_clutter(member: zipfile.ZipInfo) -> bool:
    """What file managers leave in archives; nobody means to deliver it."""
    last = member.filename.rpartition("/")[2]
    return (
        member.is_dir()
        or member.filename.startswith("__MACOSX/")
        or (last.startswith(".") and not last.startswith(".."))
        or last in _CLUTTER
    )


def _leaves(member: str) -> bool:
    parts = member.replace("\\", "/").split("/")
    return ".." in parts or member.startswith(("/", "\\")) or ":" in parts[0]


def _refuse_overlap(members: Sequence[zipfile.ZipInfo], name: str) -> None:
    """Members that share bytes are made to expand without end."""
    end, before = 0, ""
    for each in sorted(members, key=lambda member: member.header_offset):
        if each.header_offset < end:
            pair = listed([before, each.filename])
            raise Refused(name, "unsafe_archive", f"members share the same bytes: {pair}")
        end, before = each.header_offset + _LOCAL_HEADER + each.compress_size, each.filename
