"""`wharf lake`: look after the lake itself."""

from __future__ import annotations

import click

from wharf.cli.installation import now, open_installation, say
from wharf.settings import read_settings


@click.group()
def lake() -> None:
    """Look after the lake itself."""


@lake.command()
@click.argument("table", required=False)
def report(table: str | None) -> None:
    """List what was begun and never finished, of one table or of all.

    Folders of batches without their record, batches staged and never published, and metadata
    files that no snapshot names. Nothing of it is read by anybody, and nothing is deleted.
    """
    from wharf.watch.leftovers import leftovers

    here, at = open_installation(), now()
    feeds = {feed.table for feed in here.promises.feeds.values()}
    tables = [table] if table else sorted({*here.intake.lake.tables(), *feeds})
    found = 0
    for name in tables:
        for line in leftovers(here.intake, name, at):
            say(line)
            found += 1
    say(f"{found} left over in {len(tables)} tables" if found else "nothing is left over")


@lake.command("rebuild-catalog")
@click.option("--dry-run", is_flag=True, help="Say what the catalog lacks; change nothing.")
def rebuild_catalog(dry_run: bool) -> None:
    """Let the catalog point at the newest metadata of every table that lies in the lake.

    Nothing is written but the pointers. A publish that was killed before it moved its pointer is
    left to its run's retry. See docs/recovery.md.
    """
    from wharf.lake import open_rescue
    from wharf.ledger import Ledger, batches

    settings = read_settings()
    rescue = open_rescue(settings)
    ledger = Ledger.open(settings.ledger_url)

    def acknowledged(table: str) -> set[int]:
        with ledger.read() as tx:
            return {event.snapshot_id for event in batches.publishes_of(tx, table)}

    lacking = 0
    for found in rescue.survey(acknowledged):
        wanted = found.verdict in {"missing", "older"}
        lacking += wanted
        if wanted and not dry_run:
            rescue.register(found)
        say(f"{'pointed ' if wanted and not dry_run else '        '}{found}")
    if dry_run:
        say(f"{lacking} tables would be pointed at their newest metadata; nothing was changed")
    else:
        say(f"{lacking} tables pointed at their newest metadata")
        if lacking:
            say("Next: `wharf ledger rebuild` records what the ledger does not know of them")
