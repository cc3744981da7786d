"""`wharf arrivals`: the past that feeds learn from, and what they learned."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from wharf.cli.installation import Installation, now, open_installation, say
from wharf.ledger import learned, past_arrivals
from wharf.ledger.past_arrivals import Imported, Kept
from wharf.timeliness.creep import creep, creep_text
from wharf.timeliness.learned import PastArrival, Usual, describe, eligible
from wharf.timeliness.points import clock_points

AT_ONCE = 20_000


@click.group()
def arrivals() -> None:
    """Past arrivals, and the usual arrival time that is learned from them."""


@arrivals.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check the file and say what is in it; keep nothing.")
def import_file(file: Path, dry_run: bool) -> None:
    """Hand in past arrivals, so that feeds need not learn from nothing.

    FILE is a CSV with the columns feed, period (its key, or any date inside it), arrived_utc and,
    where known, submitted_utc. Of several lines about one period the earliest counts. Importing a
    file again changes nothing. Nobody is told about what is imported, however late it was.
    """
    from wharf.cli.arrivals_file import read_arrivals
    from wharf.watch.learn import learn_feeds

    here = open_installation()
    given = read_arrivals(file, here.promises.feeds, now())
    names = sorted({each.feed for each in given.arrivals})
    say(
        f"read      {given.lines:,} lines: {_count(len(given.arrivals), 'period')} of "
        f"{_count(len(names), 'feed')}; apart from these {given.repeated:,} of a period named "
        f"before, {given.passed_over:,} of withdrawn or empty files"
    )
    if dry_run:
        say("kept      nothing: this was a dry run")
        return
    kept = _keep(here, given.arrivals)
    say(f"kept      {kept.new:,} new, {kept.changed:,} changed, {kept.known:,} known before")
    found = learn_feeds(here.intake.ledger, here.promises, names, now())
    for name in names:
        usual = found.get(name, {}).get("all")
        told = _next(here, name, usual) if usual else "too few deliveries to learn from"
        say(f"learned   {name}: {told}")


@arrivals.command()
@click.argument("feed_name", metavar="FEED")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def show(feed_name: str, as_json: bool) -> None:
    """Show when a feed usually comes, by the kind of day, and what was left out."""
    from wharf.watch.learn import past_of

    here = open_installation()
    feed = here.feed(feed_name)
    with here.intake.ledger.read() as tx:
        usuals = learned.all_usuals_of(tx, feed_name)
        past = past_of(tx, here.promises.project, feed)
    ordered = [usuals[name] for name in sorted(usuals, key=lambda name: (name != "all", name))]
    if as_json:
        for each in ordered:
            say(json.dumps({"feed": feed_name, **_as_json(each)}))
        return
    if not ordered:
        say(f"{feed_name}: nothing is learned yet; it takes {feed.learned.min_n} deliveries")
    else:
        _print_usuals(here, feed_name, ordered)
    _say_left_out(past, feed.learned.min_n)
    moved = creep(past, feed.learned.window, feed.learned.min_n)
    if moved is not None:
        say(creep_text(feed_name, moved))


@arrivals.command()
@click.argument("subject", metavar="[FEED|SUPPLIER]", default="")
def suggest(subject: str) -> None:
    """Propose deadlines, seasons and holidays that the past speaks for; change nothing.

    A deadline is proposed by which 95 % of what came would have been in time. To see what it would
    have cost, write it into a copy of the contract and run `wharf rehearse`.
    """
    from wharf.watch.suggested import suggestions

    here = open_installation()
    with here.intake.ledger.read() as tx:
        found = suggestions(tx, here.promises, chosen(here, subject))
    lines = found.sentences()
    for line in lines:
        say(line)
    if not lines:
        say(f"nothing to change; enough of a past to tell: {_count(len(found.terms), 'feed')}")


def chosen(here: Installation, subject: str) -> list[str]:
    """Names of the feeds that a feed's name, a supplier's id or nothing at all stands for."""
    feeds = sorted(here.promises.feeds)
    if not subject or subject in feeds:
        return [subject] if subject else feeds
    found = [name for name in feeds if name.partition(".")[0] == subject]
    if not found:
        suppliers = sorted({name.partition(".")[0] for name in feeds})
        raise click.BadParameter(
            f"{subject!r} is neither a feed ({', '.join(feeds) or 'none yet'}) "
            f"nor a supplier ({', '.join(suppliers) or 'none yet'})"
        )
    return found


def _keep(here: Installation, rows: Sequence[Imported]) -> Kept:
    total = Kept()
    for start in range(0, len(rows), AT_ONCE):
        with here.intake.ledger.write() as tx:
            total += past_arrivals.import_past(tx, rows[start : start + AT_ONCE])
        if len(rows) > AT_ONCE:
            done = min(start + AT_ONCE, len(rows))
            click.echo(f"keeping   {done:,} of {len(rows):,}", err=True)
    return total


def _next(here: Installation, name: str, usual: Usual) -> str:
    """The usual time as it would be for the period of today."""
    due_at, tz = _due(here, name, now())
    return f"{describe(usual, due_at, tz)} (n = {usual.n})"


def _due(here: Installation, name: str, at: datetime) -> tuple[datetime, str]:
    from wharf.timeliness.calendars import open_days

    feed = here.feed(name)
    period = feed.parse_period(at.date().isoformat())
    calendar = here.promises.project.calendars.get(feed.period.calendar or "")
    points = clock_points(feed, period, open_days(calendar, feed.period.kind))
    return points.due_at, feed.terms_for(period).tz


def _print_usuals(here: Installation, name: str, usuals: Iterable[Usual]) -> None:
    due_at, tz = _due(here, name, now())
    table = Table(
        "days", "learned from", "as of today", "p50", "p95", "MAD", title=f"{name} ({tz})"
    )
    for each in usuals:
        spans = (_span(span) for span in (each.p50, each.p95, each.mad))
        table.add_row(each.stratum, str(each.n), describe(each, due_at, tz), *spans)
    console = Console()
    if not console.is_terminal:
        console.width = 120
    console.print(table)
    say("p50 and p95 count from due")


def _say_left_out(past: Sequence[PastArrival], min_n: int) -> None:
    kept = {each.period for each in eligible(past, min_n)}
    reasons: dict[str, int] = {}
    for each in past:
        if each.period not in kept:
            why = each.not_usual_because or ("restated" if each.is_restated else "taken in later")
            reasons[why] = reasons.get(why, 0) + 1
    for why in sorted(reasons):
        say(f"left out: {reasons[why]}, {why}")


def _as_json(usual: Usual) -> dict[str, object]:
    return {
        "stratum": usual.stratum,
        "n": usual.n,
        "p50_s": usual.p50.total_seconds(),
        "p95_s": usual.p95.total_seconds(),
        "mad_s": usual.mad.total_seconds(),
    }


def _span(span: timedelta) -> str:
    """Hours and minutes, with the sign in front."""
    minutes = abs(span) // timedelta(minutes=1)
    sign = "-" if span < timedelta(0) else ""
    return f"{sign}{minutes // 60}:{minutes % 60:02d}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
