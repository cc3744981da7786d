"""`wharf batch`: look at batches, publish one by hand, roll one back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import click
from rich.console import Console
from rich.table import Table

from wharf.cli.installation import Installation, now, open_installation, say, who
from wharf.contracts import Feed
from wharf.lake import Batch
from wharf.ledger import batches
from wharf.ledger.rows import BatchRow

# Columns: a batch id must be shown whole, since other commands are given it.
WIDE_ENOUGH = 110


@click.group()
def batch() -> None:
    """Look at batches, publish one by hand, roll one back."""


@batch.command("list")
@click.argument("table_name", metavar="TABLE")
@click.argument("period", required=False)
def list_batches(table_name: str, period: str | None) -> None:
    """List the batches of a table such as raw.alder_parcels, of one period or all."""
    here = open_installation()
    with here.intake.ledger.read() as tx:
        rows = batches.batches_of(tx, table_name, period)
        read = set(batches.current(tx, table_name).values())
    if not rows:
        say(f"no batches of {table_name} {period or ''}".rstrip())
        return
    table = Table("period", "batch", "status", "version", "staged", "quarantined", "read now")
    for row in rows:
        table.add_row(
            row.period, row.batch_id, row.status, str(row.version), f"{row.rows_staged:,}",
            f"{row.rows_quarantined:,}", "yes" if row.batch_id in read else "",
        )  # fmt: skip
    console = Console()
    console.width = max(console.width, WIDE_ENOUGH)
    console.print(table)


@batch.command()
@click.argument("batch_id")
def show(batch_id: str) -> None:
    """Show what a batch is made of, how its audit ended, and where the results are."""
    here = open_installation()
    with here.intake.ledger.read() as tx:
        row = batches.batch(tx, batch_id)
    if row is None:
        raise click.BadParameter(f"the ledger knows no batch {batch_id!r}")
    click.echo(json.dumps({
        "batch_id": row.batch_id, "table": row.table, "period": row.period, "status": row.status,
        "rows_in_file": row.rows_in_file, "rows_staged": row.rows_staged,
        "rows_quarantined": row.rows_quarantined, "findings": row.findings,
        "results": row.results, "origin": row.origin,
    }, indent=2, default=str))  # fmt: skip


@batch.command()
@click.argument("batch_id")
@click.option("--reason", required=True, help="Why you accept this batch; kept in the audit trail.")
def publish(batch_id: str, reason: str) -> None:
    """Publish a batch by hand: a restatement after the cut-off, or one rolled back before.

    One of which a critical check failed needs two people who have signed in: the board asks them.
    """
    here = open_installation()
    with here.intake.ledger.read() as tx:
        row = batches.batch(tx, batch_id)
    if row and row.subject in here.promises.feeds:
        _decide(here, row, reason)
    else:
        here.intake.batches.publish(batch_id, now=now(), by=who(), reason=reason, force=True)
    with here.intake.ledger.read() as tx:
        events = batches.publishes_of(tx, row.table, row.period) if row else []
    _settle(batch_id)
    say(f"published {batch_id}, snapshot {events[-1].snapshot_id if events else 'unknown'}")


@batch.command()
@click.argument("table_name", metavar="TABLE")
@click.argument("period")
@click.option("--to", "to", help="The batch to read again; the one before the current by default.")
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
@click.option("--force", is_flag=True, help="Also where it does not pass the suite of today.")
def rollback(table_name: str, period: str, to: str | None, reason: str, force: bool) -> None:
    """Let readers of one period of a table see an earlier batch again.

    It is audited with the feed's suite of today first, and the products that read it are told.
    """
    here, at = open_installation(), now()
    target = to or here.intake.batches.previous(table_name, period)
    feed = next((f for f in here.promises.feeds.values() if f.table == table_name), None)

    def audit(batch: Batch) -> Sequence[str]:
        from wharf.batches.auditing import audit_again

        place = here.settings
        if feed is None:
            return []
        return audit_again(
            here.intake.lake, feed, batch, project=place.project, results=place.results, now=at
        )

    snapshot = here.intake.batches.rollback(
        table_name, period, to=target, by=who(), reason=reason, now=at, audit=audit, force=force
    )
    if target:
        _settle(target)
    say(f"{table_name} {period} reads {target or 'nothing'} again, snapshot {snapshot}")
    if feed:
        _tell(here, feed, period, target, reason, at)


def _decide(here: Installation, row: BatchRow, reason: str) -> None:
    from wharf.cli.decide import desk_of, person
    from wharf.decisions import KINDS, Wish, plain
    from wharf.decisions.publishing import force_publish

    at = now()
    until = at + KINDS["force_publish"].usual
    detail = {"batch_id": row.batch_id}
    wish = Wish("force_publish", row.subject, plain(reason), until, row.period, detail=detail)
    force_publish(desk_of(here), here.intake.batches, wish, person(), at)


def _tell(
    here: Installation, feed: Feed, period: str, target: str | None, reason: str, at: datetime
) -> None:
    from wharf.watch.rolled_back import tell_rollback

    told = tell_rollback(
        here.intake,
        here.promises,
        feed,
        feed.parse_period(period),
        now_read=target,
        by=who(),
        reason=reason,
        now=at,
    )
    say(f"told of it: {', '.join(told)}" if told else "no product reads it")


def _settle(batch_id: str) -> None:
    from wharf.watch.evaluate import settle

    here = open_installation()
    with here.intake.ledger.read() as tx:
        row = batches.batch(tx, batch_id)
    if row and row.subject in here.promises.feeds:
        feed = here.promises.feeds[row.subject]
        settle(here.intake, here.promises, feed, feed.parse_period(row.period), now())
