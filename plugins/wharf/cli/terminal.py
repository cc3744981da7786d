"""What suppliers wrote, on a terminal: one line each, with nothing in it that steers one."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console
from rich.table import Table

WIDE = 160


def one_line(text: object, longest: int = 300) -> str:
    """A value as one printable line, cut where it is long."""
    safe = "".join(char if char.isprintable() else repr(char)[1:-1] for char in str(text))
    return safe if len(safe) <= longest else safe[:longest] + "…"


def show_table(table: Table) -> None:
    """Print a table; ids stay whole where nobody looks at a window."""
    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    console.print(table)


def minute(at: datetime | None) -> str:
    """An instant in UTC, to the minute; empty for none."""
    return f"{at:%Y-%m-%d %H:%M}" if at else ""
