"""Which kinds of source there are; a new kind is one file, one line here, and the shared tests."""

from __future__ import annotations

from collections.abc import Callable

from wharf.errors import SettingsError
from wharf.settings import Connection
from wharf.sources.base import Source

OpenKind = Callable[[Connection, str | None], Source]


def _local(connection: Connection, index: str | None) -> Source:
    from wharf.sources.local import LocalFolder

    return LocalFolder(connection)


def _http(connection: Connection, index: str | None) -> Source:
    from wharf.sources.web import WebFolder

    return WebFolder(connection, index=index)


SOURCES: dict[str, OpenKind] = {"local": _local, "http": _http}
_ALSO = {"fs": "local", "file": "local", "https": "http"}


def open_source(connection: Connection, *, index: str | None = None) -> Source:
    """Open the supplier's side that a connection reaches.

    Args:
        connection: Address and credentials, already resolved.
        index: Page whose links are the listing (`http` only), below the base address.

    Raises:
        SettingsError: The connection's kind is unknown, or its root is not usable.
    """
    kind = _ALSO.get(connection.kind, connection.kind)
    if kind not in SOURCES:
        raise SettingsError(
            f"connection {connection.id!r} has kind {connection.kind!r}; "
            f"use {', '.join(sorted(SOURCES))}"
        )
    return SOURCES[kind](connection, index)
