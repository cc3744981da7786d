"""`wharf retention`: what the contracts let go, and letting it go before the night."""

from __future__ import annotations

import click

from wharf.cli.installation import now, open_installation, say


@click.command()
@click.argument("feed_names", metavar="[FEED]...", nargs=-1)
@click.option("--apply", "apply_now", is_flag=True, help="Erase it now, not in the coming night.")
@click.option("--log", "show_log", is_flag=True, help="List what was erased so far, and why.")
def retention(feed_names: tuple[str, ...], apply_now: bool, show_log: bool) -> None:
    """Say what is kept no longer under `retention` of the feeds' contracts; change nothing.

    Without FEED all feeds are looked at. What readers see, an anchor binds or a standing release
    was made of is never among it, unless its whole period is over.
    """
    from wharf.watch.retention import let_go, over

    here, at = open_installation(), now()
    names = feed_names or tuple(sorted(here.promises.feeds))
    feeds = [here.feed(name) for name in names]
    if show_log:
        _show_log({feed.table for feed in feeds})
        return
    if apply_now:
        for line in let_go(here.intake, feeds, at):
            say(line)
        return
    for feed in feeds:
        say(over(here.intake, feed, at).describe())


def _show_log(tables: set[str]) -> None:
    from wharf.ledger import erasures

    with open_installation().intake.ledger.read() as tx:
        found = [row for row in erasures.erasures(tx) if row.table in tables]
    if not found:
        say("nothing was ever erased")
    for row in found:
        what = f"batch {row.batch_id}" if row.batch_id else f"delivered file {row.delivery_seq}"
        if row.part:
            what = f"{row.rows:,} rows in quarantine of {what}"
        instead = f"; its other rows: {row.replaced_by}" if row.replaced_by else ""
        say(
            f"{row.at:%Y-%m-%d %H:%M} UTC  {row.table} {row.period} {what}: {row.kind} by "
            f"{row.by}, {row.reason}{instead}"
        )
