"""What a dbt build may read and where its models go, handed to the plugin that dbt loads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class BuildSession:
    """One dbt build: the manifest's tables as SQL relations, and what to do with a model."""

    period: str
    views: Mapping[str, str]
    """Lake table -> SQL relation over exactly the batches that the manifest names."""
    stage: Callable[[DuckDBPyConnection, str, str], str]
    """Writes a candidate relation as a batch of a table; gives SQL over the staged file."""
    temp_folder: Path
    prepare: Callable[[DuckDBPyConnection], None] = field(default=lambda connection: None)
    """Makes a connection able to read the lake's files."""


_open: dict[str, BuildSession] = {}


@contextmanager
def opened(session: BuildSession) -> Iterator[str]:
    """Make a session findable for the plugin; gives the token that the profile carries.

    The token also keeps two builds of one process apart: the adapter keeps its in-memory
    database for as long as the profile stays the same.
    """
    token = uuid4().hex
    _open[token] = session
    try:
        yield token
    finally:
        del _open[token]


def session_of(token: str) -> BuildSession | None:
    """The session that a profile names, or None outside a build (`dbt parse`)."""
    return _open.get(token)
