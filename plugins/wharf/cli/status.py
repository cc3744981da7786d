"""`wharf status`: feeds by day, as of this second."""

from __future__ import annotations

import json
from datetime import timedelta

import click
from rich.console import Console
from rich.table import Table

from wharf.cli.installation import now, open_installation
from wharf.contracts import Feed
from wharf.ledger import expected, facts
from wharf.ledger.rows import ExpectedDelivery
from wharf.timeliness.facts import State
from wharf.timeliness.learned import describe
from wharf.timeliness.states import evaluate

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
        pairs = [
            (here.promises.feeds[row.feed], row)
            for row in expected.expected_between(tx, first.isoformat(), last.isoformat())
            if row.feed in here.promises.feeds
        ]
        known = facts.known_of(tx, pairs)
    rows = [
        (row, evaluate(each.facts, at), _usual(feed, row, each))
        for (feed, row), each in zip(pairs, known, strict=True)
    ]
    if as_json:
        for row, state, usual in rows:
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
                        "usual": usual,
                    }
                )
            )
        return
    if not rows:
        click.echo(
            "nothing expected yet: `wharf run FEED PERIOD`, or the watch in Airflow, begins it"
        )
        return
    periods = sorted({row.period for row, *_ in rows})
    heads = (period[5:] if len(period) == len("2026-11-20") else period for period in periods)
    table = Table("feed", *heads, show_lines=True, title=f"as of {at:%Y-%m-%d %H:%M} UTC")
    cells = {(row.feed, row.period): _cell(state, usual) for row, state, usual in rows}
    for name in sorted({row.feed for row, *_ in rows}):
        table.add_row(name, *(cells.get((name, period), "") for period in periods))
    console = Console()
    if not console.is_terminal:
        console.width = 40 + 14 * len(periods)
    console.print(table)
    for error in here.promises.project.invalid:
        click.secho(str(error), fg="red", err=True)


def _cell(state: State, usual: str) -> str:
    """A state in two lines, with the usual time below while the delivery is awaited."""
    awaited = state.timeliness in {"DUE", "AT_RISK", "LATE"} and not state.is_decided
    eta = f"\n[dim]{usual}[/]" if awaited and usual else ""
    return f"{SIGN[state.timeliness]}[/]\n{state.delivery.lower()}{eta}"


def _usual(feed: Feed, row: ExpectedDelivery, known: facts.Known) -> str:
    if "eta" not in feed.learned.use_for:
        return ""
    return describe(known.usual, row.due_at, known.facts.tz)
