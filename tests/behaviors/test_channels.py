"""Every channel keeps the same promises, against servers with the limits of the real ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from channel_servers import DESKS, Ailing, AlertmanagerDesk, Desk, MailDesk, SlackDesk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wharf import alerts
from wharf.alerts import Consumer, Link, Notice, Sent
from wharf.errors import ChannelError, ChannelRefused

AT = datetime(2026, 11, 20, 5, 50, tzinfo=UTC)
TITLES = [
    "What",
    "How late",
    "Usually",
    "What depends on it",
    "What happens by itself",
    "What you can do",
    "Streak",
]
LATE = Notice(
    key="wharf:prod:late:acme.positions:2026-11-20",
    number=1,
    env="prod",
    action="open",
    kind="late",
    level="L1",
    supplier="acme",
    feed="acme.positions",
    period="2026-11-20",
    at=AT,
    what="acme.positions 2026-11-20 is late: 2 of 3 parts came, due 2026-11-20 06:30 CET",
    numbers={"due_at": "2026-11-20T05:30:00+00:00", "late_at": "2026-11-20T05:50:00+00:00"},
    tz="Europe/Amsterdam",
    usual="by 05:52, nearly always by 06:10",
    consumers=(
        Consumer("risk_daily", 1, datetime(2026, 11, 20, 6, 30, tzinfo=UTC), "last good, 1bd"),
    ),
    automatic=("risk_daily runs on 2026-11-19 at 07:30",),
    actions=("wharf promise acme.positions 2026-11-20 --until TIME --reason TEXT",),
    links=(
        Link("acknowledge", "https://wharf.example/wharf/feeds/acme.positions/2026-11-20#ack"),
        Link("this delivery on the board", "https://wharf.example/wharf/feeds/a/b?x=1&y=2"),
    ),
    streak=2,
    missed=1,
    thread="wharf:prod:late:acme.positions:2026-11-20:7",
)
STORY = [
    ("open", "L1", "acme.positions 2026-11-20 is late"),
    ("update", "L1", "acme.positions 2026-11-20 arrived 95 min late; validating"),
    ("raise", "L3", "risk_daily had to do without acme.positions 2026-11-20"),
    ("lower", "L1", "acme.positions 2026-11-20 is promised for 11:00"),
    ("repeat", "L1", "acme.positions 2026-11-20 is still late"),
    ("resolve", "L1", "acme.positions 2026-11-20 is published 194 min late"),
]


@pytest.fixture(params=list(DESKS))
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    made = DESKS[request.param]()
    with made.serving():
        yield made


def tell(
    desk: Desk, notice: Notice, handle: Mapping[str, Any] | None = None, key: str = ""
) -> Sent:
    message = alerts.render(notice, notice.at)
    key = key or f"{notice.key}:{notice.number}:desk:7"
    return alerts.send(desk.channel, message, desk.connection, key, handle or {})


def steps(notice: Notice = LATE) -> Iterator[Notice]:
    for number, (action, level, what) in enumerate(STORY, 1):
        at = AT + timedelta(minutes=20 * number)
        yield replace(notice, action=action, level=level, what=what, number=number, at=at)


def play(desk: Desk, last: str = "resolve") -> list[Sent]:
    """The whole story up to an action, each handle given to the next; repeats as D sends them."""
    sent: list[Sent] = []
    for notice in steps():
        if notice.action == "repeat" and alerts.abilities(desk.channel).repeats_itself:
            continue
        sent.append(tell(desk, notice, sent[-1].handle if sent else {}))
        if notice.action == last:
            break
    return sent


def test_whole_story_is_taken_by_the_service(desk: Desk) -> None:
    sent = play(desk)
    assert desk.refusals == []
    assert all(each.response_id for each in sent)
    assert all(len(each.response_id) <= 300 for each in sent)


def test_every_message_keeps_the_fixed_order(desk: Desk) -> None:
    tell(desk, LATE)
    text = desk.texts[-1]
    places = [text.index(f"{title}\n") for title in TITLES if f"{title}\n" in text]
    assert len(places) == len(TITLES), f"a part is missing in\n{text}"
    assert places == sorted(places)
    for told in ("20 min late", "by 05:52", "risk_daily", "wharf promise", "2 periods in a row"):
        assert told in text


def test_handle_survives_the_ledger_as_json(desk: Desk) -> None:
    import json

    sent = play(desk, last="update")[-1]
    assert json.loads(json.dumps(dict(sent.handle))) == sent.handle


@pytest.mark.parametrize("status", [429, 500, 503])
def test_server_that_is_busy_is_asked_again_later(desk: Desk, status: int) -> None:
    desk.ailing = [Ailing(status, {"Retry-After": "17"})]
    with pytest.raises(ChannelError) as caught:
        tell(desk, LATE)
    if not isinstance(desk, MailDesk):
        assert caught.value.retry_after == 17
    assert tell(desk, LATE).response_id


@pytest.mark.parametrize("status", [400, 403, 404, 413])
def test_server_that_says_no_is_not_asked_again(desk: Desk, status: int) -> None:
    desk.ailing = [Ailing(status)]
    with pytest.raises(ChannelRefused):
        tell(desk, LATE)
    assert desk.calls == 1


def test_server_that_does_not_answer_in_time_is_asked_again_later(desk: Desk) -> None:
    extra = {**desk.connection.extra, "timeout": "0.2"}
    hurried = replace(desk.connection, extra=extra)
    desk.ailing = [Ailing(pause_s=0.8)]
    with pytest.raises(ChannelError):
        alerts.send(desk.channel, alerts.render(LATE, AT), hurried, "k")


def test_server_that_is_down_is_asked_again_later() -> None:
    for make in DESKS.values():
        gone = make()
        with gone.serving():
            pass
        with pytest.raises(ChannelError, match="cannot be reached"):
            tell(gone, LATE)


def test_answer_that_is_lost_leads_to_one_message_where_there_is_a_key(desk: Desk) -> None:
    """The service took it and its answer was lost: the same message is sent once more."""
    desk.ailing = [Ailing(500, takes_first=True)]
    with pytest.raises(ChannelError):
        tell(desk, LATE)
    tell(desk, LATE)
    expected = 1 if alerts.abilities(desk.channel).has_idempotency_key else 2
    assert len(standing(desk)) == expected


def standing(desk: Desk) -> list[object]:
    """What a person at the service would see of the incident, as separate things."""
    for name in ("incidents", "alerts", "parents", "published", "taken", "mails"):
        if hasattr(desk, name):
            return list(getattr(desk, name))
    return list(desk.texts)


@pytest.mark.parametrize("env", ["demo", "dev_ann"])
def test_only_prod_sends_outside(desk: Desk, env: str) -> None:
    message = alerts.render(replace(LATE, env=env), AT)
    alerts.send(desk.channel, message, desk.connection, "k")
    outside = replace(
        desk.connection,
        host="https://hooks.wharf.example" if not isinstance(desk, MailDesk) else "mail.example",
        password=desk.secret.replace("http://127.0.0.1", "https://hooks.wharf.example"),
        port=None,
        extra={"topic_arn": "arn:aws:sns:eu-west-1:1:t", "timeout": "1"},
    )
    with pytest.raises(ChannelRefused, match="only prod sends outside"):
        alerts.send(desk.channel, message, outside, "k")


def test_no_error_tells_a_secret(desk: Desk) -> None:
    for status in (403, 503):
        desk.ailing = [Ailing(status)]
        with pytest.raises((ChannelError, ChannelRefused)) as caught:
            tell(desk, LATE)
        assert desk.secret not in str(caught.value) or not desk.secret
        assert "sig=abc" not in str(caught.value)


@pytest.mark.parametrize("action", ["summary", "digest", "test"])
def test_message_about_no_single_delivery_is_taken(desk: Desk, action: str) -> None:
    lines = tuple(f"05:50Z open acme.feed_{n} 2026-11-20 is late" for n in range(200))
    many = replace(LATE, action=action, kind=action, feed="", period="", lines=lines)
    tell(desk, replace(many, key=f"wharf:prod:{action}"))
    assert desk.refusals == []


def test_supplier_incident_with_many_children_is_taken(desk: Desk) -> None:
    lines = tuple(f"acme.feed_{n} 2026-11-20 is late, due 06:30 CET" for n in range(300))
    group = replace(LATE, feed="", period="", numbers={}, lines=lines, what="300 feeds are late")
    for number, action in enumerate(("open", "update", "resolve"), 1):
        tell(desk, replace(group, action=action, number=number))
    assert desk.refusals == []


HOSTILE = [
    "<!channel> <!here> <@U123> <#C123|x> <https://evil.example|click>",
    "@everyone @channel <at>all</at>",
    "*bold* _it_ ~no~ `code` [click](https://evil.example) ![x](https://evil.example/x.png)",
    "<script>alert(1)</script><img src=x onerror=alert(1)>&lt;&amp;&#60;",
    "late\r\nBcc: all@corp.example\r\n\r\nbody",
    "exe.\u202egpj \u2066x\u2069 \u200b\u00ad\ufeff",
    "\x00\x1b[31m\x07\x9f\ud800\udfff\uffff",
    "👩‍👩‍👧‍👦🇳🇱" * 500,
    "é\u0301" * 2_000,
    "x" * 100_000,
    "&" * 3_000,
    "<" * 3_000,
    '"\\' * 3_000,
    "名前" * 3_000,
]
hostile_text = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=300))


@st.composite
def hostile_notices(draw: st.DrawFn) -> Notice:
    text = draw(hostile_text)
    other = draw(hostile_text)
    many = draw(st.sampled_from([1, 3, 120]))
    consumers = (Consumer(text, 1, AT, other),) * many
    links = (
        Link(text, other),
        Link(text, f"javascript:{text}"),
        Link(other, f"https://wharf.example/{other}"),
        Link(text, "https://wharf.example/?a=1&b=<x>|y&c=" + "z" * draw(st.sampled_from([1, 900]))),
    )
    return replace(
        LATE,
        action=draw(st.sampled_from([action for action, _, _ in STORY] + ["ack"])),
        level=draw(st.sampled_from(["L0", "L1", "L2", "L3"])),
        number=draw(st.sampled_from([1, 2])),
        supplier=text,
        feed=other,
        period=text,
        what=text,
        usual=other,
        consumers=consumers,
        automatic=(text,) * many,
        actions=(other,) * many,
        links=links * draw(st.sampled_from([1, 5])),
        lines=(text, other) * many,
        numbers={**LATE.numbers, "why": other, "subject": text},
    )


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(notice=hostile_notices())
def test_no_hostile_word_breaks_a_limit_or_becomes_markup(desk: Desk, notice: Notice) -> None:
    opened = tell(desk, LATE) if notice.number == 2 else Sent("")
    tell(desk, notice, opened.handle, key="wharf:prod:büro:" + "x" * 200)
    assert desk.refusals == []
    for shown in desk.texts[-1:]:
        assert not set("\u202e\u2066\u200b\x00\x1b\x07\ud800") & set(shown)
    if isinstance(desk, MailDesk):
        mail = desk.mails[-1]
        assert mail["Bcc"] is None
        assert desk.recipients[-1] == ["desk@wharf.example"]
        page = mail.get_body(("html",))
        assert page is not None
        assert "<script" not in page.get_content()
        assert "<img" not in page.get_content()


def test_long_message_still_tells_its_last_part(desk: Desk) -> None:
    long = replace(LATE, lines=("y" * 900,) * 150, automatic=("z" * 900,) * 150)
    tell(desk, long)
    assert desk.refusals == []
    text = desk.texts[-1]
    assert "2 periods in a row" in text
    assert "acme.positions 2026-11-20 is late" in text


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
    desk = DESKS["pagerduty"]()
    with desk.serving():
        play(desk)
        ((_, incident),) = desk.incidents  # type: ignore[union-attr]
    assert incident.key == LATE.key
    assert incident.log == [
        "trigger warning", "trigger warning", "trigger critical", "trigger warning", "resolve",
    ]  # fmt: skip
    assert not incident.is_open


def test_pagerduty_incident_is_resolved_with_the_key_that_opened_it() -> None:
    desk = DESKS["pagerduty"]()
    with desk.serving():
        handle = tell(desk, LATE).handle
        other = "f" * 32
        desk.keys.add(other)  # type: ignore[union-attr]
        resolved = list(steps())[-1]
        message = alerts.render(resolved, AT)
        changed = replace(desk.connection, password=other)
        alerts.send(desk.channel, message, changed, "k6", handle)
        ((_, incident),) = desk.incidents  # type: ignore[union-attr]
    assert not incident.is_open


def test_pagerduty_resolve_for_an_unknown_key_opens_nothing() -> None:
    desk = DESKS["pagerduty"]()
    with desk.serving():
        tell(desk, list(steps())[-1])
        assert desk.incidents == []  # type: ignore[union-attr]


def test_pagerduty_acknowledges() -> None:
    desk = DESKS["pagerduty"]()
    with desk.serving():
        handle = tell(desk, LATE).handle
        tell(desk, replace(LATE, action="ack", number=2), handle)
        ((_, incident),) = desk.incidents  # type: ignore[union-attr]
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
    desk = DESKS["jsm"]()
    with desk.serving():
        sent = play(desk, last="raise")
        quiet, loud = desk.alerts  # type: ignore[union-attr]
        assert (quiet.severity, quiet.is_open) == ("P4", False)
        assert (loud.severity, loud.is_open) == ("P1", True)
        assert loud.key == sent[-1].handle["alias"] == f"{LATE.key}:L3"
        play_on = list(steps())
        tell(desk, play_on[3], sent[-1].handle)
        assert loud.log == ["created", "notes"]
        tell(desk, play_on[5], sent[-1].handle)
        assert desk.open_alerts == []  # type: ignore[union-attr]


def test_jsm_raise_whose_closing_failed_is_finished_by_the_next_try() -> None:
    desk = DESKS["jsm"]()
    with desk.serving():
        handle = play(desk, last="update")[-1].handle
        desk.ailing = [Ailing(), Ailing(503)]
        raised = list(steps())[2]
        with pytest.raises(ChannelError):
            tell(desk, raised, handle)
        tell(desk, raised, handle)
        (loud,) = desk.open_alerts  # type: ignore[union-attr]
    assert loud.severity == "P1"


def test_jsm_priorities_follow_the_levels() -> None:
    desk = DESKS["jsm"]()
    with desk.serving():
        for level in ("L0", "L1", "L2", "L3"):
            tell(desk, replace(LATE, level=level, key=f"k{level}"))
        assert [each.severity for each in desk.alerts] == ["P5", "P4", "P2", "P1"]  # type: ignore[union-attr]


def test_sns_attributes_are_there_to_filter_by() -> None:
    desk = DESKS["sns"]()
    with desk.serving():
        play(desk)
        published = list(desk.published.values())  # type: ignore[union-attr]
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
