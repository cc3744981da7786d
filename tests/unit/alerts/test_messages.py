from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from wharf import alerts
from wharf.alerts import Consumer, Link, Message, Notice
from wharf.timeliness.incidents import Transition

SCHEMA = Draft202012Validator(
    json.loads((files("wharf.alerts") / "message_v1.schema.json").read_text())
)
AT = datetime(2026, 11, 20, 5, 50, tzinfo=UTC)
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
    links=(Link("board", "https://wharf.example/board?feed=acme.positions&period=2026-11-20"),),
    streak=2,
    missed=1,
)
HOSTILE = "<img src=x onerror=alert(1)>\r\nBcc: all@corp.example\u202egpj.exe\x00\ud800"


class Tags(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]


def parse(message: Message) -> Tags:
    tags = Tags()
    tags.feed(message.html)
    return tags


def hostile_notice(text: str) -> Notice:
    return replace(
        LATE,
        supplier=text,
        feed=text,
        period=text,
        what=text,
        usual=text,
        consumers=(Consumer(text, 1, AT, text),),
        automatic=(text,),
        actions=(text,),
        links=(Link(text, text), Link("go", f"javascript:{text}"), Link("go", f"https://x/{text}")),
        lines=(text,),
        numbers={**LATE.numbers, "subject": text, text: [text]},
    )


def test_body_tells_everything_in_its_fixed_order() -> None:
    assert alerts.render(LATE).text == (
        "What\n"
        "  acme.positions 2026-11-20 is late: 2 of 3 parts came, due 2026-11-20 06:30 CET\n"
        "  supplier acme, feed acme.positions, period 2026-11-20\n"
        "\n"
        "How late\n"
        "  20 min late, counted from due\n"
        "  due 2026-11-20 06:30 CET (05:30 UTC); alarm at 2026-11-20 06:50 CET (05:50 UTC)\n"
        "\n"
        "Usually\n"
        "  by 05:52, nearly always by 06:10\n"
        "\n"
        "What depends on it\n"
        "  risk_daily (tier 1) decides 2026-11-20 07:30 CET (06:30 UTC), "
        "then: last good, 1bd\n"
        "\n"
        "What happens by itself\n"
        "  risk_daily runs on 2026-11-19 at 07:30\n"
        "\n"
        "What you can do\n"
        "  wharf promise acme.positions 2026-11-20 --until TIME --reason TEXT\n"
        "  board: https://wharf.example/board?feed=acme.positions&period=2026-11-20\n"
        "\n"
        "Streak\n"
        "  2 periods in a row, 1 missed altogether\n"
    )


@pytest.mark.parametrize(
    ("notice", "head"),
    [
        pytest.param(LATE, "[wharf prod] L1 late: acme.positions 2026-11-20 is late", id="open"),
        pytest.param(
            replace(LATE, action="resolve", what="published"),
            "[wharf prod] resolved: published",
            id="resolve",
        ),
        pytest.param(alerts.test_notice("demo", AT), "[wharf demo] test: a test", id="test"),
    ],
)
def test_subject_says_how_it_stands(notice: Notice, head: str) -> None:
    assert alerts.render(notice).subject.startswith(head)


def test_time_on_another_day_in_utc_names_that_day() -> None:
    text = alerts.render(replace(LATE, tz="Australia/Lord_Howe")).text
    assert "due 2026-11-20 16:30 +11 (05:30 UTC)" in text
    early = {"due_at": "2026-11-19T19:30:00+00:00"}
    text = alerts.render(replace(LATE, tz="Australia/Lord_Howe", numbers=early)).text
    assert "due 2026-11-20 06:30 +11 (2026-11-19 19:30 UTC)" in text


def test_message_with_little_to_tell_keeps_the_order() -> None:
    bare = replace(
        LATE, kind="quality", numbers={}, usual="", consumers=(), automatic=(), actions=(), links=()
    )
    titles = [line for line in alerts.render(bare).text.splitlines() if line[:1].strip()]
    assert titles == [
        "What",
        "How late",
        "Usually",
        "What depends on it",
        "What happens by itself",
        "What you can do",
        "Streak",
    ]


@pytest.mark.parametrize(
    ("numbers", "minutes"),
    [
        pytest.param({"late_by_min": 95}, 95, id="came late"),
        pytest.param({"complete_at": "2026-11-20T05:00:00+00:00"}, None, id="came in time"),
        pytest.param({}, 20, id="has not come"),
    ],
)
def test_lateness_counts_from_due(numbers: dict[str, object], minutes: int | None) -> None:
    notice = replace(LATE, numbers={**LATE.numbers, **numbers})
    assert alerts.render(notice).data["late_minutes"] == minutes


def test_notice_of_a_transition_carries_its_words_and_numbers() -> None:
    transition = Transition(
        action="raise",
        key=LATE.key,
        kind="late",
        feed="acme.positions",
        period="2026-11-20",
        supplier="acme",
        level="L2",
        condition="LATE",
        at=AT,
        what="it is late",
        numbers={"due_at": "2026-11-20T05:30:00+00:00"},
        tz="Europe/Amsterdam",
    )
    assert Notice.of(transition, number=1, env="prod").tz == "Europe/Amsterdam"
    notice = Notice.of(transition, number=4, env="prod", streak=3, tz="UTC")
    assert (notice.number, notice.level, notice.streak, notice.tz) == (4, "L2", 3, "UTC")
    assert notice.late_minutes == 20


def test_notice_survives_the_outbox() -> None:
    stored = json.loads(json.dumps(LATE.to_json()))
    assert Notice.from_json(stored) == LATE


@pytest.mark.parametrize(
    "notice",
    [
        pytest.param(LATE, id="late"),
        pytest.param(replace(LATE, action="resolve", number=7), id="resolve"),
        pytest.param(alerts.test_notice("demo", AT), id="test"),
        pytest.param(hostile_notice(HOSTILE), id="hostile"),
    ],
)
def test_json_follows_its_schema(notice: Notice) -> None:
    data = alerts.render(notice).data
    SCHEMA.validate(data)
    assert data["severity"] == "warning"
    assert json.loads(json.dumps(data, ensure_ascii=False).encode()) == data


def test_hostile_values_are_only_text() -> None:
    message = alerts.render(hostile_notice(HOSTILE))
    tags = parse(message)
    assert tags.tags <= {
        "html", "head", "meta", "title", "body", "p", "strong", "table", "tr", "th", "td", "br",
    }  # fmt: skip
    assert not {"onerror", "src"} & tags.attributes
    assert tags.links == []
    assert "\n" not in message.subject
    assert "\r" not in message.subject
    assert "\nBcc:" not in message.text
    for shown in (message.subject, message.text, message.html, json.dumps(dict(message.data))):
        assert not set("\u202e\x00\ud800") & set(shown)


def test_only_web_addresses_become_links() -> None:
    links = (
        Link("board", "https://wharf.example/?a=1&b=2"),
        Link("log", "javascript:alert(1)"),
        Link("file", "file:///etc/passwd"),
        Link("data", "data:text/html,x"),
        Link("none", "https:///nohost"),
    )
    message = alerts.render(replace(LATE, links=links))
    assert parse(message).links == ["https://wharf.example/?a=1&b=2"]
    assert "javascript:alert(1)" in message.text


def test_long_values_are_cut() -> None:
    message = alerts.render(replace(LATE, what="x" * 100_000))
    assert len(message.subject) == 160
    assert message.subject.endswith("…")
    assert len(message.text) < 5_000


@given(st.text())
def test_any_supplier_text_gives_a_valid_harmless_message(text: str) -> None:
    message = alerts.render(hostile_notice(text))
    SCHEMA.validate(message.data)
    assert message.subject.isprintable()
    assert all(line.isprintable() for line in message.text.split("\n"))
    message.html.encode()
    assert all(link.startswith("https://x/") for link in parse(message).links)
    assert "script" not in parse(message).tags
