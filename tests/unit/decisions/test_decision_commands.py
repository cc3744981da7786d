"""Deciding by the command line: one verb for each kind, listed and taken back by number."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from harbour import CONTRACT, GOOD, Harbour

from wharf.cli.main import wharf
from wharf.errors import DecisionRefused
from wharf.ledger import backfills, decisions
from wharf.ledger.rows import Decision
from wharf.watch.expect import expect_horizon

TODAY = datetime.now(UTC)
DAY = f"{TODAY:%Y-%m-%d}"
# Due at the beginning of the day by the clock that the command line asks.
EARLY = CONTRACT.replace(
    'opens: "T+0 06:00", due: "T+0 12:00"', 'opens: "T-1d 00:00", due: "T+0 00:00"'
)


@pytest.fixture
def harbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harbour:
    made = Harbour(
        tmp_path,
        now=TODAY,
        day=DAY,
        contract=EARLY.replace(
            '{from: "2026-11-16"}', f'{{from: "{TODAY - timedelta(days=5):%F}"}}'
        ).replace('cutoff: "T+1d 00:00"', 'cutoff: "T+9d 00:00"'),
    )
    monkeypatch.setenv("WHARF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WHARF_PROJECT", str(tmp_path / "project"))
    inbox = {"conn_type": "local", "extra": {"root": str(made.inbox)}}
    monkeypatch.setenv("AIRFLOW_CONN_ACME_INBOX", json.dumps(inbox))
    monkeypatch.setenv("LOGNAME", "ada")
    expect_horizon(made.place.ledger, made.promises, made.now)
    made.look()
    return made


def wharf_does(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(wharf, [str(each) for each in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def kept(harbour: Harbour) -> list[Decision]:
    with harbour.place.ledger.read() as tx:
        return decisions.decisions_of(tx, "acme.prices")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("ack", "acme.prices", DAY), "ack"),
        (("snooze", "acme.prices", DAY), "snooze"),
        (("waive", "acme.prices", DAY), "waive"),
        (("promise", "acme.prices", DAY), "promise"),
        (("suspend", "acme.prices"), "suspend"),
        (("maintenance", "supplier:acme"), "maintenance"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_every_verb_keeps_one_decision(
    harbour: Harbour, arguments: tuple[str, ...], kind: str
) -> None:
    done = wharf_does(*arguments, "--until", "2h", "--reason", "they called")
    assert done.exit_code == 0, done.output
    [row] = kept(harbour)
    assert (row.kind, row.by, row.reason) == (kind, "cli:ada", "they called")
    assert row.detail["via"] == "cli"
    assert wharf_does(*arguments, "--reason", "x").exit_code == 2, "no decision without an end"
    assert wharf_does(*arguments, "--until", "2h").exit_code == 2, "nor without a reason"


def test_a_range_is_waived_listed_and_taken_back(harbour: Harbour) -> None:
    first, last = f"{TODAY - timedelta(days=2):%F}", DAY
    wharf_does("waive", "acme.prices", "--from", first, "--to", last, "--until", "30d",
               "--reason", "strike")  # fmt: skip
    listed = wharf_does("decisions", "acme.prices").output
    assert f"cli:ada waived: acme.prices {first} to {last} until" in listed
    assert "[in force]" in listed
    [said] = [json.loads(line) for line in wharf_does("decisions", "--json").output.splitlines()]
    assert (said["decision"], said["kind"], said["status"]) == (1, "waive", "in force")
    assert (
        "taken back by cli:ada: it ended"
        in wharf_does("revoke", "1", "--reason", "it ended").output
    )
    assert wharf_does("decisions", "--in-force").output == "no decisions\n"
    assert harbour.state().timeliness == "LATE"


def test_what_is_not_allowed_is_said_with_its_field(harbour: Harbour) -> None:
    with pytest.raises(DecisionRefused, match=r"until: .* is past"):
        wharf_does("ack", "acme.prices", DAY, "--until", "2020-01-01", "--reason", "x")
    with pytest.raises(DecisionRefused, match=r"feed: there is no feed 'acme\.nothing'"):
        wharf_does("ack", "acme.nothing", DAY, "--until", "2h", "--reason", "x")
    with pytest.raises(DecisionRefused, match="one file"):
        wharf_does("accept-partial", "acme.prices", DAY, "--until", "2h", "--reason", "x")
    with pytest.raises(DecisionRefused, match="no product"):
        wharf_does("use-last-good", "acme.prices", DAY, "--for", "risk", "--max-age", "1bd",
                   "--until", "2h", "--reason", "x")  # fmt: skip
    assert kept(harbour) == []


def test_a_critical_check_is_not_overruled_from_a_shell(harbour: Harbour) -> None:
    harbour.deliver("id,price\na,-1\n", f"prices_{TODAY:%Y%m%d}.csv")
    with pytest.raises(Exception, match="quarantine"):
        harbour.run()
    [held] = harbour.batches()
    with pytest.raises(DecisionRefused, match="two people"):
        wharf_does("batch", "publish", held.batch_id, "--reason", "I say so")
    assert harbour.rows() == []


def test_a_file_delivered_and_one_marked_are_in_the_list(harbour: Harbour, tmp_path: Path) -> None:
    for number, text in enumerate((GOOD, GOOD), start=1):
        file = tmp_path / f"mail{number}.csv"
        file.write_text(text)
        CliRunner().invoke(wharf, ["deliver", "acme.prices", DAY, str(file)])
    again = harbour.deliveries()[-1]
    assert again.verdict == "DUPLICATE"
    wharf_does("mark", "restatement", str(again.seq), "--reason", "they want it again")
    assert harbour.deliveries()[-1].verdict == "RESTATEMENT"
    assert [row.kind for row in kept(harbour)] == ["hand_in", "hand_in", "mark_restatement"]
    assert wharf_does("mark", "duplicate", "77", "--reason", "x").exit_code == 2


def test_a_backfill_is_listed_dry_and_then_kept_for_the_ticks(harbour: Harbour) -> None:
    first, last = f"{TODAY - timedelta(days=3):%F}", f"{TODAY - timedelta(days=1):%F}"
    dry = wharf_does("backfill", "acme.prices", "--from", first, "--to", last, "--dry-run")
    assert dry.output.splitlines()[-1] == "3 of 3 periods would get a run"
    with harbour.place.ledger.read() as tx:
        assert backfills.backfills(tx) == []
    with pytest.raises(DecisionRefused, match="reason"):
        wharf_does("backfill", "acme.prices", "--from", first, "--to", last)
    done = wharf_does("backfill", "acme.prices", "--from", first, "--to", last, "--reason", "fix")
    assert "backfill 1: 3 runs" in done.output
    harbour.tick()
    assert [key for _, key, cause in harbour.started if cause == "backfill-1"] == [
        f"{TODAY - timedelta(days=back):%F}" for back in (3, 2, 1)
    ]
    with pytest.raises(DecisionRefused, match="future"):
        wharf_does("backfill", "acme.prices", "--from", first, "--to", "2099-01-01", "--dry-run")


def test_proposals_are_listed_by_the_command_line(harbour: Harbour) -> None:
    assert wharf_does("proposal", "list").output == "no proposal waits\n"
    with pytest.raises(DecisionRefused, match="no proposal 7"):
        wharf_does("proposal", "accept", "7", "--reason", "x")
