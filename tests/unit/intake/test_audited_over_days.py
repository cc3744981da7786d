"""Audits of a feed day after day: what is usual, what fails since when, in which rows."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from tests.audited_world import audited_days
from tests.board_server import LocalServer, everybody
from tests.harbour import Harbour

from wharf.board.app import build_app
from wharf.cli.main import wharf
from wharf.ledger import audits
from wharf.quality import read_failing


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Harbour:
    return audited_days(tmp_path_factory.mktemp("days"))


def test_a_cut_file_is_held_back_where_the_contract_calls_volume_critical(harbour: Harbour) -> None:
    row = harbour.batches()[-1]
    assert row.status == "QUARANTINED"
    assert "1 row; usually 30" in [each["message"] for each in row.findings]
    page = Path(row.results).read_text(encoding="utf-8")
    assert "What is unusual" in page
    assert "1 critical figure is out of what is usual" in page


def test_every_outcome_is_kept_and_since_when_one_fails(harbour: Harbour) -> None:
    with harbour.place.ledger.read() as tx:
        found = audits.outcomes_of(tx, "acme.prices")
        summary = audits.audits_of(tx, "acme.prices")
    dear = [each.success for each in found if each.number == 2]
    assert dear == [True] * 6 + [False] * 3 + [True]
    assert [each.unexpected for each in found if each.number == 2][6:9] == [2, 2, 2]
    assert [each.passed for each in summary] == [True] * 9 + [False]
    assert [each.failing_rows for each in summary] == [30] * 6 + [32] * 3 + [1]
    page = Path(harbour.place.settings.results / "raw.acme_prices/2026-11-10")
    (html,) = page.glob("*.html")
    assert "it has failed since period 2026-11-08" in html.read_text(encoding="utf-8")


def test_every_failing_row_lies_beside_its_batch(harbour: Harbour) -> None:
    with harbour.place.ledger.read() as tx:
        found = audits.audits_of(tx, "acme.prices")[8]
    assert found.failing_uri.endswith(f"{found.batch_id}/audit_failures.parquet")
    local = found.failing_uri.removeprefix("file://")
    rows = list(read_failing(local, number=2))
    assert [(row["file"], row["line"], row["key"], row["value"]) for row in rows] == [
        ("prices_20261110.csv", 2, '{"id":"k0"}', "1000.00"),
        ("prices_20261110.csv", 3, '{"id":"k1"}', "1000.00"),
    ]
    assert {row["value"] for row in read_failing(local, number=3)} == {"hidden"}


def test_no_audit_keeps_a_sensitive_value(harbour: Harbour) -> None:
    with harbour.place.ledger.read() as tx:
        assert "secret-" not in repr(audits.outcomes_of(tx, "acme.prices"))
        assert "secret-" not in repr(audits.audits_of(tx, "acme.prices"))
    results = [each for each in harbour.place.settings.results.rglob("*") if each.is_file()]
    assert len(results) > 20
    for each in results:
        assert b"secret-" not in each.read_bytes(), each


def test_the_board_shows_a_feed_s_audits(harbour: Harbour) -> None:
    app = build_app(harbour.place.settings, everybody, clock=lambda: harbour.now)
    with LocalServer(app) as server, httpx.Client(base_url=server.url) as client:
        _look_at(client, harbour)


def _look_at(client: httpx.Client, harbour: Harbour) -> None:
    page = client.get("/suppliers/acme/acme.prices/audits")
    assert page.status_code == 200
    assert "price is at most 100" in page.text
    assert "1 row; usually 30" in page.text
    assert "7 of 10" in page.text
    assert page.text.count("<svg") == 4
    batch = harbour.batches()[-1].batch_id
    rows = client.get(f"/results/{batch}.csv")
    assert rows.headers["content-type"].startswith("text/csv")
    assert "hidden" in rows.text
    assert client.get("/results/nobody.csv").status_code == 404
    assert client.get("/suppliers/acme/acme.nothing/audits").status_code == 404
    story = client.get("/feeds/acme.prices/2026-11-11").text
    assert "../../suppliers/acme/acme.prices/audits" in story


def test_history_and_failing_rows_are_told_on_the_command_line(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHARF_HOME", str(harbour.root / "home"))
    monkeypatch.setenv("WHARF_PROJECT", str(harbour.root / "project"))
    history = CliRunner().invoke(wharf, ["quality", "history", "acme.prices"])
    assert history.exit_code == 0, history.output
    assert "......xxx." in history.output
    assert "2026-11-11  critical: 1 row; usually 30" in history.output
    with harbour.place.ledger.read() as tx:
        found = audits.audits_of(tx, "acme.prices")[8]
    failures = CliRunner().invoke(wharf, ["quality", "failures", found.batch_id, "--number", "2"])
    assert failures.exit_code == 0, failures.output
    assert "1000.00" in failures.output
    as_csv = CliRunner().invoke(wharf, ["quality", "failures", found.batch_id, "--csv"])
    assert len(as_csv.output.splitlines()) == 33
    assert "secret-" not in as_csv.output
