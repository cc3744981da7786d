"""Reminders, digests, and ends that a channel did not hear; every feed is late at 06:50."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from alarm_world import CHAT, DESK, PAGER, AlarmWorld, at, product

from wharf.ledger import audits, batches, outbox
from wharf.ledger.audits import BatchAudit

DIGEST = CHAT.replace("}", ', digest: "08:00", tz: Europe/Amsterdam}')
HOURS = "attention: {tz: UTC, hours: 09:00-17:00}"
SLEEPY = f"{{name: pager, kind: pagerduty, connection: pager, min_level: L2, {HOURS}}}"
RISK = product("risk", {"acme.a": "[fail]"}, decide="08:30")


def test_chat_is_reminded_every_four_hours_for_a_day_and_nobody_else_is(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path, channels=(CHAT, DESK, PAGER), products=(RISK,))
    world.tick()
    world.go(at("06:52"))
    world.go(at("08:31"), every=33)
    world.heard.clear()
    world.go(at("12:40", 21), every=60)
    assert {each.channel for each in world.heard} == {"chat"}
    assert {each.action for each in world.heard} == {"repeat"}
    assert 5 <= len(world.heard) <= 6
    assert len({each.thread for each in world.heard}) == 1
    world.heard.clear()
    world.go(at("20:00", 21), every=120)
    assert world.heard == []


def test_an_acknowledged_incident_reminds_nobody_until_that_ends_and_rises_all_the_same(
    tmp_path: Path,
) -> None:
    risk = product("risk", {"acme.a": "[fail]"}, decide="12:30")
    world = AlarmWorld(tmp_path, channels=(CHAT, PAGER), products=(risk,))
    world.tick()
    world.go(at("06:53"))
    world.decide("acme.a", "ack", at("16:00"))
    world.go(at("11:25"), every=60)
    assert [each.action for each in world.heard] == ["open", "ack"]
    world.go(at("11:31"))
    assert sorted((e.channel, e.action) for e in world.heard[2:4]) == [
        ("chat", "raise"),
        ("pager", "raise"),
    ]
    world.go(at("15:59"), every=45)
    assert "repeat" not in [each.action for each in world.heard]
    world.go(at("16:40"), every=10)
    assert world.heard[-1].action == "repeat"


def test_a_page_outside_the_attention_of_its_channel_waits_for_it(tmp_path: Path) -> None:
    risk = product("risk", {"acme.a": "[fail]"}, decide="09:40")
    world = AlarmWorld(tmp_path, channels=(DESK, SLEEPY), products=(risk,))
    world.tick()
    world.go(at("08:59"), every=8)
    assert [each.channel for each in world.heard] == ["desk", "desk"]
    world.go(at("09:01"))
    assert [(each.channel, each.level) for each in world.heard[2:]] == [("pager", "L2")]


def test_a_critical_page_waits_for_nobody_and_stands_for_the_one_that_waited(
    tmp_path: Path,
) -> None:
    world = AlarmWorld(tmp_path, channels=(SLEEPY,), products=(RISK,))
    world.tick()
    world.go(at("08:29"), every=8)
    assert world.heard == []
    world.go(at("08:31"))
    assert [(each.action, each.level) for each in world.heard] == [("raise", "L3")]
    world.go(at("09:30"), every=10)
    assert len(world.heard) == 1


def test_a_digest_leaves_once_a_day_with_what_is_open_and_at_risk(tmp_path: Path) -> None:
    feeds = {"acme.a": "acme_sftp", "acme.b": "acme_sftp"}
    world = AlarmWorld(tmp_path, feeds, channels=(DIGEST,))
    world.tick()
    world.publish("acme.b")
    world.go(at("06:53"))
    world.heard.clear()
    world.go(at("07:05"))
    [digest] = world.heard
    assert (digest.action, digest.incident) == ("digest", "wharf:prod:digest:chat:2026-11-20")
    [line] = digest.message.notice.lines
    assert line.startswith("open since 2026-11-20 06:50Z, L1: acme.a 2026-11-20 is late")
    world.go(at("07:30"))
    assert len(world.heard) == 1


def test_a_digest_names_what_audits_only_noted_once_for_each_batch(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path, channels=(DIGEST,))
    world.tick()
    world.publish("acme.a")
    note(world, "acme.a", at("06:40"), ["9 rows; usually 9,046 to 15,992", "b", "c", "d"])
    world.go(at("07:05"))
    [digest] = world.heard
    assert digest.message.notice.lines == (
        "noted in acme.a 2026-11-20: 9 rows; usually 9,046 to 15,992; b; c; and 1 more",
    )
    world.heard.clear()
    world.now = at("06:58", 21)
    world.go(at("07:05", 21))
    told = [line for each in world.heard for line in each.message.notice.lines]
    assert not [line for line in told if "noted" in line]


def note(world: AlarmWorld, feed: str, when: datetime, said: list[str]) -> None:
    """An audit that passed a batch and noted something about it."""
    with world.place.ledger.write() as tx:
        batch = batches.batches_for(tx, feed, "2026-11-20")[-1]
        audit = BatchAudit(
            batch.batch_id, batch.table, batch.period, feed, when, "", "pandas", True, 0, "", {}, ()
        )
        audits.record_audit(tx, audit, [])
        findings = [{"message": each, "severity": "warning"} for each in said]
        batches.set_status(tx, batch.batch_id, batch.status, when, findings=findings)


def test_a_day_without_anything_to_say_has_no_digest(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path, channels=(DIGEST,))
    world.tick()
    world.publish("acme.a")
    world.go(at("07:05"))
    assert world.heard == []


def test_an_end_that_never_left_is_told_by_the_daily_reconciliation(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path, channels=(PAGER,), products=(RISK,))
    world.tick()
    world.go(at("07:40"), every=5)
    assert [each.action for each in world.heard] == ["raise"]
    world.publish("acme.a")
    with world.place.ledger.write() as tx:
        [incident] = world.incidents("late")
        for each in outbox.messages(tx, incident.id):
            if each.notice["action"] == "resolve":
                outbox._finish(tx, [each.seq], "FAILED", "lost")
    world.go(at("02:50", 21), every=360)
    assert [each.action for each in world.heard] == ["raise"]
    world.go(at("03:10", 21), every=10)
    assert [each.action for each in world.heard] == ["raise", "resolve"]
    world.go(at("03:30", 21), every=20)
    world.now = at("02:58", 22)
    world.go(at("03:10", 22), every=10)
    assert [each.action for each in world.heard] == ["raise", "resolve"]


def test_a_message_that_fails_for_a_day_is_told_by_another_channel_until_it_works_again(
    tmp_path: Path,
) -> None:
    world = AlarmWorld(tmp_path, channels=(DESK, CHAT), dead={"desk"})
    world.tick()
    world.go(at("06:53"))
    assert [each.channel for each in world.heard] == ["chat"]
    world.go(at("06:40", 21), every=240)
    assert world.incidents("channel") == []
    world.go(at("08:00", 21), every=20)
    [told] = [each for each in world.heard if each.message.notice.kind == "channel"]
    assert (told.channel, told.level) == ("chat", "L1")
    assert (
        told.what == "a message to channel desk failed for good: channel 'desk' cannot be reached"
    )
    world.dead.clear()
    world.publish("acme.a")
    world.go(world.now + timedelta(minutes=3))
    assert world.heard[-1].what == "channel desk takes messages again"
    assert world.open() == []
