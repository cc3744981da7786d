"""`wharf trace`: from any value back to the supplier's line, and from a file on to products."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wharf.cli.installation import Installation, open_installation, say
from wharf.cli.terminal import one_line
from wharf.errors import LakeError, ProductError
from wharf.ledger import Transaction, batches, deliveries, products, trail
from wharf.ledger.rows import BatchRow

if TYPE_CHECKING:
    from wharf.products.trail import Step
    from wharf.products.trail_rows import Place

_HASH = re.compile(r"[0-9a-f]{8,64}")
_TITLES = {"back": "made of", "on": "what was made of it"}
_QUIET = {"fingerprint", "uri", "run"}


@click.command()
@click.argument("what", metavar="WHAT")
@click.option("--period", default="", help="The period, where WHAT is a product, table or feed.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Rows in which a column has a value; several narrow them down.",
)
@click.option("--file", "file", default="", help="With --line: a delivered file, as in `_file`.")
@click.option("--line", type=int, help="With --file: a line of it, as in `_line`.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each trail.")
def trace(
    what: str, period: str, keys: tuple[str, ...], file: str, line: int | None, as_json: bool
) -> None:  # fmt: skip
    """Show where something comes from, back to the supplier, and what was made of it.

    WHAT is a product, a table such as raw.alder_parcels, a feed, a batch id, a manifest id, the
    number of a delivery, a sha256 (its first eight digits will do), or a local file, which is
    looked for by its bytes. With --key the rows themselves are followed to the line that the
    supplier wrote; values of sensitive columns are hidden.
    """
    here = open_installation()
    where = dict(_pair(each) for each in keys)
    if bool(file) != (line is not None):
        raise click.UsageError("--file and --line go together")
    if file:
        where |= {"_file": file, "_line": str(line)}
    steps = list(_trails(here, what, period, where))
    if not steps:
        raise ProductError(f"nothing is known of {what!r}{f' {period}' if period else ''}")
    for step in steps:
        if as_json:
            say(json.dumps(step.describe(), default=str, ensure_ascii=False))
        else:
            _tell(step, 0)


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found or not name:
        raise click.BadParameter(f"{text!r}: write COLUMN=VALUE", param_hint="--key")
    return name, value


def _trails(here: Installation, what: str, period: str, where: Mapping[str, str]) -> Iterator[Step]:
    """The trails of what was named; of its rows where some were asked for."""
    from wharf.products.trail import trace_batch, trace_delivery, trace_manifest, trace_product
    from wharf.products.trail_rows import trace_key, trace_line, trace_rows

    project, place = here.promises.project, _place(here)
    with here.intake.ledger.read() as tx:
        if what in project.products:
            key = _released_period(here, tx, what, period)
            step = trace_product(tx, project, what, key) if key else None
            if step is not None:
                yield from trace_key(place, step, where) if where else [step]
            return
        row = _batch_named(here, tx, what, period)
        if row is not None:
            if where.keys() == {"_file", "_line"}:
                line = trace_line(place, tx, row, where["_file"], int(where["_line"]))
                yield from trace_rows(place, row, where) or [line]
            else:
                yield from (
                    trace_rows(place, row, where) if where else [trace_batch(tx, project, row)]
                )
            return
        if where:
            raise ProductError(f"--key needs a product, a table, a feed or a batch, not {what!r}")
        if manifest := products.find_manifest(tx, what):
            yield trace_manifest(tx, project, manifest)
            return
        for landed in _deliveries_named(tx, what):
            yield trace_delivery(tx, project, landed)


def _place(here: Installation) -> Place:
    from wharf.products.trail_rows import Place

    own = here.intake
    return Place(own.ledger, own.lake, own.landing, here.promises.project, here.settings.work)


def _released_period(here: Installation, tx: Transaction, product: str, period: str) -> str | None:
    spec = here.promises.products[product]
    if period:
        return spec.parse_period(period).key
    found = products.releases_of(tx, product)
    return max((each.period for each in found), default=None)


def _batch_named(here: Installation, tx: Transaction, what: str, period: str) -> BatchRow | None:
    """A batch by its id, or the one that readers of a table or feed see of a period."""
    if row := batches.batch(tx, what):
        return row
    feed = here.promises.feeds.get(what)
    table = feed.table if feed else what
    if "." not in table or Path(what).is_file():
        return None
    read = batches.current(tx, table)
    if feed and period:
        period = feed.parse_period(period).key
    if not read:
        return None
    key = period or max(read)
    if key not in read:
        raise LakeError(f"readers of {table} see nothing of {key}; there is {_some(sorted(read))}")
    return batches.batch(tx, read[key])


def _deliveries_named(tx: Transaction, what: str) -> list[Any]:
    if Path(what).is_file():
        with Path(what).open("rb") as handle:
            return trail.deliveries_with_bytes(
                tx, hashlib.file_digest(handle, "sha256").hexdigest()
            )
    if what.isdecimal() and len(what) < 16:
        landed = deliveries.delivery_by_seq(tx, int(what))
        if landed is not None:
            return [landed]
    if _HASH.fullmatch(what.lower()):
        return trail.deliveries_with_bytes(tx, what.lower())
    return []


def _some(names: list[str]) -> str:
    return ", ".join(names) if len(names) < 8 else f"{names[0]} to {names[-1]}"


def _tell(step: Step, deep: int) -> None:
    from wharf.products.trail import told

    space = "  " * deep
    say(f"{space}{step.kind} {one_line(step.name)}")
    for name, value in step.facts.items():
        if name in _QUIET or value in (None, "", {}, []):
            continue
        text = told(value) if name != "line" else str(value)
        say(f"{space}    {name.replace('_', ' ')}: {one_line(text, 1000)}")
    for way, title in _TITLES.items():
        if steps := getattr(step, way):
            say(f"{space}  {title}")
            for each in steps:
                _tell(each, deep + 2)
