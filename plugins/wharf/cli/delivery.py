"""`wharf delivery`: the versions of one period, and what changed between two of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table

from wharf.cli.installation import open_installation, say
from wharf.cli.terminal import minute, one_line, show_table

if TYPE_CHECKING:
    from wharf.batches.changes import Changes
    from wharf.batches.versions import Version, Versions


@click.group()
def delivery() -> None:
    """Show the versions of one period, and compare two of them."""


@delivery.command("list")
@click.argument("feed_name", metavar="FEED")
@click.argument("period_key", metavar="PERIOD")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def list_(feed_name: str, period_key: str, as_json: bool) -> None:
    """List every version that came for a period: its verdict, its batches, and what is read."""
    from wharf.batches.versions import versions_of

    here = open_installation()
    feed = here.feed(feed_name)
    with here.intake.ledger.read() as tx:
        found = versions_of(tx, feed, feed.parse_period(period_key).key)
    if as_json:
        say(json.dumps(found.describe(), default=str, indent=2))
        return
    if not found.deliveries:
        say(f"nothing was delivered for {found.feed} {found.period}")
        return
    _print_deliveries(found)
    _print_batches(found)


@delivery.command()
@click.argument("feed_name", metavar="FEED")
@click.argument("period_key", metavar="PERIOD")
@click.argument("was", metavar="[A]", default="")
@click.argument("later", metavar="[B]", default="")
@click.option("--rows", "most", default=20, show_default=True, help="How many rows of each kind.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def diff(feed_name: str, period_key: str, was: str, later: str, most: int, as_json: bool) -> None:
    """Compare two versions of a period row by row: added, removed, and cells that changed.

    A and B are batch ids or version numbers, as `wharf delivery list` shows them. Without B it is
    what is read now, without A the batch before that. Rows are told apart by the contract's `key`;
    without one whole rows are compared. Values of sensitive columns are hidden.
    """
    from wharf.batches.changes import changes
    from wharf.batches.versions import pair_to_compare, versions_of

    here = open_installation()
    feed = here.feed(feed_name)
    with here.intake.ledger.read() as tx:
        found = versions_of(tx, feed, feed.parse_period(period_key).key)
    one, other = pair_to_compare(found, was, later)
    lake = here.intake.lake
    before, after = (lake.read_batch(row.table, row.period, row.batch_id) for row in (one, other))
    told = changes(lake, before, after, feed.key, sensitive=feed.sensitive, shown=most)
    if as_json:
        say(json.dumps(asdict(told), default=str, indent=2))
        return
    say(f"{feed.feed} {found.period}: batch {told.was} (version {one.version})")
    say(f"{' ' * len(feed.feed + found.period)}  and {told.now} (version {other.version})")
    _tell(told)


def _tell(told: Changes) -> None:
    by = f"by {', '.join(told.key)}" if told.key else "whole rows compared"
    say(
        f"{told.rows_was:,} rows before, {told.rows_now:,} after: {told.added:,} added, "
        f"{told.removed:,} removed, {told.changed:,} changed ({by})"
    )
    for what, names in (("new", told.columns_added), ("gone", told.columns_removed)):
        if names:
            say(f"columns {what}: {', '.join(names)}; not compared")
    if told.by_column:
        say("changed: " + ", ".join(f"{name} in {n:,}" for name, n in told.by_column.items()))
    for sign, rows in (("+", told.rows_added), ("-", told.rows_removed)):
        for row in rows:
            say(f"  {sign} {_values(row)}")
    for each in told.rows_changed:
        cells = ", ".join(f"{name}: {old} -> {new}" for name, (old, new) in each.cells.items())
        say(f"  ~ {_values(each.key)}: {one_line(cells)}")
    shown = len(told.rows_added) + len(told.rows_removed) + len(told.rows_changed)
    if shown < told.added + told.removed + told.changed:
        say("  more with --rows")


def _values(row: Mapping[str, Any]) -> str:
    return one_line(", ".join(f"{name}={value}" for name, value in row.items()))


def _print_deliveries(found: Versions) -> None:
    table = Table(
        "no", "part", "version", "verdict", "sent (UTC)", "arrived (UTC)", "landed (UTC)", "bytes",
        "sha256", "outcome", title=f"{found.feed} {found.period}: deliveries",
    )  # fmt: skip
    for each in found.deliveries:
        row = each.delivery
        reason = f": {row.reason}" if row.reason else ""
        mark = " *" if each.is_current else ""
        table.add_row(
            str(row.seq), escape(row.part), f"{row.version}{mark}", _verdict(each),
            minute(row.submitted_at), minute(row.arrived_at), minute(row.landed_at),
            f"{row.size:,}", row.sha256[:12],
            escape(one_line((row.outcome or "not read") + reason)),
        )  # fmt: skip
    show_table(table)
    say("* counts now")


def _verdict(version: Version) -> str:
    row = version.delivery
    told = row.verdict
    if row.reverts_to:
        told += f", back to {row.reverts_to}"
    if row.same_as_period:
        told += f", bytes of {row.same_as_period}"
    return told


def _print_batches(found: Versions) -> None:
    if not found.batches:
        return
    table = Table(
        "batch", "version", "of deliveries", "status", "staged", "quarantined", "in file",
        "read now", title="batches",
    )  # fmt: skip
    for row in found.batches:
        of = ", ".join(str(each["delivery"]) for each in row.origin.get("deliveries", ()))
        corrected = len(row.origin.get("fixes", ()))
        table.add_row(
            row.batch_id, str(row.version), of + (f" + {corrected} corrections" * bool(corrected)),
            row.status, f"{row.rows_staged:,}", f"{row.rows_quarantined:,}",
            f"{row.rows_in_file:,}", "yes" if row.batch_id == found.read_now else "",
        )  # fmt: skip
    show_table(table)
