"""Reading an index page: which of its links are files we wait for."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

from wharf.errors import UnsafePath
from wharf.sources.base import Refused
from wharf.sources.paths import SegmentPatterns, segments, shown

INDEX_LIMIT = 10 * 1024**2


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.hrefs: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.hrefs += [value.strip() for name, value in attrs if name == "href" and value]


def files_linked(
    page: str, *, at: str, base: str, globs: Sequence[str]
) -> tuple[set[str], list[Refused]]:
    """Find the links of an index page that match patterns.

    Args:
        page: The page's HTML.
        at: The page's own address.
        base: The base address that every file must lie below.
        globs: Patterns of paths below the base.

    Returns:
        Paths below the base; and links that look like a wanted file but lead elsewhere.
    """
    parser = _Links()
    parser.feed(page)
    last = SegmentPatterns([pattern.rsplit("/", 1)[-1] for pattern in globs])
    found: set[str] = set()
    refused: list[Refused] = []
    for href in dict.fromkeys(parser.hrefs):
        name = unquote(_path_of(href)).rsplit("/", 1)[-1]
        if not any(last.matching(name)):
            continue
        path = _below(href, at, base)
        if path is None:
            refused.append(Refused(shown(href), "a link that leaves the connection's base address"))
        elif _matches(path, globs):
            found.add(path)
    return found, refused


def _path_of(href: str) -> str:
    try:
        return urlsplit(href).path
    except ValueError:
        return ""


def _below(href: str, at: str, base: str) -> str | None:
    """The path below the base that a link leads to; None when it leads out of it."""
    written = unquote(_path_of(href))
    try:
        address = urlsplit(urljoin(at, href))
        home = urlsplit(base)
        same_server = (address.scheme, address.netloc) == (home.scheme, home.netloc)
        if ".." in written.split("/") or not same_server or address.query:
            return None
        path = unquote(address.path)
        if not path.startswith(unquote(home.path)):
            return None
        return "/".join(segments(path[len(unquote(home.path)) :]))
    except (ValueError, UnsafePath):
        return None


def _matches(path: str, globs: Sequence[str]) -> bool:
    parts = path.split("/")
    return any(
        len(wanted := pattern.split("/")) == len(parts)
        and all(
            any(SegmentPatterns([segment]).matching(part))
            for segment, part in zip(wanted, parts, strict=True)
        )
        for pattern in globs
    )
