"""`wharf scorecard`: how suppliers kept their promises, month by month."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

import click
from dateutil.relativedelta import relativedelta
from rich.console import Console
from rich.table import Table

from wharf.cli.arrivals import chosen
from wharf.cli.installation import Installation, now, open_installation, say
from wharf.ledger import scorecard as ledger_scorecard
from wharf.spreadsheet import guarded
from wharf.timeliness.scorecard import Score, clock_text, scores

COLUMNS = (
    "subject", "month", "expected", "on_time", "late_arrived", "waiting", "missing", "breaches",
    "blind", "on_time_rate", "p50_s", "p95_s", "worst_s", "creep_s", "streak", "longest_streak",
    "detection_p95_s",
)  # fmt: skip
HEADS = (
    "", "month", "expected", "on time", "late", "missing", "waiting", "rate", "p50", "p95",
    "worst", "creep", "streak", "longest", "seen after",
)  # fmt: skip


@click.command()
@click.argument("subject", metavar="[FEED|SUPPLIER]", default="")
@click.option(
    "--months",
    default=3,
    show_default=True,
    type=click.IntRange(1, 120),
    help="How many months back to count, this one included.",
)
@click.option("--csv", "as_csv", is_flag=True, help="A CSV table, spans in seconds.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, spans in seconds.")
def scorecard(subject: str, months: int, as_csv: bool, as_json: bool) -> None:
    """Show how suppliers, or a supplier's feeds, kept their promises.

    Counted are deliveries that came or were late by the last tick, by the month of their period's
    first day. p50, p95 and worst are from due to complete arrival; a minus is early. Creep is how
    far p50 moved since the month before.
    """
    if as_csv and as_json:
        raise click.UsageError("choose one of --csv and --json")
    here = open_installation()
    at = now()
    names = chosen(here, subject)
    since = at.date().replace(day=1) - relativedelta(months=months - 1)
    with here.intake.ledger.read() as tx:
        found = ledger_scorecard.outcomes(tx, names, since, date.max)
    by_subject = scores(found, by="feed" if subject else "supplier")
    rows = [score for subject_scores in by_subject.values() for score in subject_scores]
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(map(guarded, as_values(score).values()) for score in rows)
    elif as_json:
        for score in rows:
            say(json.dumps(as_values(score)))
    elif rows:
        _print(here, by_subject, since, at)
    else:
        say(f"nothing was due since {since}")


def as_values(score: Score) -> dict[str, object]:
    """A score as plain values by the names of `COLUMNS`; spans in seconds."""
    rate = score.on_time_rate
    spans = {
        "p50_s": score.p50, "p95_s": score.p95, "worst_s": score.worst, "creep_s": score.creep,
        "detection_p95_s": score.detection_p95,
    }  # fmt: skip
    values: dict[str, object] = {
        name: None if span is None else span.total_seconds() for name, span in spans.items()
    }
    values["on_time_rate"] = None if rate is None else round(rate, 4)
    return {name: values[name] if name in values else getattr(score, name) for name in COLUMNS}


def _print(
    here: Installation, found: Mapping[str, Iterable[Score]], since: date, at: datetime
) -> None:
    table = Table(*HEADS, title=f"promises since {since}, as of {at:%Y-%m-%d %H:%M} UTC")
    for subject, subject_scores in found.items():
        feed = here.promises.feeds.get(subject)
        tz = feed.timeliness[-1].tz if feed else None
        for score in subject_scores:
            table.add_row(*_cells(score, tz), end_section=False)
        table.add_section()
    console = Console()
    if not console.is_terminal:
        console.width = 200
    console.print(table)


def _cells(score: Score, tz: str | None) -> Iterable[str]:
    rate = score.on_time_rate
    return (
        score.subject if not score.month else "",
        score.month or "all",
        str(score.expected),
        str(score.on_time),
        str(score.late_arrived),
        str(score.missing),
        str(score.waiting),
        "" if rate is None else f"{int(rate * 1000) / 10:.1f} %",
        _after_due(score, score.p50, tz),
        _after_due(score, score.p95, tz),
        _span(score.worst),
        _span(score.creep, plus=True),
        str(score.streak),
        str(score.longest_streak),
        _span(score.detection_p95),
    )


def _after_due(score: Score, span: timedelta | None, tz: str | None) -> str:
    """A span from due, and for a feed the local time that it means."""
    text = _span(span, plus=True)
    if span is None or tz is None or score.last_due_at is None:
        return text
    return f"{text} ({clock_text(score.last_due_at, span, tz)})"


def _span(span: timedelta | None, *, plus: bool = False) -> str:
    """`1:35` hours and minutes, `2 d 03:04` from a day on; empty when unknown."""
    if span is None:
        return ""
    minutes = abs(span) // timedelta(minutes=1)
    days, rest = divmod(minutes, 24 * 60)
    sign = "-" if span < timedelta(0) and minutes else "+" if plus and minutes else ""
    text = f"{rest // 60}:{rest % 60:02d}"
    return f"{sign}{days} d {text}" if days else f"{sign}{text}"
