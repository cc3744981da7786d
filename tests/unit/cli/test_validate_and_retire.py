from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from harbour import CONTRACT, Harbour

from wharf.cli.main import wharf
from wharf.errors import ContractError
from wharf.watch.expect import expect_horizon


@pytest.fixture
def harbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harbour:
    made = Harbour(tmp_path)
    monkeypatch.setenv("WHARF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WHARF_PROJECT", str(tmp_path / "project"))
    return made


def says(*arguments: str) -> Result:
    result = CliRunner().invoke(wharf, list(arguments))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def put(harbour: Harbour, text: str) -> None:
    file = harbour.root / "project/dags/calendars/office.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"calendar: office\nweekmask: mon tue wed thu fri\n{text}\n")


def test_a_sound_project_is_all_valid(harbour: Harbour) -> None:
    put(harbour, "public_holidays: {country: NL}")
    result = says("validate")
    assert (result.exit_code, result.output) == (
        0, "1 feeds, 0 products, 0 models, 1 calendars: all valid\n",
    )  # fmt: skip
    assert says("validate", "--quiet").output == ""


def test_warnings_are_told_and_fail_only_where_that_is_asked_for(harbour: Harbour) -> None:
    feed = CONTRACT.replace("acme.prices", "acme.quotes").replace("raw.acme_p", "raw.acme_q")
    terms = 'timeliness: [{from: "2026-11-18", tz: UTC, opens: "T 06:00", due: "T 12:00", cutoff: "T 23:00"}]'  # noqa: E501
    head, _, _ = feed.partition("timeliness:")
    (harbour.root / "project/dags/feeds/acme/quotes.yaml").write_text(head + terms)
    suites = harbour.root / "project/expectations/acme"
    suite = (suites / "prices.json").read_text()
    (suites / "quotes.json").write_text(suite.replace("acme.prices", "acme.quotes"))
    result = says("validate")
    assert result.exit_code == 0
    assert "warning: dags/feeds/acme/quotes.yaml: timeliness.0.from is '2026-11-18'" in (
        result.output
    )
    assert "0 errors, 1 warnings" in result.output
    assert says("validate", "--strict").exit_code == 1


def test_errors_fail_and_name_file_and_field(harbour: Harbour) -> None:
    put(harbour, "until: '2020-01-01'")
    harbour.write_contract(CONTRACT.replace("kind: csv", "kind: cvs"))
    result = says("validate")
    assert result.exit_code == 1
    assert "error: dags/calendars/office.yaml: until: the calendar ended on 2020-01-01" in (
        result.output
    )
    assert "error: dags/feeds/acme/prices.yaml: format.kind is 'cvs'" in result.output
    assert "2 errors, 0 warnings" in result.output


def test_findings_are_there_for_machines(harbour: Harbour) -> None:
    put(harbour, "until: '2020-01-01'")
    [line] = says("validate", "--json").output.splitlines()
    assert json.loads(line)["level"] == "error"
    assert json.loads(line)["file"] == "dags/calendars/office.yaml"


def test_validate_leaves_no_ledger_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHARF_HOME", str(tmp_path / "nothing"))
    monkeypatch.setenv("WHARF_PROJECT", str(tmp_path / "empty"))
    says("validate")
    assert not (tmp_path / "nothing").exists()


def remove(harbour: Harbour) -> None:
    expect_horizon(harbour.place.ledger, harbour.promises, harbour.now)
    (harbour.root / "project/dags/feeds/acme/prices.yaml").unlink()


def test_a_feed_whose_file_is_gone_is_retired_by_a_person(harbour: Harbour) -> None:
    remove(harbour)
    retire = ["feed", "retire", "acme.prices", "--from", "2026-11-21", "--reason", "contract ended"]
    result = says(*retire)
    assert result.output == (
        "acme.prices is retired from 2026-11-21 on; 8 periods are not expected any more\n"
    )
    with pytest.raises(ContractError, match="is retired already, from 2026-11-21 on"):
        says(*retire)


def test_a_feed_that_has_a_file_is_ended_there(harbour: Harbour) -> None:
    with pytest.raises(ContractError, match=r"set active\.until to '2026-11-20' in it"):
        says("feed", "retire", "acme.prices", "--from", "2026-11-21", "--reason", "over")


def test_a_period_that_is_none_is_refused(harbour: Harbour) -> None:
    remove(harbour)
    with pytest.raises(ValueError, match="'soon' is not a day; write it as 2026-11-20"):
        says("feed", "retire", "acme.prices", "--from", "soon", "--reason", "over")
