"""Names that may become a path, a lock or SQL. What a supplier writes never does so unchanged."""

from __future__ import annotations

import hashlib
import re

from wharf.errors import LakeError, UnsafePath

_TABLE = re.compile(r"^[a-z][a-z0-9_]{0,62}\.[a-z][a-z0-9_]{0,126}\Z")
_SEGMENT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")
_COLUMN = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,126}\Z")
_OTHER = re.compile(r"[^A-Za-z0-9_.-]+|\.{2,}")
_GLOB = re.compile(r"[*?\[\]#%]")


def table_parts(table: str) -> tuple[str, str]:
    """Split `namespace.table`.

    Raises:
        LakeError: The name is not of that form.
    """
    if not _TABLE.match(table):
        raise LakeError(
            f"{table!r} is not a table name; write namespace.table in lower case, "
            "for example raw.acme_prices"
        )
    namespace, name = table.split(".")
    return namespace, name


def segment(text: str, what: str) -> str:
    """Check that our own key (a period, a batch id, a feed) can be one part of a path.

    Raises:
        UnsafePath: It holds a separator, `..`, `=`, a space or a control character.
    """
    if not _SEGMENT.match(text) or ".." in text:
        raise UnsafePath(
            f"{what} {text!r} cannot be part of a path; use letters, digits, dot, dash, underscore"
        )
    return text


def column_name(text: str) -> str:
    """Check a column's name.

    Raises:
        LakeError: The name needs quoting in SQL.
    """
    if not _COLUMN.match(text):
        raise LakeError(
            f"{text!r} is not a column name; use letters, digits and underscores, no digit first"
        )
    return text


def safe_name(supplied: str) -> str:
    """Turn a name that a supplier chose into one harmless part of a path.

    A name that had to change ends with a mark of the original, so two names never become one.
    """
    cleaned = _OTHER.sub("_", supplied).lstrip("._-")
    if cleaned == supplied and len(cleaned) <= 100 and cleaned:
        return cleaned
    mark = hashlib.sha256(supplied.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    stem, dot, suffix = cleaned[-60:].partition(".")
    return f"{stem or 'file'}-{mark}{dot}{suffix}".lstrip("._-")


def root_uri(location: str) -> str:
    """Normalise a storage root: `file:///...` or `s3://bucket/prefix`, without a last slash.

    Raises:
        LakeError: Another scheme, or characters that readers take for a pattern or an address.
    """
    uri = location.rstrip("/")
    if uri.startswith("/"):
        uri = f"file://{uri}"
    if not uri.startswith(("file:///", "s3://")):
        raise LakeError(f"{location!r} is not a storage root; use file:///path or s3://bucket/path")
    if _GLOB.search(uri):
        raise LakeError(
            f"{location!r} holds one of * ? [ ] # %, which readers take for a pattern; "
            "choose another folder"
        )
    return uri
