"""`wharf forget`: erase the rows of a key from every version, for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wharf.cli.installation import now, open_installation, say, who
from wharf.errors import DecisionRefused

if TYPE_CHECKING:
    from wharf.watch.forgetting import Traces


@click.command()
@click.argument("feed_name", metavar="FEED")
@click.option(
    "--key",
    "pairs",
    multiple=True,
    required=True,
    metavar="COLUMN=VALUE",
    help="A row goes where all given columns have these values.",
)
@click.option("--reason", required=True, help="Why, such as a request's number; kept for ever.")
@click.option("--dry-run", is_flag=True, help="Say where such rows lie; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(feed_name: str, pairs: tuple[str, ...], reason: str, dry_run: bool, yes: bool) -> None:
    """Erase the rows of a key from all that was ever taken in for FEED, for good.

    Every batch that holds them, read or not, is written again without them and takes the old one's
    place; so are the tables that products made of them where these have the key's columns. Then
    the old files, the old snapshots that show them, the audit results that quote them and the
    delivered files they were read from are deleted. The ledger keeps who, when and why, never the
    values. Backups are yours to clean.
    """
    from wharf.batches.erase import Cause
    from wharf.decisions import plain
    from wharf.watch.forgetting import forget as forget_rows
    from wharf.watch.forgetting import traces

    here = open_installation()
    feed, key = here.feed(feed_name), dict(map(_pair, pairs))
    seen = traces(here.intake, here.promises, feed, key)
    _show(seen)
    if not seen.found or dry_run:
        return
    if not yes:
        click.confirm("Erase them for good?", abort=True)
    cause = Cause("forget", who(), plain(reason), now())
    done = forget_rows(
        here.intake, here.promises, feed, key, cause, lambda line: click.echo(line, err=True)
    )
    for old, fresh in done.successors.items():
        say(f"{old} is erased; its other rows are in {fresh}")
    say(f"{done.files} delivered files erased")
    for row in done.releases:
        say(f"make its page again: run DAG product__{row.product} for {row.period}")


def _pair(text: str) -> tuple[str, str]:
    column, is_there, value = text.partition("=")
    if not is_there or not column or not value:
        raise DecisionRefused("--key", f"{text!r} is not COLUMN=VALUE, such as account_id=4711")
    return column, value


def _show(seen: Traces) -> None:
    for each in seen.found:
        row = each.row
        aside = f", {each.quarantined:,} in quarantine" if each.quarantined else ""
        say(f"{row.table} {row.period} {row.batch_id} ({row.status}): {each.staged:,} rows{aside}")
    say(
        f"{seen.rows:,} rows in {len(seen.found)} batches, "
        f"read from {len(seen.files)} delivered files"
    )
    if seen.unsearched:
        say(f"without the key's columns, not searched: {', '.join(seen.unsearched)}")
    for file in seen.unread:
        say(f"never read, not searched: {file.feed} {file.period} version {file.version}")
