"""`wharf alert`: channels are listed, tried out and shown what they would be sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from channel_servers import ARN, PagerDutyDesk, WebhookDesk
from click.testing import CliRunner, Result
from harbour import Harbour

from wharf.cli.main import wharf
from wharf.ledger import outbox
from wharf.ledger.rows import Outgoing

CHANNELS = f"""
channels:
  - {{name: desk, kind: slack, connection: slack_desk, channel: "#desk", suppliers: ["acme*"],
      digest: "08:00", attention: {{tz: UTC, hours: "08:00-18:00"}}}}
  - {{name: hook, kind: webhook, connection: hook}}
  - {{name: am, kind: webhook, connection: am, shape: alertmanager}}
  - {{name: pager, kind: pagerduty, connection: pager, min_level: L2, news: [late, quality]}}
  - {{name: ops, kind: jsm, connection: ops, responders: [data desk]}}
  - {{name: topic, kind: sns, connection: aws, topic: "{ARN}"}}
  - {{name: teams, kind: teams, connection: teams}}
  - {{name: mail, kind: smtp, connection: mail, to: [desk@wharf.example]}}
"""


@pytest.fixture
def harbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harbour:
    made = Harbour(tmp_path)
    (tmp_path / "project/dags/alerts.yaml").write_text(CHANNELS)
    monkeypatch.setenv("WHARF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WHARF_PROJECT", str(tmp_path / "project"))
    monkeypatch.setenv("COLUMNS", "300")
    return made


def wharf_does(*words: str) -> Result:
    return CliRunner().invoke(wharf, list(words))


@pytest.mark.usefixtures("harbour")
def test_every_kind_of_channel_can_show_what_it_would_send() -> None:
    result = wharf_does("alert", "test", "--show")
    assert result.exit_code == 0, result.output
    for told in (
        "desk (slack):", "hook (webhook):", "am (webhook):", "pager (pagerduty):", "ops (jsm):",
        "topic (sns):", "teams (teams):", "mail (smtp):", "AdaptiveCard", "event_action",
        "wharf.alert.v1", "alertname", "MessageAttributes", "Auto-Submitted", "#desk",
    ):  # fmt: skip
        assert told in result.output


@pytest.mark.usefixtures("harbour")
def test_one_channel_is_shown_by_its_name() -> None:
    result = wharf_does("alert", "test", "pager", "--show")
    assert "pager (pagerduty)" in result.output
    assert "desk (slack)" not in result.output
    wrong = wharf_does("alert", "test", "pgaer")
    assert "channels here: desk, hook, am, pager" in wrong.output


@pytest.mark.usefixtures("harbour")
def test_test_message_reaches_the_channels_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pager, hook = PagerDutyDesk(), WebhookDesk()
    with pager.serving(), hook.serving():
        for desk, name in ((pager, "PAGER"), (hook, "HOOK")):
            monkeypatch.setenv(
                f"AIRFLOW_CONN_{name}",
                json.dumps(
                    {
                        "conn_type": "http",
                        "host": f"http://127.0.0.1:{desk.port}",
                        "password": desk.secret,
                    }
                ),
            )
        result = wharf_does("alert", "test", "pager", "hook")
    assert result.exit_code == 0, result.output
    assert "hook: sent" in result.output
    assert [each.is_open for _, each in pager.incidents] == [False]
    assert len(hook.taken) == 1


def test_list_says_what_channels_hear_and_how_they_fared(harbour: Harbour) -> None:
    with harbour.place.ledger.write() as tx:
        outbox.queue_messages(
            tx,
            [
                Outgoing("k1", "hook", {}, harbour.now, status="SENT", sent_at=harbour.now),
                Outgoing("k2", "hook", {}, harbour.now, error="answered 503", attempts=1),
                Outgoing("k3", "pager", {}, harbour.now, status="FAILED", error="answered 400"),
            ],
        )
    shown = wharf_does("alert", "list").output
    assert "2026-11-20 07:00Z answered 400" in shown
    assert "L1 and louder; of acme*; pages 08:00-18:00 UTC; digest 08:00 UTC" in shown
    lines = wharf_does("alert", "list", "--json").output.splitlines()
    told = {each["channel"]: each for each in map(json.loads, lines)}
    assert told["hook"]["last_sent_at"] == "2026-11-20T07:00:00+00:00"
    assert (told["hook"]["waiting"], told["hook"]["trouble"]) == (1, "answered 503")
    assert (told["pager"]["failed"], told["pager"]["trouble"]) == (1, "answered 400")
    assert told["mail"]["last_sent_at"] is None


def test_list_without_channels_says_where_to_name_them(harbour: Harbour) -> None:
    (harbour.root / "project/dags/alerts.yaml").write_text("channels: []\n")
    assert "name them in dags/alerts.yaml" in wharf_does("alert", "list").output
