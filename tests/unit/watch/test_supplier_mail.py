"""Suppliers are written to once: about what is late, what was accepted, and what was not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from alarm_world import DAY, DESK, AlarmWorld, at
from channel_servers import MailDesk
from harbour import CONTRACT, Harbour

from wharf.alerts import Notice, render
from wharf.errors import AuditFailed, DeliveryRefused
from wharf.ledger.rows import Outgoing
from wharf.settings import Connection

MAIL = "{name: mail, kind: smtp, connection: mail, min_level: L3, to: [desk@wharf.example]}"
CONTACTS = "supplier: {id: acme, contacts: {late: ops@acme.example}}"
ROUTING = f"channels:\n  - {MAIL}\n"


@pytest.fixture
def world(tmp_path: Path) -> AlarmWorld:
    return AlarmWorld(tmp_path, channels=(DESK, MAIL), more=CONTACTS, group_wait=0)


def mails(rows: list[Outgoing]) -> list[Outgoing]:
    return [each for each in rows if each.key.startswith("supplier:")]


def test_late_supplier_is_chased_in_the_tick_that_tells_the_desk(world: AlarmWorld) -> None:
    world.go(at("06:49"))
    assert mails(world.outbox()) == []
    world.go(at("06:51"))
    (mail,) = mails(world.outbox())
    assert mail.key == f"supplier:acme.a:{DAY}:L1"
    assert mail.channel == "mail"
    heard = [each for each in world.heard if each.channel == "mail"]
    assert [each.message.to for each in heard] == [("ops@acme.example",)]
    assert "Due:       2026-11-20 06:30 UTC, 20 minutes ago" in heard[0].message.text


def test_supplier_is_not_chased_again_however_often_the_clock_ticks(world: AlarmWorld) -> None:
    world.go(at("12:00"), every=10)
    assert len(mails(world.outbox())) == 1


def test_missing_delivery_is_chased_once_more_and_then_no_more(tmp_path: Path) -> None:
    world = AlarmWorld(
        tmp_path,
        channels=(DESK, MAIL),
        more=CONTACTS,
        group_wait=0,
        products=(
            "product: risk\ntier: 1\nactive: {from: '2026-11-16'}\nperiod: {kind: day}\n"
            'timeliness: {tz: UTC, decide_at: "T+0 08:00", due: "T+0 12:00", cutoff: "T+3d 18:00"}'
            "\ninputs: {acme.a: {read: same, on_missing: [wait, fail]}}\n"
            'steps: [{dbt: "tag:risk"}]\n',
        ),
    )
    world.go(at("10:00"), every=5)
    levels = [each.key.rpartition(":")[2] for each in mails(world.outbox())]
    assert levels == ["L1", "L2"], "L3 would be the third of two"


def test_supplier_is_not_chased_for_what_we_could_not_see(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path, channels=(DESK, MAIL), more=CONTACTS)
    world.go(at("08:00"), "acme_sftp", every=2)
    assert mails(world.outbox()) == []
    assert world.open("connection")


def test_supplier_is_not_chased_when_the_delivery_came_meanwhile(world: AlarmWorld) -> None:
    world.now = at("06:49")
    world.tick()
    world.arrive("acme.a")
    world.go(at("07:30"))
    assert mails(world.outbox()) == []


def test_first_deployment_chases_nobody(tmp_path: Path) -> None:
    world = AlarmWorld(
        tmp_path, channels=(DESK, MAIL), more=CONTACTS, first="2026-11-10", now=at("12:00")
    )
    world.go(at("12:40"), every=5)
    assert mails(world.outbox()) == []


def test_supplier_without_contacts_or_a_desk_without_mail_writes_nothing(tmp_path: Path) -> None:
    for channels, more in (((DESK, MAIL), ""), ((DESK,), CONTACTS)):
        world = AlarmWorld(tmp_path / str(len(more)), channels=channels, more=more, group_wait=0)
        world.go(at("07:00"), every=5)
        assert mails(world.outbox()) == []
        assert world.told()


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    contacts = "supplier: {id: acme, contacts: {late: ops@acme.example, receipt: true}}"
    made = Harbour(tmp_path, contract=CONTRACT.replace("supplier: {id: acme}", contacts))
    (tmp_path / "project/dags/alerts.yaml").write_text(ROUTING)
    return made


def queued(harbour: Harbour) -> list[Notice]:
    return [Notice.from_json(each.notice) for each in mails(harbour.messages())]


def test_accepted_delivery_gets_one_receipt(harbour: Harbour) -> None:
    harbour.deliver("id,price\na,1.50\nb,2.25\n")
    harbour.run()
    for _ in range(3):
        harbour.tick()
        harbour.wait(minutes=1)
    (receipt,) = queued(harbour)
    text = render(receipt).text
    (delivery,) = harbour.deliveries()
    assert receipt.to == ("ops@acme.example",)
    assert f"prices_20261120.csv: {delivery.size} bytes, sha256 {delivery.sha256}" in text
    assert "Rows:    2" in text


def test_quarantined_batch_is_rejected_with_its_bad_rows(harbour: Harbour) -> None:
    harbour.deliver("id,price\na,1.50\nb,two\nc,=1+1\n")
    with pytest.raises(AuditFailed):
        harbour.run()
    for _ in range(3):
        harbour.tick()
        harbour.wait(minutes=1)
    (rejection,) = queued(harbour)
    message = render(rejection)
    assert "3, 2 of them cannot be used" in message.text
    (attached,) = message.attachments
    assert "prices_20261120.csv,3,price," in attached.text
    assert '"b,two"' in attached.text


def test_corrected_delivery_is_told_as_a_thing_of_its_own(harbour: Harbour) -> None:
    harbour.deliver("id,price\na,-1\n")
    with pytest.raises(AuditFailed):
        harbour.run()
    harbour.tick()
    harbour.wait(minutes=10)
    harbour.deliver("id,price\na,-2\n")
    with pytest.raises(AuditFailed):
        harbour.run()
    harbour.tick()
    harbour.wait(minutes=10)
    harbour.deliver("id,price\na,1\n")
    harbour.run()
    harbour.tick()
    assert [each.action for each in queued(harbour)] == ["rejection", "rejection", "receipt"]


def test_file_that_cannot_be_read_is_rejected_with_its_reason(harbour: Harbour) -> None:
    harbour.deliver(b"PK\x03\x04 this is no csv")
    with pytest.raises(DeliveryRefused):
        harbour.run()
    harbour.tick()
    harbour.tick()
    (rejection,) = queued(harbour)
    text = render(rejection).text
    assert "none could be read" in text
    (refused,) = harbour.deliveries()
    assert refused.reason in text


def test_nothing_is_told_of_a_period_long_past(harbour: Harbour) -> None:
    harbour.day = "2026-11-17"
    harbour.deliver("id,price\na,1\n", "prices_20261117.csv")
    harbour.run()
    harbour.tick()
    assert queued(harbour) == []


def test_rejection_reaches_a_real_mail_server_with_its_attachment(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = MailDesk()
    with desk.serving():
        settled = harbour.place.resolve

        def resolve(name: str) -> Connection:
            return desk.connection if name == "mail" else settled(name)

        harbour.place = replace(harbour.place, resolve=resolve)
        harbour.deliver("id,price\na,1.50\nb,two\nc,three\n")
        with pytest.raises(AuditFailed):
            harbour.run()
        harbour.tick()
        harbour.wait(minutes=5)
        harbour.tick()
    ours = [mail for mail in desk.mails if mail["To"] == "ops@acme.example"]
    (mail,) = ours
    assert mail["Subject"] == "acme.prices 2026-11-20: could not be accepted"
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == "rows.csv"
    assert attached.get_content_type() == "text/csv"
    assert "b,two" in attached.get_content()


def test_demo_writes_to_this_machine_only(harbour: Harbour) -> None:
    from wharf import alerts
    from wharf.errors import ChannelRefused

    harbour.deliver("id,price\na,-1\n")
    with pytest.raises(AuditFailed):
        harbour.run()
    harbour.tick()
    (rejection,) = queued(harbour)
    channel = harbour.promises.project.routing.channels[0]
    outside = Connection("mail", "smtp", host="mail.acme.example", extra={"timeout": "1"})
    with pytest.raises(ChannelRefused, match="only prod sends outside"):
        alerts.send(channel, render(replace(rejection, env="demo")), outside, "k")


def test_mails_follow_the_clock_not_the_number_of_ticks(world: AlarmWorld) -> None:
    world.now = at("06:51")
    for _ in range(5):
        world.tick()
        world.now += timedelta(seconds=1)
    assert len(mails(world.outbox())) == 1


def test_hours_of_our_own_desk_hold_no_mail_to_a_supplier_back(tmp_path: Path) -> None:
    hours = ', attention: {tz: UTC, hours: "08:00-18:00"}}'
    world = AlarmWorld(
        tmp_path, channels=(DESK, MAIL.replace("}", hours)), more=CONTACTS, group_wait=0
    )
    world.go(at("06:52"))
    assert [each.action for each in world.heard if each.channel == "mail"] == ["chaser"]
