"""The last steps of the trail: which line a row was read from, and how the supplier wrote it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from wharf.contracts import Feed, Project
from wharf.errors import LakeError, ProductError, WharfError
from wharf.lake import Lake, Landing
from wharf.ledger import Ledger, Transaction, batches, deliveries
from wharf.ledger.rows import BatchRow, Delivery
from wharf.products.quoting import identifier
from wharf.products.trail import Step, batch_step, delivery_step
from wharf.reading import Shape, SourceFile
from wharf.reading.lines import line_of
from wharf.reading.shapes import HIDDEN, masked

SHOWN = 20
LONGEST = 4_000


@dataclass(frozen=True)
class Place:
    """What rows and lines are read from."""

    ledger: Ledger
    lake: Lake
    landing: Landing
    project: Project
    work: Path


def trace_rows(place: Place, row: BatchRow, where: Mapping[str, str]) -> list[Step]:
    """Rows of a batch by what stands in some of their columns, each back to its line.

    Args:
        place: The installation.
        row: The batch.
        where: Column -> value, as text; `_file` and `_line` of raw tables are columns too.

    Raises:
        ProductError: The batch has no such column, or a value is none of its type.
        LakeError: The batch cannot be read.
    """
    batch = place.lake.read_batch(row.table, row.period, row.batch_id)
    names = [each.name for each in batch.columns]
    if unknown := [name for name in where if name not in names]:
        own = ", ".join(names)
        raise ProductError(f"{row.table} has no column {unknown[0]!r}; it has {own}")
    found = list(_find(place.lake, batch, names, where))
    with place.ledger.read() as tx:
        return [_row(place, tx, row, each) for each in found]


def trace_key(place: Place, step: Step, where: Mapping[str, str]) -> list[Step]:
    """Rows with a key in every batch of suppliers' data on the way back from a step."""
    found = []
    for row in _raw_batches(place, step):
        batch = place.lake.read_batch(row.table, row.period, row.batch_id)
        if set(where) <= {each.name for each in batch.columns}:
            found += trace_rows(place, row, where)
    return found


def trace_line(place: Place, tx: Transaction, row: BatchRow, file: str, line: int) -> Step:
    """A line of a delivered file as the supplier wrote it, back to the supplier."""
    feed = place.project.feeds.get(row.subject)
    landed = _delivery_of(tx, row, file)
    facts: dict[str, Any] = {"file": file, "line": line}
    if fixed := row.origin.get("fixes", ()):
        facts["corrections"] = [each["decision"] for each in fixed]
    back = (delivery_step(tx, place.project, landed),) if landed else ()
    if landed is not None:
        text, problem = _written(place, row, feed, landed, file, line)
        facts |= {"text": text} if problem is None else {"text": None, "because": problem}
    return Step("line", f"{file}:{line}", facts, back)


def _find(
    lake: Lake, batch: Any, names: Sequence[str], where: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    import duckdb

    conditions = " AND ".join(f"{identifier(name)} = ?" for name in where) or "true"
    with duckdb.connect(":memory:", config={"memory_limit": "512MB"}) as connection:
        lake.prepare(connection)
        relation = lake.scan_batches_sql([batch])
        try:
            rows = connection.execute(
                f"SELECT * FROM {relation} WHERE {conditions} LIMIT {SHOWN + 1}", [*where.values()]
            ).fetchall()
        except duckdb.ConversionException:
            # The database names the value, which may be one that nobody is shown.
            named = ", ".join(where)
            raise ProductError(f"{batch.table}: a value is none of the type of {named}") from None
        except duckdb.Error as error:
            raise LakeError(f"{batch.table}: {error}") from error
    yield from (dict(zip(names, row, strict=True)) for row in rows)


def _row(place: Place, tx: Transaction, batch: BatchRow, values: Mapping[str, Any]) -> Step:
    name = f"{batch.table} {batch.period}"
    if values.get("_file"):
        feed = place.project.feeds.get(batch.subject)
        line = trace_line(place, tx, batch, str(values["_file"]), int(values["_line"]))
        read = replace(batch_step(tx, place.project, batch), back=(line,))
        return Step("row", name, _shown(values, feed.sensitive if feed else ()), (read,))
    made = batch_step(tx, place.project, batch)
    if inputs := values.get("_input_batch_ids"):
        # A score names the batches that its record was made of; its manifest names all of them.
        wanted = [str(each) for each in (inputs if isinstance(inputs, list) else [inputs])]
        found = [batches.batch(tx, each) for each in wanted]
        own = tuple(batch_step(tx, place.project, each) for each in found if each)
        made = replace(made, back=own or made.back)
    behind = [
        (row, feed)
        for row in _raw_batches(place, made)
        if (feed := place.project.feeds.get(row.subject))
    ]
    hides = {column for _, feed in behind for column in feed.sensitive}
    rows = (each for row, feed in behind for each in _with_key_of(place, row, feed, values))
    return Step("row", name, _shown(values, hides), (made, *rows))


def _shown(values: Mapping[str, Any], hides: Collection[str]) -> dict[str, Any]:
    shown = {
        name: HIDDEN if name in hides and value is not None else value
        for name, value in values.items()
        if not name.startswith("_")
    }
    return {"values": shown}


def _with_key_of(
    place: Place, row: BatchRow, feed: Feed, values: Mapping[str, Any]
) -> Iterator[Step]:
    """A supplier's rows with the key that a row of a product bears, where it bears the feed's."""
    key = {name: values.get(name) for name in feed.key}
    own = {each.name for each in place.lake.read_batch(row.table, row.period, row.batch_id).columns}
    if key and None not in key.values() and set(key) <= own:
        yield from trace_rows(place, row, {name: str(value) for name, value in key.items()})


def _raw_batches(place: Place, step: Step) -> list[BatchRow]:
    """Batches of suppliers' data on the way back from a step, each once."""
    names: dict[str, None] = {}

    def walk(at: Step) -> None:
        if at.kind == "batch" and any(each.kind == "delivery" for each in at.back):
            names[at.name] = None
        for each in at.back:
            walk(each)

    walk(step)
    with place.ledger.read() as tx:
        return [row for name in names if (row := batches.batch(tx, name))]


def _delivery_of(tx: Transaction, row: BatchRow, file: str) -> Delivery | None:
    """The landed file that a row names; a file inside of an archive begins with its name."""
    for said in row.origin.get("deliveries", ()):
        path = str(said["path"])
        if file == path or (file.startswith(path) and not file[len(path)].isalnum()):
            return deliveries.delivery_by_seq(tx, int(said["delivery"]))
    return None


def _written(
    place: Place, row: BatchRow, feed: Feed | None, landed: Delivery, file: str, line: int
) -> tuple[str | None, str | None]:
    """The text of a line, or why it is not shown."""
    shapes = {each.file: each for each in map(Shape.read, row.origin.get("shapes", ()))}
    shape = shapes.get(file)
    if feed is None:
        return None, "its contract is not in force, so nobody knows what must be hidden"
    place.work.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="trace-", dir=place.work) as folder:
        work = Path(folder)
        try:
            local = place.landing.fetch(landed.uri, work / "landed")
            (work / "read").mkdir()
            source = SourceFile(local, landed.path, landed.part)
            text = line_of(source, line, shape, feed.format, feed.columns, work / "read")
        except WharfError as error:
            # A file may be erased, and a reason may hold what it was read as.
            return None, f"the landed file cannot be read ({type(error).__name__})"
    if text is None:
        return None, "the landed file has no such line"
    shown = masked(shape, text, feed.sensitive)
    return (shown[:LONGEST], None) if shown is not None else (None, "it may hold hidden values")
