"""`wharf rehearse`: what would these terms have cost us last year?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wharf.cli.installation import say
from wharf.settings import read_settings

if TYPE_CHECKING:
    from wharf.watch.rehearse.figures import Figures
    from wharf.watch.rehearse.outcome import Outcome

EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SHOWN = 10


def _instant(ctx: click.Context, param: click.Parameter, value: str) -> datetime:
    """A time with a zone, or a day, which stands for its first instant in UTC."""
    told = f"{value!r} is no time such as 2026-11-20 or 2026-11-20T09:30Z"
    try:
        at = datetime.fromisoformat(value)
        at = at.replace(tzinfo=UTC) if len(value) == len("2026-11-20") else at
        at_utc = at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(told) from None
    if at.tzinfo is None:
        raise click.BadParameter(f"{told}: it names no zone")
    return at_utc


@click.command()
@click.option(
    "--feeds",
    required=True,
    type=EXISTING_FOLDER,
    metavar="DIR",
    help="The contracts: a project, or a folder of feed files with calendars in or beside it.",
)
@click.option(
    "--arrivals",
    required=True,
    type=EXISTING_FILE,
    metavar="FILE.csv",
    help="The past: columns feed, period, file, submitted_utc, arrived_utc, status (A added, "
    "M changed, D withdrawn) and, where known, bytes and sha256.",
)
@click.option(
    "--until",
    required=True,
    callback=_instant,
    metavar="TIME",
    help="Where the rehearsal ends, such as 2026-11-20T00:00Z; states are as of then.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where tables and page go.",
)
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="Take every promise to hold from this day on, whatever its active.from says.",
)
@click.option(
    "--suggest", is_flag=True, help="Propose deadlines, seasons and holidays that the past shows."
)  # fmt: skip
def rehearse(
    feeds: Path, arrivals: Path, until: datetime, out: Path, since: datetime | None, suggest: bool
) -> None:
    """Play past arrivals under contracts: what these terms would have cost before they hold.

    The watch's own code runs on a throw-away ledger while the clock jumps from instant to instant.
    Nothing is sent and no source is asked. Written are expected_deliveries.csv, transitions.csv,
    notifications.csv, not_counted.csv and summary.html.
    """
    from wharf.watch.rehearse import figures, page, rehearsal, tables

    first = since.date() if since else None
    wish = rehearsal.Wish(feeds, arrivals, until, first)
    outcome = rehearsal.rehearse(wish, read_settings(), _Progress().tell)
    counted = figures.count(outcome)
    proposals = _proposals(outcome) if suggest else ()
    written = tables.write_tables(outcome, out)
    page.write_page(outcome, counted, out / "summary.html", proposals)
    _say_summary(counted)
    for proposal in proposals:
        say(f"suggests  {proposal}")
    for path in (*written, out / "summary.html"):
        say(f"wrote     {path}")


class _Progress:
    """Says every tenth of the way where the simulated clock stands."""

    def __init__(self) -> None:
        self._told = -1

    def tell(self, now: datetime, share: float) -> None:
        """Hear of one stop."""
        tenth = int(share * 10)
        if tenth > self._told:
            self._told = tenth
            click.echo(f"rehearse  {now:%Y-%m-%d %H:%M} UTC, {share:4.0%}", err=True)


def _proposals(outcome: Outcome) -> tuple[str, ...]:
    from wharf.watch.rehearse.proposals import propose

    return propose(outcome)


def _say_summary(counted: Figures) -> None:
    """The figures in a few lines, each with its word in front."""
    whole = counted.all
    say(
        f"expected  {whole.expected:,}: {whole.on_time:,} on time, {whole.came_late:,} came late, "
        f"{whole.missing:,} missing, {whole.waiting:,} not decided; {counted.closed:,} closed"
    )
    by_submission = f"{whole.late_by_submission:,} by submission"
    say(f"late      {whole.late_by_arrival:,} by arrival, {by_submission}")
    actions = ", ".join(f"{name} {number:,}" for name, number in counted.by_action)
    levels = ", ".join(f"{name} {number:,}" for name, number in counted.by_level)
    say(
        f"incidents {counted.incidents:,}, {counted.unresolved:,} not resolved at the end; "
        f"{counted.groups:,} groups told of as one"
    )
    told = f"{counted.messages:,}" + (f": {actions}; {levels}" if counted.messages else "")
    say(f"messages  {told}")
    for each in counted.feeds[:SHOWN]:
        if each.bad:
            say(f"worst     {each.name}: {each.came_late:,} late, {each.missing:,} missing")
    for name, number in counted.strays:
        say(f"apart     {name}: {number:,} lines, see not_counted.csv")
    for hint in counted.hints:
        say(f"mind      {hint}")
