"""`wharf ledger`: back the ledger up, restore it, fill it again from lake and landing area."""

from __future__ import annotations

from pathlib import Path

import click

from wharf.cli.installation import now, open_installation, say
from wharf.settings import read_settings

FILE = click.Path(dir_okay=False, path_type=Path)
LOST = (
    "decisions, corrections in force, incidents, messages, manifests, releases, model versions, "
    "erasures, figures of audits, past times of arrival; only a backup has them"
)
SHOWN = 20
"""Lines of what could not be known, before the rest is only counted."""


@click.group()
def ledger() -> None:
    """Back the ledger up, restore it, rebuild what a lost one held."""


@ledger.command()
@click.argument("file", type=FILE)
def backup(file: Path) -> None:
    """Copy the whole ledger into FILE while it is used; the copy is checked and synced.

    FILE is one SQLite file, whichever database the ledger is in. An existing file is refused.
    """
    from wharf.ledger import Ledger
    from wharf.ledger.backup import back_up

    opened = Ledger.open(read_settings().ledger_url)
    size = back_up(opened, file.absolute(), _progress)
    say(f"backed up to {file}, {size:,} bytes")


@ledger.command()
@click.argument("file", type=FILE)
@click.option("--dry-run", is_flag=True, help="Check the file; change nothing.")
def restore(file: Path, dry_run: bool) -> None:
    """Fill an empty ledger from FILE, in SQLite or Postgres, then tell what to do next.

    A ledger that holds rows is refused: move its file away, or name an empty database.
    """
    from wharf.ledger.backup import check_backup
    from wharf.ledger.backup import restore as fill

    if dry_run:
        version = check_backup(file.absolute())
        say(f"{file} is a whole backup, of a ledger of version {version}; nothing was changed")
        return
    rows = fill(file.absolute(), read_settings().ledger_url, _progress)
    say(f"restored {rows:,} rows. Next: `wharf ledger rebuild` adds what came after the backup")


@ledger.command()
@click.option("--dry-run", is_flag=True, help="Say what is missing; add nothing.")
def rebuild(dry_run: bool) -> None:
    """Add to the ledger what the lake and the landing area tell and it does not hold.

    Deliveries, batches, publishes and the anchors that a tag tells of come back. Decisions, other
    anchors, incidents, messages, manifests, releases, model versions, erasures, figures of audits
    and past times of arrival do not: only a backup has them. See docs/recovery.md.
    """
    from wharf import products
    from wharf.batches import rebuild as fill

    here = open_installation()
    place = here.intake
    done = fill(
        place.lake,
        place.landing,
        place.ledger,
        here.settings.results,
        dry_run=dry_run,
        progress=_progress,
    )
    said = ", ".join(f"{number} {status}" for status, number in sorted(done.batches.items()))
    verb = "missing" if dry_run else "added"
    say(f"{verb}: {done.deliveries} deliveries")
    say(f"{verb}: {done.batches.total()} batches{f' ({said})' if said else ''}")
    say(f"{verb}: {done.movements} movements of tables")
    bound = products.anchors_from_tags(place.lake, place.ledger, now(), dry_run=dry_run)
    say(f"{verb}: {len(bound)} anchors")
    for each in bound:
        say(f"  {each.consumer} reads {each.batch_id} of {each.table}; set it anew with its end")
    say(f"not here: {LOST}")
    for line in done.unknown[:SHOWN]:
        say(f"unknown: {line}")
    if len(done.unknown) > SHOWN:
        say(f"unknown: {len(done.unknown) - SHOWN} more")


def _progress(text: str) -> None:
    click.echo(text, err=True)
