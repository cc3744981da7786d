"""`wharf model serve` as its callers meet it: a process of its own, over real sockets."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "scoring"))
sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
from online_load import Load, http_request, put_under_load
from scoring_world import FEATURES, NOW, a_model, open_context, parcels, train_on

from wharf.scoring import ScoreContext, Scorer, fetch, registry

pytestmark = pytest.mark.timeout(180)


@dataclass
class Serving:
    """A running server, its installation and some raw records."""

    url: str
    port: int
    ctx: ScoreContext
    records: list[dict[str, Any]]
    table: pa.Table
    process: subprocess.Popen[str]

    def scores(self, version: int) -> list[float]:
        """What a version gives for the records when nothing is between."""
        row = registry.require_version(self.ctx.ledger, "residential", version)
        artifact = fetch(self.ctx.settings.models, row.uri, sha256=row.sha256)
        columns = {one.name: self.table.column(one.name) for one in artifact.features}
        return Scorer(artifact).score(columns).tolist()  # type: ignore[no-any-return]

    def promote(self, version: int) -> None:
        registry.promote(
            self.ctx.ledger, "residential", version, reason="a test", actor="ada", now=NOW
        )

    def post(self, path: str, body: Any) -> httpx.Response:
        return httpx.post(f"{self.url}{path}", content=json.dumps(body), timeout=30)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The residential model in two versions, served by the command."""
    home = tmp_path_factory.mktemp("online")
    ctx, rows = open_context(home), parcels()
    fewer = {"table": "facts.parcels", "columns": ["lon", "year_built"], "key": ["parcel_id"]}
    for model in (a_model(), a_model(features=fewer)):
        trained = train_on(model, rows)
        registry.register(ctx.ledger, ctx.settings.models, trained, now=NOW, actor="a test")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "wharf"), "model", "serve", "--port", str(port)]
    command += ["--max-rows", "300", "--max-megabytes", "1"]
    with (home / "server.log").open("w") as log:
        process = subprocess.Popen(
            command, env={"WHARF_HOME": str(home), "PATH": "/usr/bin:/bin"},
            stdout=log, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    sample = rows.slice(0, 250)
    records = sample.select(FEATURES).to_pylist()
    for record in records:
        value = record["assessed_value"]
        record["assessed_value"] = None if value is None else float(value)
    running = Serving(f"http://127.0.0.1:{port}", port, ctx, records, sample, process)
    try:
        wait_until_ready(running)
        yield running
    finally:
        process.kill()
        process.wait()


def wait_until_ready(serving: Serving) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        assert serving.process.poll() is None, "the server ended"
        try:
            if httpx.get(f"{serving.url}/v2/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server was not ready in time")


def test_same_scores_by_every_address_as_in_a_batch(serving: Serving) -> None:
    expected = serving.scores(1)
    plain = serving.post("/invocations/residential", {"dataframe_records": serving.records})
    assert plain.json() == {
        "predictions": expected, "model_name": "residential", "model_version": "1"
    }  # fmt: skip
    columns = list(serving.records[0])
    split = {"columns": columns, "data": [list(each.values()) for each in serving.records]}
    assert serving.post("/invocations", {"dataframe_split": split}).json() == plain.json()
    answer = serving.post("/v2/models/residential/infer", inference(serving)).json()
    assert answer["outputs"] == [
        {"name": "score", "datatype": "FP32", "shape": [250], "data": expected}
    ]
    assert (answer["id"], answer["model_version"]) == ("42", "1")


def inference(serving: Serving) -> dict[str, Any]:
    inputs = [
        {
            "name": name,
            "datatype": "BYTES" if name == "county" else "FP32",
            "shape": [len(serving.records), 1],
            "data": [each[name] for each in serving.records],
        }
        for name in FEATURES
    ]
    return {"id": "42", "inputs": inputs}


def test_a_named_version_answers_beside_the_champion(serving: Serving) -> None:
    record = {"dataframe_records": serving.records}
    fewer = {"inputs": [one for one in inference(serving)["inputs"] if one["name"] != "county"]}
    unknown = serving.post("/v2/models/residential/versions/2/infer", fewer)
    assert (unknown.status_code, "is not known; this model reads" in unknown.text) == (400, True)
    fewer["inputs"] = [one for one in fewer["inputs"] if one["name"] in ("lon", "year_built")]
    answer = serving.post("/v2/models/residential/versions/2/infer", fewer).json()
    assert answer["model_version"] == "2"
    assert answer["outputs"][0]["data"] == serving.scores(2)
    assert serving.post("/invocations", record).json()["model_version"] == "1"


def test_a_model_says_what_it_reads(serving: Serving) -> None:
    assert httpx.get(f"{serving.url}/v2").json()["name"] == "wharf"
    told = httpx.get(f"{serving.url}/v2/models/residential").json()
    assert [one["name"] for one in told["inputs"]] == FEATURES
    assert (told["versions"], told["platform"]) == (["1", "2"], "onnxruntime_onnx")
    assert told["parameters"]["current"] is True
    assert httpx.get(f"{serving.url}/v2/models/residential/versions/2/ready").status_code == 200
    assert httpx.get(f"{serving.url}/v2/health/live").json() == {"live": True}


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/invocations", b'{"dataframe_records": [{"lot_sqft"', 400, "the body is no JSON"),
        ("/invocations", b'{"dataframe_records": [{"lot_sqft": NaN}]}', 400, "is no JSON"),
        ("/invocations", b'{"dataframe_records": [{}]}', 400, "field county is not there"),
        ("/invocations", b'{"dataframe_records": []}', 400, "there is no record"),
        ("/invocations", b"\xff\xfe", 400, "is no JSON"),
        ("/invocations/commercial", b"{}", 404, "model commercial is not here"),
        ("/v2/models/residential/versions/9/infer", b"{}", 404, "version 9 of model residential"),
        ("/v2/models/residential/versions/x/infer", b"{}", 404, "version x of model residential"),
        ("/v2/models/residential/infer", b'{"inputs": 5}', 400, "inputs is missing"),
        ("/v3", b"", 404, "Not Found"),
        ("/invocations", b'{"instances": [' + b"{}," * 300 + b"{}]}", 413, "301 records"),
        ("/invocations", b" " * (1024**2 + 1), 413, "more than 1048576 bytes"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_is_named(
    serving: Serving, path: str, body: bytes, status: int, says: str
) -> None:
    answer = httpx.post(f"{serving.url}{path}", content=body)
    assert answer.status_code == status
    assert says in answer.json()["error"]


def test_requests_and_versions_are_counted(serving: Serving) -> None:
    serving.post("/invocations", {"instances": serving.records[:3]})
    text = httpx.get(f"{serving.url}/metrics").text
    assert 'wharf_scoring_requests_total{model="residential",status="200",version="1"}' in text
    assert 'wharf_scoring_requests_total{model="residential",status="400",version="1"}' in text
    assert 'wharf_scoring_current{model="residential"} 1.0' in text


def test_swaps_under_load_lose_no_request(serving: Serving) -> None:
    body = json.dumps({"dataframe_records": serving.records[:1]}).encode()
    stop, load = threading.Event(), Load()
    request = http_request("/invocations/residential", body, serving.port)
    threads = put_under_load(serving.port, request, connections=4, stop=stop, load=load)
    for version in (2, 1, 2, 1):
        serving.promote(version)
        wait_for_version(serving, version)
    stop.set()
    for thread in threads:
        thread.join()
    assert load.failed == []
    assert set(load.statuses) == {200}
    assert set(load.versions) == {b'"1"}', b'"2"}'}


def wait_for_version(serving: Serving, version: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        told = httpx.get(f"{serving.url}/v2/models/residential").json()
        if told["parameters"]["version"] == str(version):
            return
        time.sleep(0.05)
    raise AssertionError(f"version {version} was not taken up")


def test_told_to_end_it_answers_what_was_begun(serving: Serving) -> None:
    body = json.dumps({"dataframe_records": serving.records}).encode()
    with socket.create_connection(("127.0.0.1", serving.port), timeout=30) as connection:
        request = http_request("/invocations", body, serving.port)
        connection.sendall(request[:-10])
        time.sleep(0.3)
        serving.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        connection.sendall(request[-10:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    # It ends by the signal it was sent, once the last answer is out.
    assert serving.process.wait(timeout=30) == -signal.SIGTERM
