"""`wharf quality`: how audits came out, and every row that broke an expectation."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from wharf.cli.installation import Installation, open_installation, say
from wharf.ledger import audits
from wharf.ledger.audits import BatchAudit, CheckOutcome

WIDE_ENOUGH = 120


@click.group()
def quality() -> None:
    """How audits came out over time, and the rows that broke an expectation."""


@quality.command()
@click.argument("feed", metavar="FEED")
@click.option("--last", default=30, show_default=True, type=click.IntRange(1, 1000),
              help="How many batches to look back.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each outcome.")
def history(feed: str, last: int, as_json: bool) -> None:
    """Show how each expectation of a feed's suite came out, and since when it fails."""
    here = open_installation()
    with here.intake.ledger.read() as tx:
        outcomes = audits.outcomes_of(tx, feed, batches=last)
        audited = audits.audits_of(tx, feed, last)
    if as_json:
        for each in outcomes:
            click.echo(json.dumps({**vars(each), "at": each.at.isoformat()}))
        return
    if not audited:
        say(f"no batch of {feed} was audited yet; feeds with a contract: `wharf status`")
        return
    console = Console()
    console.width = max(console.width, WIDE_ENOUGH)
    console.print(_table(outcomes))
    for one in audited:
        for found in one.findings:
            console.print(escape(f"{one.period}  {found['severity']}: {found['message']}"))


@quality.command()
@click.argument("batch_id")
@click.option(
    "--number", type=click.IntRange(1), help="Only those of one expectation of its suite."
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(0),
              help="How many to show; 0 for all.")  # fmt: skip
@click.option("--csv", "as_csv", is_flag=True, help="All of them as CSV.")
def failures(batch_id: str, number: int | None, limit: int, as_csv: bool) -> None:
    """List the rows of a batch that break an expectation, with file, line and key."""
    from wharf.quality import read_failing, write_csv

    here = open_installation()
    with here.intake.ledger.read() as tx:
        found = audits.audit_of(tx, batch_id)
    if found is None:
        raise click.BadParameter(f"no audit of a batch {batch_id!r}; see `wharf batch list TABLE`")
    if not found.failing_uri:
        say(f"no row of {batch_id} breaks an expectation")
        return
    with TemporaryDirectory(prefix="wharf-failures-") as folder:
        file = _fetched(here, found, Path(folder))
        if as_csv:
            write_csv(read_failing(str(file), number=number), sys.stdout)
            return
        rows = read_failing(str(file), number=number, limit=limit or None)
        table = Table("expectation", "severity", "file", "line", "key", "value")
        for row in rows:
            told = (row["expectation"], row["severity"], row["file"], row["line"], row["key"])
            table.add_row(*(escape(_shown(each)) for each in (*told, row["value"])))
    console = Console()
    console.width = max(console.width, WIDE_ENOUGH)
    console.print(table)
    say(f"{found.failing_rows:,} in all, in {found.failing_uri}")


def _table(outcomes: list[CheckOutcome]) -> Table:
    by_check: defaultdict[str, list[CheckOutcome]] = defaultdict(list)
    for each in outcomes:
        by_check[each.check].append(each)
    table = Table("expectation", "severity", "held", "last", "fails since", "last outcome")
    for points in by_check.values():
        last = points[-1]
        held = sum(each.success for each in points)
        strip = "".join("." if e.success else "!" if e.errored else "x" for e in points[-20:])
        table.add_row(
            escape(_shown(last.expected)), last.severity, f"{held}/{len(points)}", strip,
            _since(points), escape(_shown(last.observed)),
        )  # fmt: skip
    return table


def _since(points: list[CheckOutcome]) -> str:
    since = ""
    for each in reversed(points):
        if each.success:
            break
        since = each.period
    return since


def _shown(value: object) -> str:
    from wharf.quality.words import shown

    return "" if value is None else shown(value, 100)


def _fetched(here: Installation, found: BatchAudit, folder: Path) -> Path:
    file = folder / "failures.parquet"
    with here.intake.lake.storage.open(found.failing_uri) as reading, file.open("wb") as writing:
        while part := reading.read(1 << 20):
            writing.write(part)
    return file
