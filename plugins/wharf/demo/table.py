"""The demo's end on the terminal: feeds by day, and the messages that were sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wharf.demo.script import Actual

STYLE = {
    "ON_TIME": "green",
    "LATE_ARRIVED": "yellow",
    "LATE": "red",
    "MISSING": "red",
    "NOT_EXPECTED": "dim",
}


def show_table(actual: Mapping[tuple[str, str], Actual]) -> None:
    """Print what came out, feeds by day."""
    periods = sorted({period for _, period in actual})
    days = (period[-5:] for period in periods)
    table = Table("feed", *days, title="what became of every delivery", show_lines=True)
    for feed in sorted({feed for feed, _ in actual}):
        cells = (actual.get((feed, period)) for period in periods)
        table.add_row(feed, *(_cell(came) if came else "" for came in cells))
    console = Console()
    # Where nobody sets a width, as in a log, the words shall not be cut.
    console.width = max(console.width, 110) if not console.is_terminal else console.width
    console.print(table)


def show_messages(bodies: Iterable[Mapping[str, Any]]) -> None:
    """Print the messages that the web receiver got."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text("messages received", style="bold"))
    for body in bodies:
        console.print(Text(f"  {body['subject']}"))


def _cell(came: Actual) -> Text:
    lines = [came.delivery.lower()] if came.delivery != "NONE" else []
    if came.rows_staged:
        lines.append(f"{came.rows_staged:,} rows")
    if came.rows_quarantined:
        lines.append(f"{came.rows_quarantined} aside")
    if came.versions > 1:
        lines.append(f"{came.versions} versions")
    if "DUPLICATE" in came.verdicts:
        lines.append("sent twice")
    words = came.timeliness.lower().replace("_", " ")
    text = Text(words, style=STYLE.get(came.timeliness, "magenta"))
    return text + Text("".join(f"\n{line}" for line in lines), style="default")
