"""`dags/alerts.yaml`: who hears of what, and how a mistake in it is told."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from wharf.contracts import Feed
from wharf.contracts.alerts import Routing, loose_ends, news_of
from wharf.contracts.spec import build, parse_yaml
from wharf.errors import ContractError

WHOLE = """
supplier_mail: mail
channels:
  - name: desk
    kind: slack
    connection: slack_desk
    channel: "#suppliers"
    min_level: L1
    suppliers: [acme, "county_*"]
    feeds: ["*.positions"]
    news: [late, quality, digest]
    attention: {calendar: nl_banking, tz: Europe/Amsterdam, hours: "08:00-18:00"}
    digest: "08:00"
    repeat: 2h
  - {name: mail, kind: smtp, connection: mail, to: [desk@wharf.example]}
"""


def read(text: str) -> Routing:
    return build(Routing, parse_yaml(text, "alerts.yaml"), "dags/alerts.yaml")


def test_every_option_of_a_channel_is_read() -> None:
    desk = read(WHOLE).channels[0]
    assert desk.attention is not None
    assert desk.attention.hours == (time(8), time(18))
    assert desk.digest == time(8)
    assert desk.digest_tz == "Europe/Amsterdam"
    assert desk.repeat == timedelta(hours=2)


def test_channel_left_alone_hears_everything_from_l1_on() -> None:
    mail = read(WHOLE).channels[1]
    assert mail.takes("anybody", "L1", "anybody.anything", "quality")
    assert not mail.takes("anybody", "L0")
    assert mail.repeat == timedelta(hours=4)
    assert mail.digest is None


@pytest.mark.parametrize(
    ("supplier", "level", "feed", "news", "hears"),
    [
        pytest.param("acme", "L1", "acme.positions", "late", True, id="named"),
        pytest.param("county_a", "L1", "county_a.positions", "late", True, id="pattern"),
        pytest.param("birch", "L1", "birch.positions", "late", False, id="another supplier"),
        pytest.param("acme", "L1", "acme.prices", "late", False, id="another feed"),
        pytest.param("acme", "L1", "", "late", True, id="the supplier as a whole"),
        pytest.param("acme", "L0", "acme.positions", "late", False, id="not loud enough"),
        pytest.param("acme", "L3", "acme.positions", "own", False, id="other news"),
    ],
)
def test_channel_hears_what_it_asked_for(
    supplier: str, level: str, feed: str, news: str, hears: bool
) -> None:
    assert read(WHOLE).channels[0].takes(supplier, level, feed, news) is hears


def test_trouble_of_our_own_is_news_of_its_own() -> None:
    assert [news_of(kind) for kind in ("late", "quality", "summary", "connection", "outbox")] == [
        "late", "quality", "summary", "own", "own",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        pytest.param("kind: slak", "channels.0.kind is 'slak'; use 'webhook', 'smtp'", id="kind"),
        pytest.param("kind: slack, colour: red", "colour: unknown key", id="unknown key"),
        pytest.param("kind: slack, digset: '08:00'", "did you mean 'digest'?", id="near miss"),
        pytest.param("kind: slack, to: [a@b]", "`to` is an option of kind smtp", id="other's"),
        pytest.param("kind: slack, digest: 8", "such as 08:00", id="digest"),
        pytest.param("kind: slack, repeat: often", "such as 90s, 20m", id="repeat"),
        pytest.param("kind: slack, min_level: L4", "use 'L0', 'L1', 'L2' or 'L3'", id="level"),
        pytest.param("kind: slack, news: [gossip]", "use 'late', 'quality'", id="news"),
        pytest.param(
            "kind: slack, attention: {tz: Mars, hours: 08:00-18:00}", "IANA time zone", id="zone"
        ),
        pytest.param(
            "kind: slack, attention: {tz: UTC, hours: 8-18}", "such as 08:00-18:00", id="hours"
        ),
        pytest.param(
            "kind: slack, attention: {tz: UTC, hours: 08:00-08:00}", "such as", id="no hours"
        ),
        pytest.param("kind: webhook, shape: opsgenie", "'wharf' or 'alertmanager'", id="shape"),
    ],
)
def test_mistake_is_told_with_field_value_and_choices(channel: str, said: str) -> None:
    with pytest.raises(ContractError) as caught:
        read(f"channels:\n  - {{name: desk, connection: c, {channel}}}\n")
    assert said in str(caught.value)
    assert str(caught.value).startswith("dags/alerts.yaml: channels.0")


def test_names_are_given_once() -> None:
    one = "  - {name: desk, kind: slack, connection: c}\n"
    with pytest.raises(ContractError, match="'desk' is there twice"):
        read(f"channels:\n{one}{one}")


def test_supplier_mail_names_an_smtp_channel() -> None:
    with pytest.raises(ContractError, match="smtp channels here: mail"):
        read(WHOLE.replace("supplier_mail: mail", "supplier_mail: desk"))
    found = read(WHOLE).mail_to_suppliers
    assert found is not None
    assert found.name == "mail"
    assert Routing().mail_to_suppliers is None


def test_repetitions_can_be_switched_off() -> None:
    text = "channels: [{name: desk, kind: slack, connection: c, repeat: null}]"
    assert read(text).channels[0].repeat is None


def project_feed(name: str, contacts: str = "") -> Feed:
    supplier, _, short = name.partition(".")
    text = f"""
feed: {name}
active: {{from: "2026-11-16"}}
table: raw.{supplier}_{short}
supplier: {{id: {supplier}{contacts}}}
source: {{kind: local, connection: c, path: "a_{{period:%Y%m%d}}.csv"}}
format: {{kind: csv}}
columns: {{id: {{type: string}}}}
period: {{kind: day}}
timeliness: {{tz: UTC, opens: "T+0 01:00", due: "T+0 06:30", cutoff: "T+2d 18:00"}}
"""
    return build(Feed, parse_yaml(text, "f.yaml"), "f.yaml")


def test_feed_that_nobody_would_hear_of_is_pointed_out() -> None:
    feeds = [project_feed("acme.positions"), project_feed("birch.parcels")]
    told = list(
        loose_ends(
            read(
                WHOLE.replace("kind: smtp", "kind: teams")
                .replace(", to: [desk@wharf.example]", ", suppliers: [acme]")
                .replace("supplier_mail: mail", "")
            ),
            feeds,
        )
    )
    assert "no channel hears when these are late: birch.parcels" in told
    assert list(loose_ends(Routing(), feeds)) == [], "a project without messages is no mistake"


def test_name_that_matches_nothing_is_pointed_out() -> None:
    feeds = [project_feed("acme.positions")]
    assert list(loose_ends(read(WHOLE), feeds)) == [
        "channel 'desk': suppliers has 'county_*'; here are acme"
    ]


def test_contacts_that_nothing_can_write_to_are_pointed_out() -> None:
    feeds = [project_feed("acme.positions", ", contacts: {late: a@acme.example}")]
    routing = read("channels: [{name: desk, kind: teams, connection: c}]")
    assert list(loose_ends(routing, feeds)) == [
        "no smtp channel is there to write to the suppliers' contacts of acme.positions"
    ]
