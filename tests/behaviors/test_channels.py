"""Every channel keeps the same promises, against servers with the limits of the real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from channel_servers import DESKS, Ailing, Desk, MailDesk
from channel_story import AT, LATE, STORY, TITLES, play, standing, tell
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wharf import alerts
from wharf.alerts import Consumer, Link, Notice, Sent
from wharf.errors import ChannelError, ChannelRefused


@pytest.fixture(params=list(DESKS))
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    made = DESKS[request.param]()
    with made.serving():
        yield made


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
    consumers = (Consumer("p" * 400, 1, AT, "q" * 400),) * 150
    many = {name: (name[0] * 900,) * 150 for name in ("lines", "automatic", "actions")}
    long = replace(LATE, consumers=consumers, **many)
    tell(desk, long)
    assert desk.refusals == []
    text = desk.texts[-1]
    assert "2 periods in a row" in text
    assert "acme.positions 2026-11-20 is late" in text
