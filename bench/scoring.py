"""Scoring a table: record by record, Spark's grouped way, ours with and without Spark, the limit.

All in one run on the same files with the same model: boosted trees on twelve numbers, in ONNX.
Reading and writing Parquet are included everywhere but in the limit, which writes nothing;
starting Spark is not. A row UDF is timed on fewer rows, or it would not end.

    python bench/scoring.py --rows 200000 --row-udf-rows 20000
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from wharf.batches import Batches
from wharf.contracts import Model
from wharf.lake import Batch, new_batch_id, open_lake
from wharf.ledger import Ledger
from wharf.scoring import (
    ScoreContext,
    ScoreJob,
    Scorer,
    TableRef,
    fetch,
    prepare_score,
    registry,
    run_here,
    train,
)
from wharf.scoring.files import Files
from wharf.scoring.task import GROUP_ROWS
from wharf.settings import read_settings

NOW = datetime(2026, 11, 20, tzinfo=UTC)
PERIOD = "2026-11-20"
FEATURES = [f"x{at}" for at in range(12)]
CORES = os.cpu_count() or 1
MODEL = Model.model_validate(
    {
        "model": "bench",
        "target": "y",
        "features": {"table": "facts.bench", "columns": FEATURES, "key": ["id"]},
        "train": {"product": "bench"},
        "table": "scores.bench",
    }
)
ROWS = """
    SELECT id, {features}, x0 + x1 * x2 + sin(x3) > 0.8 AS y, '{period}' AS _period
    FROM (SELECT range AS id, {numbers} FROM range({first}, {last}))
"""
NUMBERS = ", ".join(
    f"CAST(hash(range * 12 + {at}) / 18446744073709551615.0 * 2 - 0.5 AS FLOAT) AS x{at}"
    for at in range(12)
)


@dataclass(frozen=True)
class NoPins:
    """A manifest that leaves the choice of the version to the registry."""

    manifest_id: str = "bench"
    models: dict[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Timed:
    """How fast one way was."""

    way: str
    rows: int
    seconds: float

    @property
    def rate(self) -> float:
        """Rows in a second."""
        return self.rows / self.seconds


def main() -> None:
    """Time every way and print one table."""
    options = read_options()
    with tempfile.TemporaryDirectory() as folder:
        ctx = open_installation(Path(folder))
        trees = train_model(ctx)
        batch = stage_rows(ctx, options.rows, Path(folder))
        found = [
            timed("limit: threads in one process, nothing written", options.rows,
                  lambda: score_bare(ctx, batch)),
            timed("ours without Spark", options.rows, lambda: run_here(plan(ctx, batch), s3={})),
        ]  # fmt: skip
        found += in_spark(ctx, batch, options.rows, options.row_udf_rows, Path(folder))
    show(found, options.rows, trees)


def read_options() -> argparse.Namespace:
    """How many rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--row-udf-rows", type=int, default=20_000)
    return parser.parse_args()


def timed(way: str, rows: int, run: Callable[[], Any]) -> Timed:
    """Run one way once."""
    started = time.perf_counter()
    run()
    return Timed(way, rows, time.perf_counter() - started)


def open_installation(home: Path) -> ScoreContext:
    """A lake and a ledger for this run only."""
    settings = read_settings({"WHARF_HOME": str(home / "home")})
    ledger, lake = Ledger.open(settings.ledger_url), open_lake(settings)
    return ScoreContext(settings, ledger, lake, Batches(lake, ledger))


def rows_sql(first: int, last: int) -> str:
    """Generated rows, the same for the same numbers."""
    return ROWS.format(
        features=", ".join(FEATURES), numbers=NUMBERS, first=first, last=last, period=PERIOD
    )


def train_model(ctx: ScoreContext) -> int:
    """Train and register the model; gives its number of trees."""
    with duckdb.connect() as connection:
        relation = f"({rows_sql(0, 50_000)})"
        trained = train(MODEL, connection, relation, tables=[TableRef("facts.bench")], now=NOW)
    registry.register(ctx.ledger, ctx.settings.models, trained, now=NOW, actor="bench")
    return int(trained.metrics["trainer"]["trees"])


def stage_rows(ctx: ScoreContext, rows: int, folder: Path) -> Batch:
    """Stage the rows to score, a file for each core or five million rows."""
    kinds = {"id": "long", **dict.fromkeys(FEATURES, "float"), "y": "boolean", "_period": "string"}
    columns = ctx.lake.columns_for("facts.bench", kinds)
    batch_id = new_batch_id(NOW)
    home = ctx.lake.batch_dir("facts.bench", PERIOD, batch_id)
    ids = ", ".join(f"{column.name}: {column.field_id}" for column in columns)
    parts = max(CORES, rows // 5_000_000)
    files = []
    for part in range(parts):
        local = folder / "part.parquet"
        relation = rows_sql(rows * part // parts, rows * (part + 1) // parts)
        duckdb.sql(f"COPY ({relation}) TO '{local}' (FIELD_IDS {{{ids}}}, COMPRESSION zstd)")
        files.append(ctx.lake.put(local, f"{home}/part-{part}.parquet"))
    batch = Batch(batch_id, "facts.bench", PERIOD, tuple(files), rows, columns)
    return ctx.batches.stage(batch, now=NOW, subject="bench")


def plan(ctx: ScoreContext, batch: Batch) -> ScoreJob:
    """A job over the whole batch."""
    return prepare_score(
        ctx, MODEL, product="bench", period=PERIOD, manifest=NoPins(), inputs=[batch], now=NOW
    )


def score_bare(ctx: ScoreContext, batch: Batch) -> None:
    """Read and score with a thread on each core, and throw the scores away."""
    row = registry.require_version(ctx.ledger, "bench")
    scorer = Scorer(fetch(ctx.settings.models, row.uri, sha256=row.sha256))

    def score(work: tuple[str, int]) -> None:
        with Files({}).open(work[0]) as source:
            reader = pq.ParquetFile(source).iter_batches(
                GROUP_ROWS, row_groups=[work[1]], columns=FEATURES, use_threads=False
            )
            for group in reader:
                scorer.score({name: group.column(name) for name in FEATURES})

    work = [
        (file.uri, group)
        for file in batch.files
        for group in range(pq.ParquetFile(file.uri.removeprefix("file://")).num_row_groups)
    ]
    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(score, work))


def in_spark(
    ctx: ScoreContext, batch: Batch, rows: int, udf_rows: int, folder: Path
) -> list[Timed]:
    """Every way that runs in Spark, in one session."""
    session = start_spark()
    try:
        frame = session.read.parquet(*(file.uri for file in batch.files))
        row = registry.require_version(ctx.ledger, "bench")
        artifact = (ctx.settings.models / row.uri).read_bytes()
        return [
            timed("ours in Spark: splits", rows, lambda: run_splits(session, plan(ctx, batch))),
            timed("Spark mapInArrow", rows, lambda: map_in_arrow(frame, artifact, folder / "map")),
            timed("Spark row UDF", udf_rows,
                  lambda: row_udf(frame.limit(udf_rows), artifact, folder / "udf")),
        ]  # fmt: skip
    finally:
        session.stop()


def start_spark() -> Any:
    """Spark on all cores of this machine, its Python workers warmed up."""
    java = Path(sys.prefix) / "jre"
    if (java / "bin" / "java").is_file():
        os.environ["JAVA_HOME"] = str(java)
    os.environ |= {
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local[{CORES}]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.executorEnv.OMP_NUM_THREADS", "1")
    builder = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", str(GROUP_ROWS))
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    warm = session.sparkContext.parallelize(range(CORES), CORES)
    warm.map(import_runtime).collect()
    return session


def import_runtime(_: int) -> str:
    """What every way needs in Python's workers, so that no way pays for another's start."""
    import onnxruntime

    import wharf.scoring.scorer

    return f"{onnxruntime.__name__} {wharf.scoring.scorer.__name__}"


def run_splits(session: Any, job: ScoreJob) -> None:
    """Our job in a session that stands."""
    from wharf.scoring.spark import run_job

    run_job(session.sparkContext, job)


def map_in_arrow(frame: Any, artifact: bytes, target: Path) -> None:
    """Spark reads and writes; Python scores groups that come over the wire."""
    from wharf.scoring.artifact import unpack

    sent = frame.sparkSession.sparkContext.broadcast(artifact)

    def score(groups: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        scorer = Scorer(unpack(sent.value))
        for group in groups:
            scores = scorer.score({name: group.column(name) for name in FEATURES})
            yield pa.RecordBatch.from_arrays(
                [group.column("id"), pa.array(scores.astype("float64"))], ["id", "score"]
            )

    scored = frame.select("id", *FEATURES).mapInArrow(score, "id long, score double")
    scored.write.parquet(str(target))


def row_udf(frame: Any, artifact: bytes, target: Path) -> None:
    """One call of the model for each record."""
    from pyspark.sql.functions import udf

    from wharf.scoring.scorer import open_scorer

    sent = frame.sparkSession.sparkContext.broadcast(artifact)

    @udf("double")  # type: ignore[untyped-decorator]
    def score(*values: float) -> float:
        import hashlib

        scorer = open_scorer(sent.value, hashlib.sha256(sent.value).hexdigest())
        record = {name: pa.array([value]) for name, value in zip(FEATURES, values, strict=True)}
        return float(scorer.score(record)[0])

    cut = frame.repartition(CORES)
    cut.select("id", score(*FEATURES).alias("score")).write.parquet(str(target))


def show(found: list[Timed], rows: int, trees: int) -> None:
    """Print the table, slowest first."""
    limit = next(one.rate for one in found if one.way.startswith("limit"))
    slowest = min(found, key=lambda one: one.rate)
    print(f"{rows:,} rows x {len(FEATURES)} numbers, {trees} trees x 31 leaves, {CORES} cores\n")
    print(f"{'way':<48}{'rows':>12}{'s':>8}{'rows/s':>12}{'of limit':>10}{'x slowest':>11}")
    for one in sorted(found, key=lambda one: one.rate):
        print(
            f"{one.way:<48}{one.rows:>12,}{one.seconds:>8.1f}{one.rate:>12,.0f}"
            f"{one.rate / limit:>10.0%}{one.rate / slowest.rate:>11.1f}"
        )


if __name__ == "__main__":
    main()
