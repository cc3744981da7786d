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
    table = Table("feed", *periods, title="what became of every delivery")
    for feed in sorted({feed for feed, _ in actual}):
        cells = (actual.get((feed, period)) for period in periods)
        table.add_row(feed, *(_cell(came) if came else "" for came in cells))
    Console().print(table)


def show_messages(bodies: Iterable[Mapping[str, Any]]) -> None:
    """Print the messages that the web receiver got."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text("messages received", style="bold"))
    for body in bodies:
        console.print(Text(f"  {body['subject']}"))


def _cell(came: Actual) -> Text:
    text = Text(came.timeliness, style=STYLE.get(came.timeliness, "magenta"))
    quarantined = f", {came.rows_quarantined} quarantined" if came.rows_quarantined else ""
    versions = f", {came.versions} versions" if came.versions > 1 else ""
    rows = f"\n{came.rows_staged:,} rows{quarantined}{versions}" if came.rows_staged else ""
    if "DUPLICATE" in came.verdicts:
        rows += "\nsent twice"
    return text + Text(f"\n{came.delivery}{rows}", style="default")
