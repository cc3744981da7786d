"""`wharf product`: what was released of a product, and going back to an earlier release."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from wharf.cli.installation import Installation, now, open_installation, say, who

if TYPE_CHECKING:
    from wharf.products import Context


@click.group()
def product() -> None:
    """List the releases of a product, and go back to an earlier one."""


@product.command()
@click.argument("name", metavar="PRODUCT")
@click.argument("period", required=False)
def releases(name: str, period: str | None) -> None:
    """List what was released of PRODUCT, newest last; of one PERIOD, when given."""
    from wharf.ledger.products import releases_of

    here = open_installation()
    spec = _context(here).product(name)
    wanted = spec.parse_period(period).key if period else None
    with here.intake.ledger.read() as tx:
        rows = releases_of(tx, name, wanted)
    table = Table("period", "manifest", "when", "by", "what", "tables")
    for row in rows:
        tables = ", ".join(f"{each} {made['batch_id']}" for each, made in row.tables.items())
        when = f"{row.at:%Y-%m-%d %H:%M}"
        table.add_row(row.period, row.manifest_id, when, row.by, row.action, tables)
    Console().print(table if rows else f"{name} has no release{f' of {period}' if period else ''}")


@product.command()
@click.argument("name", metavar="PRODUCT")
@click.option("--to", "manifest", required=True, help="A released manifest; see `releases`.")
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
@click.option("--force", is_flag=True, help="Also where a table does not pass its audit of today.")
def rollback(name: str, manifest: str, reason: str, force: bool) -> None:
    """Let readers of PRODUCT see what an earlier manifest released for its period.

    Every table is audited again before the first one moves; who hears of its quality is told.
    """
    from wharf import products
    from wharf.decisions import plain
    from wharf.watch.rolled_back import tell_release_rollback

    here, at = open_installation(), now()
    row = products.rollback_release(
        _context(here), name, manifest, now=at, by=who(), reason=plain(reason), force=force
    )
    say(f"{name} {row.period} reads manifest {manifest} again")
    told = tell_release_rollback(here.intake, here.promises, row, reason=plain(reason))
    say(f"told of it: {', '.join(told)}" if told else "no other product reads it")


def _context(here: Installation) -> Context:
    from wharf.products import Context

    return Context.of(here.intake, here.promises.project)
