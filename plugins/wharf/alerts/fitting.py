"""Fitting: cut a message to what a channel takes, in its fixed order, never inside a character.

Cutting comes before escaping: the size of a character is that of what it is written as, so that
no entity, escape sequence or surrogate pair is ever cut in two.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence

from wharf.alerts.message import Section

Size = Callable[[str], int]
_ELLIPSIS = "…"


def utf16(text: str) -> int:
    """Length as most web services count it: characters beyond the first 65,536 are two."""
    return len(text) + sum(ord(each) > 0xFFFF for each in text)


def json_bytes(text: str) -> int:
    """Bytes of a text inside JSON, whether it travels as UTF-8 or is counted as UTF-16."""
    written = json.dumps(text, ensure_ascii=False)[1:-1]
    return max(len(written.encode(errors="replace")), 2 * utf16(written))


def cut(text: str, longest: int, size: Size = utf16) -> str:
    """The beginning of a text that fits, with an ellipsis where something was left out."""
    if size(text) <= longest:
        return text
    room = longest - size(_ELLIPSIS)
    if room < 0:
        return ""
    kept, too_many = 0, len(text)
    while too_many - kept > 1:
        middle = (kept + too_many) // 2
        kept, too_many = (middle, too_many) if size(text[:middle]) <= room else (kept, middle)
    return text[:kept].rstrip() + _ELLIPSIS


def cut_lines(lines: Sequence[str], longest: int, size: Size = utf16) -> str:
    """Lines that fit, one under the other; how many more there are stands at the end."""
    if not lines:
        return ""
    if size("\n".join(lines)) <= longest:
        return "\n".join(lines)
    rest = f"\nand {len(lines)} more"
    room, told = longest - size(rest), 0
    for line in lines:
        room -= size(f"{line}\n")
        if room < 0:
            break
        told += 1
    if told:
        return "\n".join([*lines[:told], f"and {len(lines) - told} more"])
    if len(lines) == 1:
        return cut(lines[0], longest, size)
    rest = f"\nand {len(lines) - 1} more"
    return cut(lines[0], longest - size(rest), size) + rest if longest > size(rest) else ""


def fit(
    sections: Iterable[Section], longest: int, longest_part: int, size: Size = utf16
) -> list[tuple[str, str]]:
    """Title and text of each section, in order, together within a limit.

    Short sections stay whole; what is too long shares the room that they leave.

    Args:
        sections: What is to be said.
        longest: Size of all titles and texts together.
        longest_part: Size of one text.
        size: How a text is measured.
    """
    told = [(section.title, section.lines) for section in sections]
    room = longest - sum(size(title) for title, _ in told)
    wanted = [min(size("\n".join(lines)), longest_part) for _, lines in told]
    shares = _share(wanted, room)
    return [
        (title, cut_lines(lines, share, size))
        for (title, lines), share in zip(told, shares, strict=True)
    ]


def _share(wanted: Sequence[int], room: int) -> list[int]:
    """Give each what it wants, the smallest first, and the rest in equal parts."""
    shares = [0] * len(wanted)
    left, waiting = max(room, 0), len(wanted)
    for index in sorted(range(len(wanted)), key=lambda each: wanted[each]):
        shares[index] = min(wanted[index], left // waiting)
        left -= shares[index]
        waiting -= 1
    return shares
