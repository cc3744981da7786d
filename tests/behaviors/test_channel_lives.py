"""An incident lives at each service as that service lets it live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from channel_servers import (
    DESKS,
    Ailing,
    AlertmanagerDesk,
    JsmDesk,
    MailDesk,
    PagerDutyDesk,
    SlackDesk,
    SnsDesk,
)
from channel_story import AT, LATE, STORY, play, standing, steps, tell

from wharf import alerts
from wharf.errors import ChannelError


def test_slack_keeps_one_message_and_tells_the_rest_in_its_thread() -> None:
    desk = SlackDesk()
    with desk.serving():
        play(desk, last="lower")
        (parent,) = desk.parents
        assert parent["changed"] == 3
        colours = parent["attachments"][0]["color"]
        play_colour = alerts.render(replace(LATE, level="L1")).colour
        assert colours == play_colour
        assert [each["reply_broadcast"] for each in desk.replies] == [False, True, False]
    assert desk.texts[0].startswith("L1 late: ")


def test_slack_message_turns_green_when_its_incident_ends() -> None:
    desk = SlackDesk()
    with desk.serving():
        sent = play(desk)
        (parent,) = desk.parents
        assert parent["text"].startswith("resolved: ")
        assert parent["attachments"][0]["color"] == "#1a7f37"
        assert len(desk.replies) == 5
        assert sent[-1].handle == {"channel": "C0DESK", "ts": next(iter(desk.messages))}


def test_slack_message_that_somebody_deleted_is_posted_anew() -> None:
    desk = SlackDesk()
    with desk.serving():
        handle = tell(desk, LATE).handle
        desk.messages.clear()
        resolved = list(steps())[-1]
        sent = tell(desk, resolved, handle)
        assert len(desk.parents) == 1
        assert sent.handle["ts"] in desk.messages


def test_slack_says_later_inside_a_good_answer() -> None:
    desk = SlackDesk()
    desk.take = lambda *_: (200, {}, b'{"ok": false, "error": "internal_error"}')  # type: ignore[method-assign]
    with desk.serving(), pytest.raises(ChannelError, match="internal_error"):
        tell(desk, LATE)


def test_slack_reply_that_fails_is_not_preceded_by_news_told_twice() -> None:
    desk = SlackDesk()
    with desk.serving():
        handle = tell(desk, LATE).handle
        desk.ailing = [Ailing(), Ailing(500)]
        raised = list(steps())[2]
        with pytest.raises(ChannelError):
            tell(desk, raised, handle)
        tell(desk, raised, handle)
        assert len(desk.replies) == 1
        assert len(desk.parents) == 1


def test_pagerduty_has_one_incident_that_follows_the_levels() -> None:
    desk = PagerDutyDesk()
    with desk.serving():
        play(desk)
        ((_, incident),) = desk.incidents
    assert incident.key == LATE.key
    assert incident.log == [
        "trigger warning", "trigger warning", "trigger critical", "trigger warning", "resolve",
    ]  # fmt: skip
    assert not incident.is_open


def test_pagerduty_incident_is_resolved_with_the_key_that_opened_it() -> None:
    desk = PagerDutyDesk()
    with desk.serving():
        handle = tell(desk, LATE).handle
        other = "f" * 32
        desk.keys.add(other)
        resolved = list(steps())[-1]
        message = alerts.render(resolved, AT)
        changed = replace(desk.connection, password=other)
        alerts.send(desk.channel, message, changed, "k6", handle)
        ((_, incident),) = desk.incidents
    assert not incident.is_open


def test_pagerduty_resolve_for_an_unknown_key_opens_nothing() -> None:
    desk = PagerDutyDesk()
    with desk.serving():
        tell(desk, list(steps())[-1])
        assert desk.incidents == []


def test_pagerduty_acknowledges() -> None:
    desk = PagerDutyDesk()
    with desk.serving():
        handle = tell(desk, LATE).handle
        tell(desk, replace(LATE, action="ack", number=2), handle)
        ((_, incident),) = desk.incidents
    assert incident.acknowledged
    assert incident.is_open


@pytest.mark.parametrize("name", ["pagerduty", "jsm"])
def test_test_message_leaves_nothing_open_at_a_pager(name: str) -> None:
    desk = DESKS[name]()
    with desk.serving():
        tell(desk, alerts.test_notice("prod", AT))
        found = [getattr(each, "is_open", None) for each in flat(standing(desk))]
    assert found == [False]


def flat(found: list[object]) -> list[object]:
    return [each[1] if isinstance(each, tuple) else each for each in found]


def test_jsm_raise_opens_a_louder_alert_before_it_closes_the_quiet_one() -> None:
    desk = JsmDesk()
    with desk.serving():
        sent = play(desk, last="raise")
        quiet, loud = desk.alerts
        assert (quiet.severity, quiet.is_open) == ("P4", False)
        assert (loud.severity, loud.is_open) == ("P1", True)
        assert loud.key == sent[-1].handle["alias"] == f"{LATE.key}:L3"
        play_on = list(steps())
        tell(desk, play_on[3], sent[-1].handle)
        assert loud.log == ["created", "notes"]
        tell(desk, play_on[5], sent[-1].handle)
        assert desk.open_alerts == []


def test_jsm_raise_whose_closing_failed_is_finished_by_the_next_try() -> None:
    desk = JsmDesk()
    with desk.serving():
        handle = play(desk, last="update")[-1].handle
        desk.ailing = [Ailing(), Ailing(503)]
        raised = list(steps())[2]
        with pytest.raises(ChannelError):
            tell(desk, raised, handle)
        tell(desk, raised, handle)
        (loud,) = desk.open_alerts
    assert loud.severity == "P1"


def test_jsm_priorities_follow_the_levels() -> None:
    desk = JsmDesk()
    with desk.serving():
        for level in ("L0", "L1", "L2", "L3"):
            tell(desk, replace(LATE, level=level, key=f"k{level}"))
        assert [each.severity for each in desk.alerts] == ["P5", "P4", "P2", "P1"]


def test_sns_attributes_are_there_to_filter_by() -> None:
    desk = SnsDesk()
    with desk.serving():
        play(desk)
        published = list(desk.published.values())
    assert len(published) == len(STORY)
    assert {each["group"] for each in published} == {"acme.positions"}
    assert published[2]["attributes"] == {
        "env": "prod",
        "supplier": "acme",
        "feed": "acme.positions",
        "level": "L3",
        "kind": "late",
        "state": "open",
        "action": "raise",
    }
    assert published[-1]["attributes"]["state"] == "resolved"
    assert published[0]["data"]["schema"] == "wharf.alert.v1"


def test_mails_of_one_incident_are_one_thread_whatever_the_sender_becomes() -> None:
    desk = MailDesk()
    with desk.serving():
        sent = play(desk, last="lower")
        moved = replace(desk.connection, extra={"from": "wharf@moved.example", "timeout": "5"})
        message = alerts.render(list(steps())[-1], AT)
        alerts.send(desk.channel, message, moved, "k6", sent[-1].handle)
        assert desk.threads == 1
        first, *replies = desk.mails
        assert {str(each["Subject"]) for each in replies} == {f"Re: {first['Subject']}"}
        assert str(replies[-1]["In-Reply-To"]) == str(desk.mails[-2]["Message-ID"])
        assert str(replies[-1]["References"]).split()[0] == str(first["Message-ID"])
        assert desk.texts[-1].startswith("resolved: ")


def test_mail_thread_stays_within_a_header_line_however_long_it_gets() -> None:
    desk = MailDesk()
    with desk.serving():
        handle: Mapping[str, Any] = {}
        for number in range(1, 41):
            notice = replace(LATE, number=number, action="update" if number > 1 else "open")
            handle = tell(desk, notice, handle).handle
        assert desk.threads == 1
        assert len(str(desk.mails[-1]["References"]).split()) <= 10


def test_alertmanager_has_one_alert_firing_until_the_end() -> None:
    desk = AlertmanagerDesk()
    with desk.serving():
        handle: Mapping[str, Any] = {}
        for notice in steps():
            handle = tell(desk, notice, handle).handle
            firing = desk.firing(notice.at + timedelta(seconds=1))
            if notice.action == "resolve":
                assert firing == []
            else:
                (alert,) = firing
                assert alert["labels"]["level"] == notice.level
                assert alert["annotations"]["summary"] == notice.what


def test_alertmanager_alert_outlives_the_pause_between_repetitions() -> None:
    desk = AlertmanagerDesk()
    with desk.serving():
        tell(desk, LATE)
        assert len(desk.firing(AT + timedelta(hours=12))) == 1
        assert desk.firing(AT + timedelta(days=2)) == []
