from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from harbour import GOOD, Harbour

from wharf.cli.main import COMMANDS, wharf
from wharf.errors import DeliveryMissing


@pytest.fixture
def harbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harbour:
    made = Harbour(tmp_path)
    monkeypatch.setenv("WHARF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WHARF_PROJECT", str(tmp_path / "project"))
    inbox = {"conn_type": "local", "extra": {"root": str(made.inbox)}}
    monkeypatch.setenv("AIRFLOW_CONN_ACME_INBOX", json.dumps(inbox))
    return made


def wharf_does(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(wharf, [str(each) for each in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    result = wharf_does(name, "--help")
    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 3


def test_run_takes_one_delivery_in_and_says_each_step(harbour: Harbour) -> None:
    harbour.deliver(GOOD)
    result = wharf_does("run", "acme.prices", "2026-11-20")
    steps = [line.split()[0] for line in result.output.splitlines()]
    assert steps == ["look", "land", "stage", "audit", "publish", "state"]
    assert harbour.rows() == [("a", "1.50"), ("b", "2.25")]


def test_what_is_not_there_is_named_as_the_supplier_would_name_it(harbour: Harbour) -> None:
    with pytest.raises(DeliveryMissing, match="missing: prices_20261120"):
        wharf_does("run", "acme.prices", "2026-11-20")


def test_a_dry_run_lists_and_changes_nothing(harbour: Harbour) -> None:
    harbour.deliver(GOOD)
    result = wharf_does("run", "--dry-run", "acme.prices", "2026-11-20")
    assert "would take prices_20261120.csv" in result.output
    assert harbour.deliveries() == []


def test_a_file_is_handed_in(harbour: Harbour, tmp_path: Path) -> None:
    file = tmp_path / "sent by mail.csv"
    file.write_text(GOOD)
    assert "PUBLISHED" in wharf_does("deliver", "acme.prices", "2026-11-20", file).output
    assert len(harbour.rows()) == 2


def test_status_shows_the_day_and_speaks_json(harbour: Harbour) -> None:
    harbour.deliver(GOOD)
    wharf_does("run", "acme.prices", "2026-11-20")
    result = wharf_does("status", "--json", "--days", "4000")
    cells = [json.loads(line) for line in result.output.splitlines()]
    assert {(cell["period"], cell["delivery"]) for cell in cells} == {("2026-11-20", "PUBLISHED")}
    assert "acme.prices" in wharf_does("status", "--days", "4000").output


def test_try_says_how_each_file_would_end_and_keeps_nothing(
    harbour: Harbour, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv.gz"
    good.write_text(GOOD)
    bad.write_bytes(b"\x1f\x8b\x08\x00")
    result = wharf_does("try", "--json", good, bad)
    first, second = (json.loads(line) for line in result.output.splitlines())
    assert (first["outcome"], first["rows_in_file"], first["rows_staged"]) == ("loaded", 2, 2)
    assert first["columns"] == ["id", "price"]
    assert second["outcome"] == "refused"
    assert second["reason"]
    assert harbour.batches() == []


def test_a_file_that_is_not_there_is_a_mistyped_command_and_no_outcome(harbour: Harbour) -> None:
    result = wharf_does("try", "absent.csv")
    assert (result.exit_code, "absent.csv" in result.output) == (2, True)


def test_lists_with_nothing_in_them_say_so(harbour: Harbour) -> None:
    assert wharf_does("batch", "list", "raw.absent").output == "no batches of raw.absent\n"
    assert wharf_does("status").output.startswith("nothing expected yet")
    assert wharf_does("decisions").output == "no decisions\n"
    assert wharf_does("proposal", "list").output == "no proposal waits\n"
    assert wharf_does("anchor", "list").output == "no anchors\n"
    assert wharf_does("decisions", "--json").output == ""


def test_a_batch_id_is_listed_whole(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    harbour.deliver(GOOD)
    said = wharf_does("run", "acme.prices", "2026-11-20").output
    batch_id = said.split("stage    batch ")[1].split()[0]
    assert batch_id in wharf_does("batch", "list", "raw.acme_prices").output


def test_try_with_a_feed_runs_its_suite(harbour: Harbour, tmp_path: Path) -> None:
    file = tmp_path / "negative.csv"
    file.write_text("id,price\na,-1.00\n")
    result = wharf_does("try", "--json", "--feed", "acme.prices", file)
    assert json.loads(result.output)["outcome"] == "quarantined"


def test_a_new_feed_takes_in_the_very_file_it_was_made_from(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "Order No;Customer;Amount;Ordered\n0001;Ann;1,50;2026-11-19\n0002;Bob;22,75;2026-11-20\n"
    sample = harbour.inbox / "orders_20261120.csv"
    sample.write_text(text)
    result = wharf_does("feed", "new", "acme.orders", "--from", sample)
    assert "would be loaded: 2 of 2 rows staged" in result.output
    assert wharf_does("run", "acme.orders", "2026-11-20").exit_code == 0
    again = CliRunner().invoke(wharf, ["feed", "new", "acme.orders", "--from", str(sample)])
    assert "exists already" in str(again.exception)


def test_batches_are_listed_shown_and_rolled_back(harbour: Harbour) -> None:
    harbour.deliver(GOOD)
    harbour.run()
    harbour.wait(minutes=5)
    harbour.deliver("id,price\na,9.00\n")
    harbour.run()
    listed = wharf_does("batch", "list", "raw.acme_prices").output
    assert "PUBLISHED" in listed
    assert "SUPERSEDED" in listed
    shown = json.loads(wharf_does("batch", "show", harbour.batches()[0].batch_id).output)
    assert shown["rows_staged"] == 2
    back = wharf_does("batch", "rollback", "raw.acme_prices", "2026-11-20", "--reason", "wrong")
    assert "again, snapshot" in back.output
    assert harbour.rows() == [("a", "1.50"), ("b", "2.25")]


def test_an_unknown_feed_is_refused_with_the_ones_there_are(harbour: Harbour) -> None:
    result = CliRunner().invoke(wharf, ["run", "acme.nothing", "2026-11-20"])
    assert "no feed 'acme.nothing'; feeds here: acme.prices" in str(result.exception)


def test_alert_test_says_what_is_missing(harbour: Harbour) -> None:
    (harbour.root / "project/dags/alerts.yaml").write_text(
        "channels: [{name: desk, kind: webhook, connection: nowhere}]"
    )
    result = wharf_does("alert", "test")
    assert result.exit_code == 1
    assert "AIRFLOW_CONN_NOWHERE" in result.output


def test_doctor_names_what_is_well(harbour: Harbour) -> None:
    output = wharf_does("doctor").output
    for name in ("wharf", "project", "ledger", "lake", "java"):
        assert name in output
