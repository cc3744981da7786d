"""`wharf quarantine`: look at rows and batches kept aside, give them out, take them back in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from wharf.cli.installation import Installation, now, open_installation, say
from wharf.cli.terminal import one_line, show_table
from wharf.errors import DecisionRefused
from wharf.ledger import batches
from wharf.ledger.rows import BatchRow

if TYPE_CHECKING:
    from wharf.decisions.quarantine import Kept
    from wharf.reading.quarantine_rows import Held

REASON = click.option("--reason", required=True, help="Why; kept in the audit trail.")


@click.group()
def quarantine() -> None:
    """Look at rows and batches kept aside, correct them, and have them read again."""


def _batch(command: click.decorators.FC) -> click.decorators.FC:
    """One feed and period, and which of its batches."""
    chosen = click.option(
        "--batch", "batch_id", default="", help="This batch; the newest by default."
    )
    command = chosen(command)
    command = click.argument("period_key", metavar="PERIOD")(command)
    return click.argument("feed_name", metavar="FEED")(command)


def _filter(command: click.decorators.FC) -> click.decorators.FC:
    """Which rows."""
    for name in ("file", "column", "reason"):
        text = f"Only rows with this {name}, as `show` counts them."
        command = click.option(f"--with-{name}", name, default="", help=text)(command)
    return command


@quarantine.command("list")
@click.argument("feed_name", metavar="[FEED]", default="")
@click.argument("period_key", metavar="[PERIOD]", default="")
@click.option("--all", "everything", is_flag=True, help="Also batches that newer ones replaced.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_(feed_name: str, period_key: str, everything: bool, as_json: bool) -> None:
    """List batches of which rows, or the whole, are in quarantine; the newest first."""
    from wharf.decisions.quarantine import quarantined

    here = open_installation()
    period = here.feed(feed_name).parse_period(period_key).key if period_key else ""
    if feed_name:
        here.feed(feed_name)
    with here.intake.ledger.read() as tx:
        found = quarantined(tx, feed_name, period, everything=everything)
    if as_json:
        for kept in found:
            say(json.dumps(_described(kept), default=str))
        return
    if not found:
        say("nothing is in quarantine")
        return
    table = Table("feed", "period", "batch", "what", "rows", "in file", "why")
    for kept in found:
        row = kept.batch
        table.add_row(
            escape(row.subject), row.period, row.batch_id, _what(kept),
            f"{row.rows_quarantined:,}", f"{row.rows_in_file:,}", escape(_why(kept)),
        )  # fmt: skip
    show_table(table)


@quarantine.command()
@_batch
@_filter
@click.option("--rows", "most", default=20, show_default=True, help="How many rows to show.")
@click.option("--from", "start", default=0, help="How many rows to pass over first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each row.")
def show(
    feed_name: str, period_key: str, batch_id: str, file: str, column: str, reason: str,
    most: int, start: int, as_json: bool,
) -> None:  # fmt: skip
    """Show the quarantined rows of a delivery, and how many there are of each reason.

    Values of columns that the contract marks as sensitive are hidden; where a row's cells cannot
    be told apart, its whole text is.
    """
    from wharf.decisions.quarantine import describe_kept, opened
    from wharf.reading.quarantine_rows import Filter

    here = open_installation()
    row = _row_of(here, feed_name, period_key, batch_id)
    wanted = Filter(reason, column, file)
    with opened(here.intake.lake, row, here.feed(feed_name)) as rows:
        shown = [] if rows is None else list(rows.rows(wanted, start=start, most=most))
        tallies = (
            {} if rows is None else {by: rows.tally(by) for by in ("reason", "column", "file")}
        )
        count = 0 if rows is None else rows.count(wanted)
    if as_json:
        for each in shown:
            say(json.dumps(each.describe(), ensure_ascii=False))
        return
    with here.intake.ledger.read() as tx:
        kept = describe_kept(tx, row)
    say(f"{row.subject} {row.period}, batch {row.batch_id}: {_what(kept)}")
    for text in kept.reasons:
        say(f"  {one_line(text)}")
    say(f"{row.rows_quarantined:,} of {row.rows_in_file:,} rows are in quarantine")
    _tell(tallies, shown, count, start)


@quarantine.command()
@_batch
@_filter
@click.option(
    "--to",
    "path",
    type=click.Path(path_type=Path),
    required=True,
    help="The file to write; its ending says how: .csv, .xlsx, .jsonl or .parquet.",
)
@click.option(
    "--with-sensitive",
    is_flag=True,
    help="Also values of sensitive columns; needs a reason, which is kept.",
)
@click.option("--reason", "why", default="", help="Why hidden values are needed.")
def export(
    feed_name: str, period_key: str, batch_id: str, file: str, column: str, reason: str,
    path: Path, with_sensitive: bool, why: str,
) -> None:  # fmt: skip
    """Write quarantined rows as a table that can be corrected and replayed.

    Correct cells in place, and leave the columns that begin with wharf_ as they are; write drop
    into wharf_do to leave a row out for good. A hidden cell that comes back is unchanged.
    """
    from wharf.cli.decide import desk_of, person
    from wharf.decisions.quarantine import export as write
    from wharf.decisions.quarantine import note_export
    from wharf.reading.quarantine_rows import Filter

    here = open_installation()
    feed = here.feed(feed_name)
    row = _row_of(here, feed_name, period_key, batch_id)
    if with_sensitive:
        note_export(desk_of(here), row, row.rows_quarantined, person(), now(), why)
    kind, wanted = path.suffix.lower().lstrip("."), Filter(reason, column, file)
    count = write(here.intake.lake, row, feed, path, kind, wanted, hides=not with_sensitive)
    say(f"{count:,} rows in {path}")
    again = f"wharf quarantine replay {feed_name} {row.period} {path} --reason ..."
    say(f"next: correct it, then `{again}`")


@quarantine.command()
@click.argument("feed_name", metavar="FEED")
@click.argument("period_key", metavar="PERIOD")
@click.argument(
    "file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@REASON
def replay(feed_name: str, period_key: str, file: Path | None, reason: str) -> None:
    """Read a delivery again, with corrected rows from FILE, or under a contract that changed.

    What comes of it goes the way of every batch: the same reading, the same audit, the same rules
    for publishing. Corrections stay in force for these bytes until they are taken back with
    `wharf revoke`.
    """
    from wharf.cli.decide import desk_of, person
    from wharf.decisions.replaying import keep_corrections
    from wharf.decisions.replaying import replay as read_again
    from wharf.watch.evaluate import settle

    here = open_installation()
    feed, desk, by = here.feed(feed_name), desk_of(here), person()
    period = feed.parse_period(period_key)
    if file is not None:
        with here.settings.workplace("replay") as folder, file.open("rb") as content:
            kept, is_new = keep_corrections(
                here.intake, desk, feed_name, period.key, file.name, content, folder, by, now(),
                reason,
            )  # fmt: skip
        said = "kept" if is_new else "known already"
        rows, dropped = kept.detail.get("rows"), kept.detail.get("dropped")
        say(f"correct  {rows} rows corrected, {dropped} left out: {said} as decision {kept.seq}")
    try:
        done = read_again(here.intake, desk, feed, period, by, now(), reason)
        if not done.is_new:
            say(f"replay   nothing new: readers see batch {done.batch.batch_id} of exactly this")
            return
        row = done.batch
        say(
            f"stage    batch {row.batch_id}: {row.rows_staged:,} rows staged, "
            f"{row.rows_quarantined:,} still in quarantine, {done.rows_dropped:,} left out, "
            f"{row.rows_in_file:,} in all"
        )
        say("audit    passed")
        say(f"publish  {row.table}, snapshot {done.snapshot}")
    finally:
        state = settle(here.intake, here.promises, feed, period, now())
        say(f"state    {state.timeliness}, {state.delivery}: {state.reason}")


@quarantine.command()
@_batch
@REASON
def discard(feed_name: str, period_key: str, batch_id: str, reason: str) -> None:
    """Settle that a batch in quarantine is not published, whatever a later audit says of it.

    Nothing is deleted: `wharf revoke` takes it back.
    """
    from wharf import decisions
    from wharf.cli.decide import desk_of, person
    from wharf.decisions.replaying import discard as settle_it

    here = open_installation()
    row = _row_of(here, feed_name, period_key, batch_id)
    made = settle_it(desk_of(here), feed_name, row.batch_id, person(), now(), reason)
    say(decisions.sentence(made, now()))


def _row_of(here: Installation, feed_name: str, period_key: str, batch_id: str) -> BatchRow:
    period = here.feed(feed_name).parse_period(period_key)
    with here.intake.ledger.read() as tx:
        rows = batches.batches_for(tx, feed_name, period.key)
    found = [row for row in rows if batch_id in {"", row.batch_id}]
    if not found:
        choices = ", ".join(row.batch_id for row in rows) or "none yet"
        raise DecisionRefused(
            "batch", f"{feed_name} {period} has no such batch; there are: {choices}"
        )
    return found[-1]


def _what(kept: Kept) -> str:
    if kept.discarded:
        return f"discarded by {kept.discarded.by}"
    if kept.is_whole:
        return "whole batch"
    return "rows, the rest is read" if kept.is_read else "rows"


def _why(kept: Kept) -> str:
    if kept.discarded:
        return one_line(kept.discarded.reason)
    if kept.reasons:
        return "; ".join(map(one_line, kept.reasons))
    reasons = kept.batch.origin.get("read", {}).get("reasons", {})
    return ", ".join(f"{reason} ({count:,})" for reason, count in list(reasons.items())[:3])


def _described(kept: Kept) -> dict[str, object]:
    row = kept.batch
    return {
        "feed": row.subject, "period": row.period, "batch_id": row.batch_id, "status": row.status,
        "is_read": kept.is_read, "rows_in_file": row.rows_in_file, "rows_staged": row.rows_staged,
        "rows_quarantined": row.rows_quarantined, "findings": kept.reasons,
        "reasons": row.origin.get("read", {}).get("reasons", {}),
        "discarded": kept.discarded.seq if kept.discarded else None,
    }  # fmt: skip


def _tell(
    tallies: dict[str, list[tuple[str, int]]], shown: Sequence[Held], count: int, start: int
) -> None:
    for by, tally in tallies.items():
        told = ", ".join(f"{one_line(value) or 'no single one'} {n:,}" for value, n in tally[:8])
        more = f", and {len(tally) - 8} more" if len(tally) > 8 else ""
        say(f"by {by + ':':<8} {told}{more}")
    if not shown:
        return
    table = Table("file", "line", "byte", "column", "reason", "as it was written")
    for each in shown:
        raw = "[hidden]" if each.raw is None else each.raw
        table.add_row(
            escape(one_line(each.file)), str(each.line),
            "" if each.byte is None else str(each.byte),
            escape(each.column), escape(each.reason), escape(one_line(raw)),
        )  # fmt: skip
    show_table(table)
    last = start + len(shown)
    if last < count:
        say(f"rows {start + 1:,} to {last:,} of {count:,}; more with --from {last}")
