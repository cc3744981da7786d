"""What a dbt build may read and where its models go, handed to the plugin that dbt loads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# A step shares two cores and some GiB with Airflow; beyond this DuckDB spills to disk.
MEMORY_LIMIT = "2GB"


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


_open: list[BuildSession] = []


@contextmanager
def opened(session: BuildSession) -> Iterator[None]:
    """Let the plugin find a session; one build runs at a time in a process.

    The profile cannot carry it: dbt parses the whole project anew when a profile changes.
    """
    _open.append(session)
    try:
        yield
    finally:
        _open.remove(session)


def open_session() -> BuildSession | None:
    """The session of the build that runs, or None outside one (`dbt parse`)."""
    return _open[-1] if _open else None
