"""One raw record, one score: ours, MLflow's server, Spark in the request's path, and the limits.

    python bench/online.py --seconds 5 --swaps 50

All in one run with the same model, boosted trees on twelve numbers, and the same client: one
process, one thread a connection, each request answered before the next is sent.
- ONNX alone: the model on tensors that are ready. Web server alone: uvicorn with a fixed answer.
- ours: `wharf model serve`, raw records; then champions are swapped under load.
- MLflow: `mlflow models serve` with the native model, as its documentation starts it. It has a
  virtual environment of its own, made by uv at the first run.
- Spark: a warm session on this machine; a frame of one row through mapInArrow, no web server.
`cold` is from the start of the process to its first answer, `memory` what it then holds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "plugins"))

from online_load import Load, http_request, put_under_load
from scoring import FEATURES, NOW, map_in_arrow, open_installation, start_spark, train_model

from wharf.scoring import ScoreContext, Scorer, fetch, registry
from wharf.scoring.online import records

MLFLOW = ("mlflow==3.17.2", "lightgbm==4.7.0", "scikit-learn==1.9.1", "pandas<3")
RECORD = {name: at / 12 for at, name in enumerate(FEATURES)}
BODY = json.dumps({"dataframe_records": [RECORD]}).encode()
FIXED = """
import sys, uvicorn
from fastapi import FastAPI, Request, Response
app = FastAPI()
@app.post("/invocations")
async def fixed(request: Request) -> Response:
    await request.body()
    return Response(b'{"predictions":[0.5],"model_version":"1"}', media_type="application/json")
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
"""
NATIVE = """
import sys, lightgbm, mlflow, numpy, pandas
random = numpy.random.default_rng(7)
rows = pandas.DataFrame(random.random((50_000, 12)) * 2 - 0.5, columns=[f"x{i}" for i in range(12)])
labels = rows.x0 + rows.x1 * rows.x2 + numpy.sin(rows.x3) > 0.8
model = lightgbm.LGBMClassifier(n_estimators=100, num_leaves=31, verbose=-1).fit(rows, labels)
mlflow.lightgbm.save_model(model, sys.argv[1])
"""


@dataclass(frozen=True)
class Row:
    """One line of the table; milliseconds."""

    way: str
    connections: int
    milliseconds: Sequence[float]
    cold: float = 0.0
    memory: int = 0
    failed: int = 0


def main() -> None:
    """Time every way and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of load on each cell")
    parser.add_argument("--swaps", type=int, default=50)
    parser.add_argument("--without", default="", help="ways to leave out: mlflow,spark")
    given = parser.parse_args()
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ctx = open_installation(home)
        trees = train_model(ctx)
        train_model(ctx)
        found += [onnx_alone(ctx), *web_alone(given.seconds), *ours(ctx, given)]
        if "mlflow" not in given.without:
            found += mlflow(home, given.seconds)
        if "spark" not in given.without:
            found.append(spark(ctx, home))
    show(found, trees)


def onnx_alone(ctx: ScoreContext) -> Row:
    """The model on tensors that are ready, and nothing around it."""
    row = registry.require_version(ctx.ledger, "bench")
    scorer = Scorer(fetch(ctx.settings.models, row.uri, sha256=row.sha256))
    inputs = records.inputs_of(None, [RECORD], scorer.features)
    return Row("limit: ONNX alone", 1, timed(lambda: scorer.score_inputs(inputs), 3000))


def web_alone(seconds: float) -> Iterator[Row]:
    """A web server that has nothing to do."""
    port = free_port()
    with running([sys.executable, "-c", FIXED, str(port)], port) as (process, cold):
        yield from loaded("limit: web server alone", port, "/invocations", seconds, cold, process)


def ours(ctx: ScoreContext, given: argparse.Namespace) -> Iterator[Row]:
    """`wharf model serve`, without and with swaps."""
    port = free_port()
    home = {"WHARF_HOME": str(ctx.settings.home), "PATH": "/usr/bin:/bin"}
    command = [str(Path(sys.executable).parent / "wharf"), "model", "serve", "--port", str(port)]
    with running(command, port, home) as (process, cold):
        yield from loaded("wharf", port, "/invocations", given.seconds, cold, process)
        stop, load = threading.Event(), Load()
        request = http_request("/invocations", BODY, port)
        threads = put_under_load(port, request, connections=8, stop=stop, load=load)
        for at in range(given.swaps):
            swap(ctx, port, 2 - at % 2, NOW + timedelta(seconds=at))
        stop.set()
        for thread in threads:
            thread.join()
        failed = len(load.failed) + sum(n for status, n in load.statuses.items() if status != 200)
        name = f"wharf, {given.swaps} swaps"
        yield Row(name, 8, [each * 1000 for each in load.seconds], failed=failed)


def swap(ctx: ScoreContext, port: int, version: int, now: datetime) -> None:
    """Promote a version and wait until it answers."""
    registry.promote(ctx.ledger, "bench", version, reason="bench", actor="bench", now=now)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        told = httpx.get(f"http://127.0.0.1:{port}/v2/models/bench", timeout=30).json()
        if told["parameters"]["version"] == str(version):
            return
        time.sleep(0.02)
    raise TimeoutError(f"version {version} was not taken up")


def mlflow(home: Path, seconds: float) -> Iterator[Row]:
    """MLflow's own server for the native model."""
    room = Path(tempfile.gettempdir()) / "wharf-online" / "mlflow"
    python = room / "bin" / "python"
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    if not python.exists():
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(room)], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", str(python), *MLFLOW], check=True)
    model, port = home / "native", free_port()
    subprocess.run([str(python), "-c", NATIVE, str(model)], check=True, capture_output=True)
    environment = {
        "PATH": f"{room / 'bin'}:/usr/bin:/bin", "DO_NOT_TRACK": "true", "HOME": str(home)
    }  # fmt: skip
    command = [str(room / "bin" / "mlflow"), "models", "serve", "-m", str(model)]
    command += ["--env-manager", "local", "--port", str(port)]
    with running(command, port, environment) as (process, cold):
        yield from loaded("mlflow models serve", port, "/invocations", seconds, cold, process)


def spark(ctx: ScoreContext, home: Path) -> Row:
    """A frame of one row through a session that stands."""
    row = registry.require_version(ctx.ledger, "bench")
    artifact = (ctx.settings.models / row.uri).read_bytes()
    session, places = start_spark(), iter(range(1000))
    schema = "id long, " + ", ".join(f"{name} float" for name in FEATURES)

    def once() -> None:
        frame = session.createDataFrame([(1, *map(float, RECORD.values()))], schema)
        map_in_arrow(frame, artifact, home / f"spark-{next(places)}")

    try:
        once()
        return Row("Spark, warm session", 1, timed(once, 15))
    finally:
        session.stop()


def timed(once: Callable[[], Any], times: int) -> list[float]:
    """Milliseconds of each call."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        once()
        found.append((time.perf_counter() - started) * 1000)
    return found


@contextmanager
def running(
    command: list[str], port: int, environment: dict[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """A server, from its first answer to its end; gives the seconds it needed."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            while process.poll() is None and time.monotonic() - started < 180:
                try:
                    answer = httpx.post(
                        f"http://127.0.0.1:{port}/invocations", content=BODY, timeout=30,
                        headers={"Content-Type": "application/json"},
                    )  # fmt: skip
                    assert answer.status_code == 200, answer.text
                    break
                except httpx.TransportError:
                    time.sleep(0.02)
            else:
                log.seek(0)
                raise RuntimeError(log.read()[-2000:].decode())
            yield process, time.monotonic() - started
        finally:
            process.terminate()
            process.wait()


def loaded(
    way: str, port: int, path: str, seconds: float, cold: float, process: subprocess.Popen[bytes]
) -> Iterator[Row]:
    """Load over one connection, then over eight."""
    request = http_request(path, BODY, port)
    for connections in (1, 8):
        stop, load = threading.Event(), Load()
        threads = put_under_load(port, request, connections=connections, stop=stop, load=load)
        time.sleep(seconds)
        stop.set()
        for thread in threads:
            thread.join()
        failed = len(load.failed) + sum(n for status, n in load.statuses.items() if status != 200)
        milliseconds = [each * 1000 for each in load.seconds]
        yield Row(way, connections, milliseconds, cold, resident(process.pid), failed)


def resident(root: int) -> int:
    """Resident bytes of a process and its children."""
    pids = [root]
    for pid in pids:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            pids += [int(each) for each in children.read_text().split()]
    lines = [Path(f"/proc/{pid}/status").read_text().splitlines() for pid in pids]
    return sum(int(one.split()[1]) << 10 for each in lines for one in each if "VmRSS" in one)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def show(found: Sequence[Row], trees: int) -> None:
    """Print the table."""
    print(f"one record of {len(FEATURES)} numbers, {trees} trees x 31 leaves\n")
    head = f"{'way':<26}{'connections':>12}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}"
    print(f"{head}{'requests':>10}{'failed':>8}{'cold s':>8}{'memory':>9}")
    for one in found:
        p50, p99, most = np.percentile(one.milliseconds, [50, 99, 100])
        print(
            f"{one.way:<26}{one.connections:>12}{p50:>9.3f}{p99:>9.3f}{most:>9.1f}"
            f"{len(one.milliseconds):>10,}{one.failed:>8}"
            + (f"{one.cold:>8.1f}{one.memory >> 20:>6} MB" if one.cold else "")
        )


if __name__ == "__main__":
    main()
