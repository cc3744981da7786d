"""Who is told of late feeds, once; every feed is due 06:30 and late at 06:50."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from alarm_world import CHAT, DESK, PAGER, AlarmWorld, at, product

ACME = {"acme.a": "acme_sftp", "acme.b": "acme_sftp", "acme.c": "acme_sftp"}


def test_one_late_feed_is_told_by_itself_after_the_group_wait(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path, ACME)
    world.go(at("06:45"), every=5)
    world.publish("acme.b")
    world.publish("acme.c")
    world.go(at("06:51"))
    assert world.heard == []
    world.go(at("06:52"))
    assert [(each.action, each.incident) for each in world.heard] == [
        ("open", "wharf:prod:late:acme.a:2026-11-20")
    ]
    world.go(at("07:30"))
    assert len(world.heard) == 1
    world.publish("acme.a")
    world.tick()
    assert [each.action for each in world.heard] == ["open", "resolve"]
    assert world.heard[1].what == "acme.a 2026-11-20 is published, 60 min late"


def test_feeds_of_one_supplier_late_together_are_one_incident(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path, ACME)
    world.go(at("06:45"), every=5)
    world.go(at("06:52"))
    [one] = world.heard
    assert (one.action, one.level, one.message.notice.kind) == ("open", "L1", "supplier")
    assert one.what == ("acme: acme.a 2026-11-20, acme.b 2026-11-20, acme.c 2026-11-20 are late")
    assert len(one.message.notice.lines) == 3
    world.publish("acme.a")
    world.go(world.now + timedelta(minutes=1))
    world.publish("acme.b")
    world.publish("acme.c")
    world.go(world.now + timedelta(minutes=1))
    assert [each.action for each in world.heard] == ["open", "update", "resolve"]
    end = world.heard[-1].message.notice
    assert end.what.startswith("acme: nothing is late any more of acme.a")
    assert end.lines[0] == (
        "acme.a 2026-11-20 is published, 22 min late; published 22 min late, 0 missed periods"
    )
    assert world.open() == []
    assert len({each.thread for each in world.heard}) == 1


def test_a_supplier_incident_goes_on_in_the_thread_of_its_first_feed(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path, ACME, channels=(DESK, CHAT))
    world.go(at("06:45"), every=5)
    world.decide("acme.b", "promise", at("06:55"))
    world.decide("acme.c", "promise", at("06:55"))
    world.go(at("06:54"))
    assert [each.action for each in world.heard] == ["open", "open"]
    world.go(at("06:57"))
    first, second = (each for each in world.heard if each.channel == "chat")
    assert (first.incident, first.thread) == (second.incident, second.thread)
    assert (second.action, second.message.notice.kind) == ("update", "supplier")
    assert second.handle == {"said": 1}
    for feed in ACME:
        world.publish(feed)
    world.go(at("07:00"))
    last = [each.action for each in world.heard if each.channel == "chat"]
    assert last == ["open", "update", "resolve"]
    assert world.open() == []


def test_a_page_waits_for_nobody_and_a_group_pages_once_for_each_rise(tmp_path: Path) -> None:
    risk = product("risk", {"acme.a": "[fail]", "acme.b": "[fail]"}, decide="08:30")
    world = AlarmWorld(tmp_path, ACME, channels=(DESK, PAGER), products=(risk,))
    world.go(at("06:45"), every=5)
    world.go(at("07:29"))
    assert world.told("pager") == []
    world.go(at("09:00"))
    pages = [(each.action, each.level) for each in world.heard if each.channel == "pager"]
    assert pages == [("raise", "L2"), ("raise", "L3")]
    for feed in ACME:
        world.publish(feed)
    world.go(at("09:05"))
    pages = [each.action for each in world.heard if each.channel == "pager"]
    assert pages == ["raise", "raise", "resolve"]


def test_a_feed_whose_contract_wants_no_group_is_told_alone_at_once(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path, ACME, more="alert: {group: none}")
    world.go(at("06:45"), every=5)
    world.go(at("06:50"))
    assert [each.message.notice.kind for each in world.heard] == ["late"] * 3


def test_feeds_of_different_suppliers_are_no_group(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path, {"acme.a": "acme_sftp", "beta.a": "beta_sftp"})
    world.go(at("06:45"), every=5)
    world.go(at("06:53"))
    assert sorted(each.incident for each in world.heard) == [
        "wharf:prod:late:acme.a:2026-11-20",
        "wharf:prod:late:beta.a:2026-11-20",
    ]


def test_lateness_that_ends_within_the_group_wait_wakes_nobody(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path)
    world.go(at("06:45"), every=5)
    world.go(at("06:50"))
    world.publish("acme.a")
    world.go(at("07:00"))
    assert world.heard == []
    assert [each.status for each in world.outbox()] == ["DROPPED"]
    [incident] = world.incidents()
    assert [each.kind for each in world.life(incident)] == ["open", "resolve"]
