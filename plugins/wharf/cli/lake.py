"""`wharf lake`: look after the lake itself."""

from __future__ import annotations

import click

from wharf.cli.installation import now, open_installation, say


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
