"""One way of taking the day's events in, in a process of its own; prints its figures as JSON.

Run by `intake.py`: `python intake_ways.py WAY FILE KIND ROWS FOLDER`. Imports come before the clock
starts.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

Way = Callable[[Path, str, int, Path], dict[str, float]]


def raw_copy() -> Way:
    """What nothing on this engine can be faster than: types guessed, nothing checked or counted."""
    import duckdb

    readers = {"jsonl": "read_json", "parquet": "read_parquet"}

    def run(file: Path, kind: str, rows: int, folder: Path) -> dict[str, float]:
        connection = duckdb.connect()
        connection.execute("SET enable_progress_bar = false")
        source = f"{readers.get(kind, 'read_csv')}('{file}')"
        target = f"'{folder}/raw.parquet' (FORMAT parquet, COMPRESSION zstd)"
        connection.execute(f"COPY (SELECT * FROM {source}) TO {target}")
        return {}

    return run


def wharf_stage() -> Way:
    """Read, counted, cast without loss, written: `plan_reading` and `write_plan`."""
    from intake_world import COLUMNS, DAY, FORMATS

    from wharf.contracts.feed import SchemaPolicy
    from wharf.reading import SourceFile, plan_reading, write_plan

    def run(file: Path, kind: str, rows: int, folder: Path) -> dict[str, float]:
        begin = time.perf_counter()
        source = SourceFile(file, file.name)
        plan = plan_reading([source], FORMATS[kind], COLUMNS, SchemaPolicy(), work=folder)
        planned = time.perf_counter()
        names = [*plan.columns, "_period", "_batch_id", "_file", "_line"]
        counts = write_plan(
            plan, good=folder / "good.parquet", bad=folder / "bad.parquet",
            field_ids={name: number for number, name in enumerate(names, start=1)},
            constants={"_period": DAY, "_batch_id": "bench"}, work=folder,
        )  # fmt: skip
        assert counts.rows_staged == rows
        return {"plan": planned - begin, "write": time.perf_counter() - planned}

    return run


def wharf_whole() -> Way:
    """From the source to readers: landed, staged, audited by 12 expectations, published."""
    import great_expectations  # noqa: F401
    from intake_world import NOW, installation

    from wharf import intake, quality
    from wharf.lake import Lake, Landing

    def run(file: Path, kind: str, rows: int, folder: Path) -> dict[str, float]:
        ctx, feed, period = installation(folder, file, kind, rows)
        steps: dict[str, float] = {}

        @contextmanager
        def timed(name: str) -> Iterator[None]:
            inner, begin = sum(steps.values()), time.perf_counter()
            yield
            taken = time.perf_counter() - begin - (sum(steps.values()) - inner)
            steps[name] = steps.get(name, 0) + taken

        def watch(owner: Any, function: str, name: str) -> None:
            plain = getattr(owner, function)

            def watched(*given: Any, **named: Any) -> Any:
                with timed(name):
                    return plain(*given, **named)

            setattr(owner, function, watched)

        watch(intake, "plan_reading", "plan")
        watch(intake, "write_plan", "write")
        watch(Landing, "fetch", "fetch")
        watch(Lake, "put", "put")
        watch(Lake, "check", "check")
        watch(quality, "audit", "expectations")
        with timed("land"):
            intake.land_delivery(ctx, feed, period, now=NOW)
        with timed("stage"):
            batch = intake.stage_batch(ctx, feed, period, now=NOW, run_id="bench")
        with timed("audit"):
            intake.audit_batch(ctx, feed, batch, now=NOW)
        with timed("publish"):
            intake.publish_batch(ctx, feed, batch, now=NOW, by="bench")
        return steps

    return run


def polars_sink() -> Way:
    """Polars' streaming engine, types guessed, to zstd Parquet."""
    import polars

    scans = {"jsonl": polars.scan_ndjson, "parquet": polars.scan_parquet}

    def run(file: Path, kind: str, rows: int, folder: Path) -> dict[str, float]:
        scans.get(kind, polars.scan_csv)(file).sink_parquet(
            folder / "polars.parquet", compression="zstd"
        )
        return {}

    return run


def pandas_gx() -> Way:
    """Read by pandas, audited by the same 12 expectations on the frame, written as Parquet."""
    import great_expectations
    import pandas
    from intake_world import expectations

    from wharf.quality.library import great_expectations as quiet

    def run(file: Path, kind: str, rows: int, folder: Path) -> dict[str, float]:
        begin = time.perf_counter()
        if kind == "jsonl":
            frame = pandas.read_json(file, lines=True)
        elif kind == "parquet":
            frame = pandas.read_parquet(file)
        else:
            frame = pandas.read_csv(file, parse_dates=["at"])
        read = time.perf_counter()
        with quiet():
            context = great_expectations.get_context(mode="ephemeral")
            context.variables.progress_bars = {"globally": False}
            suite = great_expectations.ExpectationSuite("bench", expectations(rows))
            asset = context.data_sources.add_pandas("bench").add_dataframe_asset("events")
            whole = asset.add_batch_definition_whole_dataframe("whole")
            found = whole.get_batch({"dataframe": frame}).validate(suite)
        assert found.success, found
        audited = time.perf_counter()
        frame.to_parquet(folder / "pandas.parquet", compression="zstd")
        end = time.perf_counter()
        return {"read": read - begin, "expectations": audited - read, "write": end - audited}

    return run


def dlt_iceberg() -> Way:
    """Dlt's fastest reader of each format, to an Iceberg table on local disk; nothing audited."""
    import os

    os.environ.update(RUNTIME__DLTHUB_TELEMETRY="false", DO_NOT_TRACK="true")
    import dlt
    import pyiceberg  # noqa: F401
    from dlt.sources import filesystem as files

    def run(file: Path, kind: str, rows: int, folder: Path) -> dict[str, float]:
        os.environ["DESTINATION__FILESYSTEM__BUCKET_URL"] = f"file://{folder}/lake"
        pipeline = dlt.pipeline(
            "bench", destination="filesystem", dataset_name="raw", pipelines_dir=str(folder / "dlt")
        )
        if kind == "jsonl":
            reader = files.read_jsonl()
        elif kind == "parquet":
            reader = files.read_parquet()
        else:
            reader = files.read_csv_duckdb(use_pyarrow=True)
        source = files.filesystem(bucket_url=f"file://{file.parent}", file_glob=file.name)
        pipeline.run(
            (source | reader).with_name("events"), table_format="iceberg",
            write_disposition="replace", loader_file_format="parquet",
        )  # fmt: skip
        return {}

    return run


WAYS = {
    "raw": raw_copy,
    "stage": wharf_stage,
    "whole": wharf_whole,
    "polars": polars_sink,
    "pandas": pandas_gx,
    "dlt": dlt_iceberg,
}


def main() -> None:
    way, file, kind, rows, folder = sys.argv[1:]
    run = WAYS[way]()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(each.ru_utime + each.ru_stime for each in used)
    begin = time.perf_counter()
    steps = run(Path(file), kind, int(rows), Path(folder))
    wall = time.perf_counter() - begin
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(each.ru_utime + each.ru_stime for each in used) - cpu
    print(json.dumps({"wall": wall, "cpu": cpu, "steps": steps}))


if __name__ == "__main__":
    main()
