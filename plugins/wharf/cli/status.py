"""`wharf status`: feeds by day, as of this second."""

from __future__ import annotations

import json
from datetime import timedelta

import click
from rich.console import Console
from rich.table import Table

from wharf.cli.installation import now, open_installation
from wharf.ledger import expected, facts

SIGN = {
    "ON_TIME": "[green]on time",
    "LATE_ARRIVED": "[yellow]came late",
    "LATE": "[red]LATE",
    "MISSING": "[red]MISSING",
    "NOT_EXPECTED": "[dim]closed",
    "AT_RISK": "[yellow]at risk",
    "UNKNOWN": "[magenta]unknown",
    "DUE": "due",
    "SCHEDULED": "[dim]scheduled",
}


@click.command()
@click.option("--days", default=7, show_default=True, help="How many days back to show.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def status(days: int, as_json: bool) -> None:
    """Show every feed's deliveries of the last days: timeliness and what became of them."""
    here = open_installation()
    at = now()
    first, last = (at - timedelta(days=days)).date(), at.date()
    with here.intake.ledger.read() as tx:
        rows = [
            (row, facts.state_of(tx, here.promises.feeds[row.feed], row, at))
            for row in expected.expected_between(tx, first.isoformat(), last.isoformat())
            if row.feed in here.promises.feeds
        ]
    if as_json:
        for row, state in rows:
            click.echo(
                json.dumps(
                    {
                        "feed": row.feed,
                        "period": row.period,
                        "timeliness": state.timeliness,
                        "delivery": state.delivery,
                        "reason": state.reason,
                        "batch_id": state.batch_id,
                        "due_at": row.due_at.isoformat(),
                    }
                )
            )
        return
    periods = sorted({row.period for row, _ in rows})
    heads = (period[5:] if len(period) == len("2026-11-20") else period for period in periods)
    table = Table("feed", *heads, show_lines=True, title=f"as of {at:%Y-%m-%d %H:%M} UTC")
    cells = {(row.feed, row.period): state for row, state in rows}
    for name in sorted({row.feed for row, _ in rows}):
        states = (cells.get((name, period)) for period in periods)
        table.add_row(
            name, *(f"{SIGN[s.timeliness]}[/]\n{s.delivery.lower()}" if s else "" for s in states)
        )
    console = Console()
    if not console.is_terminal:
        console.width = 40 + 14 * len(periods)
    console.print(table)
    for error in here.promises.project.invalid:
        click.secho(str(error), fg="red", err=True)
