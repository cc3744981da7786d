from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from wharf import alerts
from wharf.alerts.channels import CHANNELS
from wharf.contracts.alerts import Channel, Routing
from wharf.errors import ChannelRefused, Terminal
from wharf.settings import Connection

ROUTING = Routing(
    channels=(
        Channel(name="desk", kind="webhook", connection="c"),
        Channel(name="phone", kind="webhook", connection="c", min_level="L2"),
        Channel(name="acme desk", kind="smtp", connection="c", min_level="L0", suppliers=("acme",)),
    )
)


@pytest.mark.parametrize(
    ("supplier", "level", "names"),
    [
        pytest.param("acme", "L0", ["acme desk"], id="only who asked for everything"),
        pytest.param("acme", "L1", ["desk", "acme desk"], id="its own desk and the common one"),
        pytest.param("alder", "L1", ["desk"], id="another supplier"),
        pytest.param("alder", "L3", ["desk", "phone"], id="loud enough to page"),
    ],
)
def test_message_goes_where_supplier_and_level_are_wanted(
    supplier: str, level: str, names: list[str]
) -> None:
    assert [channel.name for channel in alerts.route(ROUTING, supplier, level)] == names


def test_pauses_between_attempts_double_up_to_an_hour() -> None:
    pauses = [alerts.back_off(attempts) for attempts in (0, 1, 2, 3, 7, 8, 9, 1000)]
    assert pauses[:4] == [timedelta(seconds=s) for s in (30, 30, 60, 120)]
    assert pauses[4] == timedelta(minutes=32)
    assert pauses[5:] == [timedelta(hours=1)] * 3


def test_channel_kind_that_is_not_built_in_names_the_choices() -> None:
    odd = Channel.model_construct(name="desk", kind="pigeon", connection="c")
    message = alerts.render(alerts.test_notice("demo", datetime(2026, 11, 20, tzinfo=UTC)))
    with pytest.raises(ChannelRefused, match="channels there: jsm, pagerduty, slack, smtp, sns"):
        alerts.send(odd, message, Connection("c", "pigeon"), "k1")


def test_channel_that_is_routed_no_more_is_no_reason_to_try_again() -> None:
    error = alerts.unknown_channel("desk", ["mail"])
    assert isinstance(error, Terminal)
    assert str(error) == "no channel 'desk' in dags/alerts.yaml; channels there: mail"


def test_kinds_of_channels_tell_what_they_can_do() -> None:
    def can(kind: str, **options: object) -> alerts.Abilities:
        return alerts.abilities(Channel(name="c", kind=kind, connection="c", **options))  # type: ignore[arg-type]

    assert {kind for kind in CHANNELS if can(kind).repeats_itself} == {"pagerduty", "jsm"}
    assert {kind for kind in CHANNELS if can(kind).can_update} == {"pagerduty", "jsm", "slack"}
    assert {kind for kind in CHANNELS if can(kind).has_idempotency_key} == {
        "pagerduty", "jsm", "webhook",
    }  # fmt: skip
    assert can("sns", topic="arn:aws:sns:eu-west-1:1:t.fifo").has_idempotency_key


def test_news_about_no_single_supplier_reaches_somebody() -> None:
    only_acme = Routing(channels=(ROUTING.channels[2],))
    assert [each.name for each in alerts.route(only_acme, "", "L1", kind="connection")] == [
        "acme desk"
    ]
    assert alerts.route(only_acme, "birch", "L1") == ()
