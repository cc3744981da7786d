"""Texts that are no table, whatever they are called: named, so that nobody takes them for rows."""

from __future__ import annotations

import re
from typing import Final

_STARTS: Final = (
    (rb"BEGIN:VCARD", "a vCard"),
    (rb"BEGIN:V(?:CALENDAR|EVENT)", "a calendar (iCalendar)"),
    (rb"%!PS", "PostScript"),
    (rb"%YAML|---[ \t]*\r?\n", "YAML"),
    (rb"-----BEGIN ", "a key or certificate"),
    (rb"diff --git |--- \S.*\n\+\+\+ ", "a patch"),
    (rb"From \S+@?\S* +\w{3} \w{3} ", "a mailbox"),
    (rb"(?:MIME-Version|Received|Return-Path|Delivered-To): ", "a mail or a web archive"),
    (rb"#!\s*/", "a script"),
    (rb"\\(?:documentclass|begin)\b", "a TeX document"),
    (rb"(?:strict\s+)?(?:di)?graph\s*(?:\"[^\"\n]*\"|\w*)\s*\{", "a drawing of a graph"),
    (rb"\+[-=]{2,}[-=+]*\+\s*\n\|", "a table drawn with lines"),
    (rb"[\xe2]\x94[\x80-\xbf]|[\xe2]\x95[\x80-\xbf]", "a table drawn with lines"),
    (rb"\|[^\n]*\|?[ \t]*\r?\n\|?[ \t]*:?-{2,}:?[ \t]*\|[ \t|:-]*\r?\n", "a Markdown table"),
    (rb"[^\n|]*\|[^\n]*\n[ \t]*-{3,}\+[-+]*\s*\n", "the printout of a query"),
    (rb"={2,}[ ]+={2,}[ =]*\r?\n", "a table drawn with lines"),
    (rb"(?:\s*(?:--|/\*)[^\n]*\n)*\s*(?:CREATE|INSERT INTO|DROP TABLE|ALTER TABLE|SET \w+ ?=|"
     rb"BEGIN;|BEGIN TRANSACTION|PRAGMA|SELECT\s[^,;\n]*\sFROM)\b[^,\n]*", "SQL"),
    (rb"(?:\s*[;#][^\n]*\n)*\s*\[[\w .:-]+\]\s*\r?\n\s*[\w.-]+\s*=", "an INI or TOML file"),
)  # fmt: skip
_PATTERNS: Final = tuple((re.compile(pattern, re.I), what) for pattern, what in _STARTS)
_KEYED: Final = re.compile(rb"\s*(?:- )*[\w./$\"'-]+:(?:\s+[^,;\t|]*)?$")
_ITEM: Final = re.compile(rb"\s*- \S")
_LIST: Final = re.compile(rb"- [\[{].*[\]}]\s*$")
_LINES: Final = 200


def other_text(head: bytes) -> str:
    """Say what kind of text this is when it is known to hold no table; empty for all others."""
    start = head.lstrip()[:4096]
    for pattern, what in _PATTERNS:
        if pattern.match(start):
            return what
    return "YAML" if _is_yaml(head) else ""


def _is_yaml(head: bytes) -> bool:
    """Whether almost every line is a key, an item of a list, or goes on with one."""
    lines = [
        line
        for line in head.splitlines()[:_LINES]
        if line.strip() and not line.lstrip().startswith(b"#")
    ]
    keyed = sum(bool(_KEYED.match(line)) for line in lines)
    items = sum(bool(_ITEM.match(line)) for line in lines)
    indented = sum(line.startswith((b" ", b"-")) for line in lines)
    opens = sum(line.rstrip().endswith(b":") for line in lines)
    if len(lines) > 1 and all(map(_LIST.match, lines)):
        return True
    deeper = sum(line.startswith(b"  ") and bool(_KEYED.match(line)) for line in lines)
    if items and deeper and keyed == len(lines) and lines[0].startswith(b"- "):
        return True
    return keyed > 1 and opens > 0 and indented > 0 and (keyed + items) * 10 >= 8 * len(lines)
