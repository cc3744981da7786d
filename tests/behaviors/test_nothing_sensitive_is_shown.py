"""A value of a sensitive column is planted into every kind of failure, and shown nowhere after."""

from __future__ import annotations

import gzip
import json
import logging
import traceback
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest
from board_powers import Lent
from board_server import LocalServer, everybody
from click.testing import CliRunner
from harbour import CONTRACT, Harbour

from wharf.alerts import Notice, render
from wharf.board import build_app
from wharf.cli.main import wharf
from wharf.errors import WharfError

CANARY = "Zanzibar7351"
SECRET = CONTRACT.replace(
    "  price:", "  name: {type: string, required: true, sensitive: true}\n  price:"
).replace(
    "supplier: {id: acme}",
    "supplier: {id: acme, contacts: {late: ops@acme.example, receipt: true}}",
)
ROUTING = "channels:\n  - {name: mail, kind: smtp, connection: mail, to: [desk@wharf.example]}\n"
FINE = "".join(f"k{number:02d},somebody,{number}.00\n" for number in range(60))
BROKEN_ROWS = (
    f"b1,{CANARY},dear\n"  # a cell that cannot be cast
    f"b2,{CANARY},1,2\n"  # a row with a field too many
    f"b3,{CANARY}\n"  # one too few
    f'b4,"{CANARY}" x,1\n'  # a quote that is none
    f'b5,"{CANARY}",\'cheap, {CANARY}"\n'  # shifted by its own marks
)
WHOLE_FILES = {
    "no header": f"1,{CANARY},2\n3,{CANARY},4\n",
    "a header that repeats": f"id,{CANARY},{CANARY}\n1,2,3\n",
    "another delimiter": f"id;name;price\n1;{CANARY};2\n",
    "a new column named like a value": f"id,price,{CANARY} x\n1,2,{CANARY}\n",
    "a web page": f"<html><body>{CANARY}</body></html>",
    "conflict markers": f"id,name,price\n<<<<<<< a\n1,{CANARY},2\n=======\n>>>>>>> b\n",
    "cut off": gzip.compress(f"id,name,price\n1,{CANARY},2\n".encode() * 900)[:-12],
    "JSON": json.dumps([{"id": CANARY}]),
    "an open quote": f'id,name,price\n1,"{CANARY},2\n3,{CANARY},4\n',
    "one cell": CANARY,
}
SUITE = {
    "name": "acme.prices",
    "expectations": [
        {
            "type": "expect_column_values_to_not_match_regex",
            "kwargs": {"column": "name", "regex": "^Z"},
            "severity": "critical",
        }
    ],
    "meta": {},
}


@pytest.fixture
def harbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harbour:
    made = Harbour(tmp_path, contract=SECRET)
    (tmp_path / "project/dags/alerts.yaml").write_text(ROUTING)
    monkeypatch.setenv("WHARF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WHARF_PROJECT", str(tmp_path / "project"))
    return made


class Heard:
    """Everything that was produced, under the name of where it was."""

    def __init__(self) -> None:
        self.texts: dict[str, bytes] = {}

    def note(self, where: str, text: str | bytes) -> None:
        self.texts[where] = text if isinstance(text, bytes) else text.encode()

    def leaks(self) -> list[str]:
        found = [where for where, text in self.texts.items() if CANARY.encode() in text]
        return [f"{each}: {self._around(each)}" for each in found]

    def _around(self, where: str) -> str:
        text = self.texts[where].decode("utf-8", "replace")
        at = text.index(CANARY)
        return text[max(0, at - 160) : at + 60]


def run(harbour: Harbour, heard: Heard, what: str, content: str | bytes) -> None:
    """Deliver and run, with what a task would log of it."""
    harbour.deliver(content, f"prices_20261120_{len(heard.texts)}.csv")
    try:
        harbour.run()
    except WharfError as error:
        heard.note(f"log of a task: {what}", "".join(traceback.format_exception(error)))
    harbour.wait(minutes=5)


def by_command(heard: Heard, *arguments: str) -> None:
    done = CliRunner().invoke(wharf, list(arguments))
    heard.note(f"wharf {' '.join(arguments[:3])} {len(heard.texts)}", done.output)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        heard.note(f"wharf {' '.join(arguments[:3])} failed", repr(done.exception))


def test_a_sensitive_value_is_nowhere_but_in_the_data(
    harbour: Harbour, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="wharf")
    heard = Heard()
    run(harbour, heard, "a good first", f"id,name,price\n{FINE}x,{CANARY},1\n")
    harbour.tick()
    run(harbour, heard, "broken rows", f"id,name,price\n{FINE}x,{CANARY}2,1\n{BROKEN_ROWS}")
    assert harbour.batches()[-1].rows_quarantined == 5
    harbour.tick()
    export_and_send_back(harbour, heard, tmp_path)
    harbour.write_suite(SUITE)
    run(harbour, heard, "a failing expectation", f"id,name,price\n{FINE}y,{CANARY},1\n")
    harbour.tick()
    for what, content in WHOLE_FILES.items():
        run(harbour, heard, what, content)
        harbour.tick()
    look_everywhere(harbour, heard, tmp_path)
    heard.note("log", caplog.text)
    assert len(heard.texts) > 40
    assert heard.leaks() == []


def export_and_send_back(harbour: Harbour, heard: Heard, tmp_path: Path) -> None:
    for kind in ("csv", "xlsx", "jsonl", "parquet"):
        path = tmp_path / f"held.{kind}"
        by_command(heard, "quarantine", "export", "acme.prices", harbour.day, "--to", str(path))
        text = path.read_bytes()
        if kind == "xlsx":
            with zipfile.ZipFile(path) as archive:
                text = b"".join(map(archive.read, archive.namelist()))
        if kind == "parquet":
            text = str(pq.read_table(path).to_pylist()).encode()
        heard.note(f"export as {kind}", text)
    fixed = "wharf_file,wharf_line,price\nprices_20261120_0.csv,63,2\n"
    path = tmp_path / "fixed.csv"
    path.write_text(fixed.replace("_0.csv", f"_{_number(harbour)}.csv"))
    by_command(heard, "quarantine", "replay", "acme.prices", harbour.day, str(path),
               "--reason", "x")  # fmt: skip
    assert harbour.batches()[-1].rows_quarantined == 4, "a hidden value is read as it was"


def _number(harbour: Harbour) -> str:
    return harbour.deliveries()[-1].path.rpartition("_")[2].removesuffix(".csv")


def look_everywhere(harbour: Harbour, heard: Heard, tmp_path: Path) -> None:
    day, batches = harbour.day, harbour.batches()
    by_command(heard, "quarantine", "list", "--all")
    by_command(heard, "delivery", "list", "acme.prices", day)
    by_command(heard, "delivery", "diff", "acme.prices", day, batches[0].batch_id,
               batches[1].batch_id, "--json")  # fmt: skip
    by_command(heard, "delivery", "diff", "acme.prices", day, batches[0].batch_id)
    by_command(heard, "status")
    for row in batches:
        by_command(heard, "batch", "show", row.batch_id)
        by_command(heard, "quarantine", "show", "acme.prices", day, "--batch", row.batch_id)
        by_command(heard, "trace", row.batch_id)
        by_command(heard, "trace", row.batch_id, "--key", "id=x", "--json")
    for row in harbour.deliveries():
        by_command(heard, "trace", str(row.seq))
    files = [str(path) for path in sorted(harbour.inbox.iterdir())]
    by_command(heard, "try", *files, "--feed", "acme.prices", "--json")
    for each in harbour.messages():
        heard.note(f"message {each.key}", json.dumps(each.notice))
        told = render(Notice.from_json(each.notice))
        heard.note(f"mail {each.key}", f"{told.text}{told.html}{told.attachments}")
    assert any("rejection" in name for name in heard.texts)
    for path in (tmp_path / "home/results").rglob("*"):
        if path.is_file():
            heard.note(f"results {path.name}", path.read_bytes())
    for where, text in pages(harbour):
        heard.note(where, text)


def pages(harbour: Harbour) -> Iterator[tuple[str, bytes]]:
    lent = Lent(harbour.root, default="ada")
    app = build_app(harbour.settings, everybody, lambda: harbour.now, lent.powers)
    own = f"/feeds/acme.prices/{harbour.day}"
    rows = harbour.batches()
    wanted = ["/", "/?view=list", "/status.json", "/metrics", "/quarantine?all=yes", own,
              f"{own}/versions?was={rows[0].batch_id}&now={rows[1].batch_id}", "/decisions",
              "/api/decisions", "/suppliers"]  # fmt: skip
    for row in rows:
        batch = f"batch={row.batch_id}"
        wanted += [f"{own}/quarantine?{batch}", f"/trace/{row.batch_id}",
                   f"{own}/quarantine/csv?{batch}", f"/results/{row.batch_id}"]  # fmt: skip
        said = row.origin["deliveries"][0]["path"]
        wanted += [f"/trace/{row.batch_id}?file={said}&line={line}" for line in (62, 63, 64, 66)]
    with LocalServer(app) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        for address in wanted:
            answer = client.get(address)
            assert answer.status_code in {200, 404}, (address, answer.text[:500])
            yield f"page {address}", answer.content
