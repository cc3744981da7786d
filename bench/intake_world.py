"""One day of a large event feed in several formats, its contract, its suite, its installation."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from wharf.contracts import Column, Feed, Period
from wharf.contracts.formats import CsvFormat, FileFormat, JsonLinesFormat, ParquetFormat
from wharf.intake import Intake, open_intake
from wharf.ledger import arrivals
from wharf.ledger.rows import Arrival
from wharf.settings import Connection, read_settings
from wharf.watch.promises import read_promises

NOW = datetime(2026, 11, 21, 1, tzinfo=UTC)
DAY = "2026-11-20"
FORMATS: dict[str, FileFormat] = {
    "csv": CsvFormat(kind="csv"),
    "quoted": CsvFormat(kind="csv"),
    "gz": CsvFormat(kind="csv"),
    "jsonl": JsonLinesFormat(kind="jsonl"),
    "parquet": ParquetFormat(kind="parquet"),
}
ENDINGS = {
    "csv": "csv",
    "quoted": "quoted.csv",
    "gz": "csv.gz",
    "jsonl": "jsonl",
    "parquet": "parquet",
}
COPIES = {
    "csv": "FORMAT csv, HEADER",
    "quoted": "FORMAT csv, HEADER, FORCE_QUOTE *",
    "gz": "FORMAT csv, HEADER, COMPRESSION gzip",
    "jsonl": "FORMAT json",
    "parquet": "FORMAT parquet, COMPRESSION zstd",
}
ODD = """CASE WHEN event_id % 97 = 0 THEN ref || ', "so"' WHEN event_id % 89 = 0
    THEN ref || chr(10) || 'more' ELSE ref END"""
"""Commas, quotes and line breaks within cells, each about one row in a hundred."""
KINDS = ("view", "cart", "buy", "search")
# Seeded by the row's number, so that every run and every machine has the same day.
EVENTS = """
SELECT i AS event_id, (hash(i) % 400000)::BIGINT AS user_id,
    TIMESTAMP '2026-11-20' + INTERVAL 1 MILLISECOND * (i * 86400000 // {rows}) AS at,
    ['view', 'cart', 'buy', 'search'][(1 + hash(i * 3) % 4)::BIGINT] AS kind,
    lpad((hash(i * 5) % 5000)::VARCHAR, 5, '0') || '-sku' AS sku,
    (hash(i * 7) % 100000 / 100)::DECIMAL(12, 2) AS price,
    (hash(i * 11) % 7)::INTEGER AS qty, md5(i::VARCHAR) AS ref
FROM range({rows}) t(i)
"""
TYPES = {
    "event_id": "long", "user_id": "long", "at": "timestamp", "kind": "string", "sku": "string",
    "price": "decimal(12,2)", "qty": "int", "ref": "string",
}  # fmt: skip
COLUMNS = {name: Column(type=kind, required=name == "event_id") for name, kind in TYPES.items()}
CONTRACT = f"""
feed: bench.events
active: {{from: "2026-11-16"}}
table: raw.bench_events
key: [event_id]
supplier: {{id: bench}}
source: {{kind: local, connection: bench_inbox, path: "events_{{period:%Y%m%d}}.ENDING"}}
format: {{kind: KIND}}
columns: {json.dumps({name: {"type": kind} for name, kind in TYPES.items()})}
period: {{kind: day}}
timeliness:
  {{tz: UTC, judge_by: arrival, opens: "T+1d 00:00", due: "T+1d 06:00", cutoff: "T+2d 00:00"}}
"""


def expectations(rows: int) -> list[dict[str, object]]:
    """Twelve, of the kinds that suites are made of."""
    of_columns: list[tuple[str, dict[str, object]]] = [
        ("not_be_null", {"column": "event_id"}),
        ("be_unique", {"column": "event_id"}),
        ("not_be_null", {"column": "user_id"}),
        ("be_between", {"column": "user_id", "min_value": 0, "max_value": 399_999}),
        ("not_be_null", {"column": "at"}),
        ("be_in_set", {"column": "kind", "value_set": list(KINDS)}),
        ("match_regex", {"column": "sku", "regex": "^[0-9]{5}-sku$"}),
        ("be_between", {"column": "price", "min_value": 0, "max_value": 1000}),
        ("not_be_null", {"column": "price"}),
        ("be_between", {"column": "qty", "min_value": 0, "max_value": 6}),
        ("not_be_null", {"column": "ref"}),
    ]
    found = [
        {"type": f"expect_column_values_to_{kind}", "kwargs": kwargs, "severity": "critical"}
        for kind, kwargs in of_columns
    ]
    count = {"min_value": rows, "max_value": rows}
    return [
        {"type": "expect_table_row_count_to_be_between", "kwargs": count, "severity": "critical"},
        *found,
    ]


def make_events(folder: Path, kind: str, rows: int) -> Path:
    """Write the day's events in one format, unless they lie there."""
    path = folder / f"events-{rows}.{ENDINGS[kind]}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        events = EVENTS.format(rows=rows)
        if kind == "quoted":
            events = f"SELECT * REPLACE ({ODD} AS ref) FROM ({events})"
        duckdb.connect().execute(f"COPY ({events}) TO '{part}' ({COPIES[kind]})")
        part.rename(path)
    return path


def installation(root: Path, file: Path, kind: str, rows: int) -> tuple[Intake, Feed, Period]:
    """A fresh installation with one feed whose file has arrived."""
    inbox, project = root / "inbox", root / "project"
    feeds, suites = project / "dags/feeds/bench", project / "expectations/bench"
    for each in (inbox, feeds, suites):
        each.mkdir(parents=True)
    contract = CONTRACT.replace("ENDING", ENDINGS[kind]).replace("KIND", FORMATS[kind].kind)
    (feeds / "events.yaml").write_text(contract)
    suite = {"name": "bench.events", "expectations": expectations(rows), "meta": {}}
    (suites / "events.json").write_text(json.dumps(suite))
    name = f"events_{DAY.replace('-', '')}.{ENDINGS[kind]}"
    (inbox / name).hardlink_to(file)
    settings = read_settings({"WHARF_HOME": str(root / "home"), "WHARF_PROJECT": str(project)})
    place = open_intake(
        settings, lambda each: Connection(each, "local", extra={"root": str(inbox)})
    )
    feed = read_promises(place.ledger, project, NOW).feeds["bench.events"]
    seen = Arrival(
        feed=feed.feed, period=DAY, part="", path=name, size=file.stat().st_size, source_ts=None,
        first_seen=NOW, fingerprint="bench",
    )  # fmt: skip
    with place.ledger.write() as tx:
        arrivals.append_arrivals(tx, [seen])
    return place, feed, feed.parse_period(DAY)
