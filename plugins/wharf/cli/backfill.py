"""`wharf backfill`: make periods again, one run for each."""

from __future__ import annotations

import click

from wharf.cli.decide import desk_of, person
from wharf.cli.installation import now, open_installation, say

MARK = {"start": "run", "closed": "skip", "done": "skip", "outside": "skip"}


@click.command()
@click.argument("subject", metavar="FEED|PRODUCT")
@click.option("--from", "first", required=True, help="First period: a key, or a date inside it.")
@click.option("--to", "last", required=True, help="Last period, inclusive.")
@click.option(
    "--reprocess",
    type=click.Choice(["none", "failed", "completed"]),
    default="none",
    show_default=True,
    help="Which periods get a run: those with nothing published, also those in quarantine, or all.",
)
@click.option(
    "--follow",
    type=click.Choice(["none", "affected", "all"]),
    default="none",
    show_default=True,
    help="Which products past their cut-off are made again.",
)
@click.option("--reason", default="", help="Why; kept in the audit trail. Required to start.")
@click.option("--dry-run", is_flag=True, help="List the periods; start nothing.")
def backfill(
    subject: str, first: str, last: str, reprocess: str, follow: str, reason: str, dry_run: bool
) -> None:
    """Make the periods of a feed or product again, from the first to the last.

    Closed periods are skipped and shown, future ones refused. The next ticks start the runs.
    """
    from wharf.decisions import plain, plan_backfill, start_backfill

    desk, at = desk_of(open_installation()), now()
    plan = plan_backfill(desk, subject, first, last, at, reprocess=reprocess, follow=follow)
    for each in plan.periods:
        say(f"{MARK[each.choice]:4} {each.period}{f'  {each.why}' if each.why else ''}")
    if dry_run:
        say(f"{len(plan.wanted)} of {len(plan.periods)} periods would get a run")
        return
    row = start_backfill(desk, plan, plain(reason), person(), at)
    say(f"backfill {row.seq}: {len(row.periods)} runs, started by the next ticks")
