"""`wharf anchor`: have a product read one batch, whatever is published or rolled back."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from wharf.cli.decide import UNTIL
from wharf.cli.installation import Installation, now, open_installation, say, who

if TYPE_CHECKING:
    from wharf.ledger.anchors import Anchor


@click.group()
def anchor() -> None:
    """Bind a product's input to one batch or release, until a time."""


@anchor.command("set")
@click.argument("product", metavar="PRODUCT")
@click.argument("name", metavar="INPUT")
@click.option("--batch", "batch_id", help="A published batch of the feed; see `wharf batch list`.")
@click.option(
    "--release", "release_seq", type=int, help="A release of an input product, by number."
)
@click.option("--period", help="Only for this period of the product.")
@click.option("--until", required=True, help=UNTIL)
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
def set_(
    product: str,
    name: str,
    batch_id: str | None,
    release_seq: int | None,
    period: str | None,
    until: str,
    reason: str,
) -> None:
    """Have PRODUCT read one batch of INPUT: no publish and no rollback moves it.

    What is made already stays as it is; the next run of its DAG makes it of the anchored batch.
    """
    from wharf import products
    from wharf.decisions import plain
    from wharf.decisions.instants import parse_instant

    here, at = open_installation(), now()
    with here.intake.ledger.write() as tx:
        row = products.set_anchor(
            tx,
            here.promises.project,
            product,
            name,
            until=parse_instant(until, at),
            by=who(),
            reason=plain(reason),
            now=at,
            batch_id=batch_id,
            release_seq=release_seq,
            period=period,
        )
    _tag(here, row, at)
    bound = row.batch_id or f"release {row.release_seq}"
    say(f"anchor {row.seq}: {product} reads {bound} of {name} until {row.until:%Y-%m-%d %H:%M} UTC")


@anchor.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that ended or were removed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(everything: bool, as_json: bool) -> None:
    """List the anchors in force."""
    from wharf.ledger import anchors

    at = now()
    with open_installation().intake.ledger.read() as tx:
        found = anchors.anchors(tx, None if everything else at)
    if not found and not as_json:
        say("no anchors")
    for row in found:
        if as_json:
            click.echo(json.dumps(asdict(row), default=str))
            continue
        bound = row.batch_id or f"release {row.release_seq}"
        only = f" {row.period}" if row.period else ""
        gone = f"; removed by {row.revoked_by}" if row.revoked_at else ""
        say(
            f"{row.seq}  {row.consumer}{only}: {row.table} is {bound} until "
            f"{row.until:%Y-%m-%d %H:%M} UTC; {row.by}: {row.reason}{gone}"
        )


@anchor.command("renew")
@click.argument("number", type=int, metavar="ANCHOR")
@click.option("--until", required=True, help=UNTIL)
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
def renew(number: int, until: str, reason: str) -> None:
    """Let an anchor last until another time; it gets a new number."""
    from wharf import products
    from wharf.decisions import plain
    from wharf.decisions.instants import parse_instant

    here, at = open_installation(), now()
    end = parse_instant(until, at)
    with here.intake.ledger.write() as tx:
        row = products.renew_anchor(tx, number, until=end, by=who(), reason=plain(reason), now=at)
    _tag(here, row, at)
    say(f"anchor {row.seq}, before {number}, lasts until {row.until:%Y-%m-%d %H:%M} UTC")


@anchor.command("remove")
@click.argument("number", type=int, metavar="ANCHOR")
def remove(number: int) -> None:
    """Let a product follow its input again, from the next change of an input on."""
    from wharf import products

    here, at = open_installation(), now()
    with here.intake.ledger.write() as tx:
        row = products.remove_anchor(tx, number, by=who(), now=at)
    _tag(here, row, at)
    say(f"anchor {row.seq} is removed; {row.consumer} follows {row.table} again")


def _tag(here: Installation, row: Anchor, at: datetime) -> None:
    """Let plain Iceberg engines see the anchor too; `maintenance` does it where this fails."""
    from wharf import products
    from wharf.ledger import products as product_rows

    with here.intake.ledger.read() as tx:
        release = product_rows.find_release(tx, row.release_seq) if row.release_seq else None
    for table in release.tables if release else [row.table]:
        products.sync_anchor_tags(here.intake.lake, here.intake.ledger, table, at)
