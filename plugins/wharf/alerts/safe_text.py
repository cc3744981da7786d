"""Safe text: what suppliers named or wrote, fit to stand in a header, a line or a page."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

# Controls, invisible and direction-changing characters, lone surrogates, line separators.
_HOSTILE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
LONGEST_VALUE = 1000
_IN_ADDRESSES = ";/?:@&=+$,#%!()-._~[]"
# So many times the length wanted is looked at: blanks may make up the rest.
_READ_AT_MOST = 20


def one_line(value: object, longest: int = LONGEST_VALUE) -> str:
    """A value as one printable line.

    Args:
        value: Anything; hostile characters become U+FFFD, white space one blank.
        longest: Characters to keep; what is cut is shown as an ellipsis.
    """
    text = str(value)
    spaced = " ".join(text[: _READ_AT_MOST * longest].split())
    is_cut = len(spaced) > longest or len(text) > _READ_AT_MOST * longest
    shown = spaced[:longest]
    if not shown.isprintable():
        shown = "".join("\ufffd" if unicodedata.category(c) in _HOSTILE else c for c in shown)
    return shown[: longest - 1] + "…" if is_cut else shown


def markup(value: object) -> str:
    """A value as HTML text or attribute value."""
    return html.escape(one_line(value), quote=True)


def is_web_address(href: str) -> bool:
    """Whether a link leads to a web page and nothing else (no script, no file)."""
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc) and href == one_line(href)


def web_address(href: str) -> str:
    """A link to a web page as every program takes it; empty where it leads elsewhere."""
    return quote(href, safe=_IN_ADDRESSES) if is_web_address(href) else ""


def clean(value: Any) -> Any:
    """A JSON value with every text in it made one printable line."""
    if isinstance(value, str):
        return one_line(value)
    if isinstance(value, Mapping):
        return {one_line(key): clean(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [clean(item) for item in value]
    return value
