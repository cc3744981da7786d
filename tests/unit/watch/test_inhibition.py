"""Our own trouble is told once: a dead host, and a time in which nobody evaluated."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from alarm_world import CHAT, DESK, PAGER, AlarmWorld, at, product

MANY = {f"s{n % 20:02}.f{n:03}": f"c{n:03}" for n in range(200)}


def test_two_hundred_feeds_of_one_dead_host_are_one_incident(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path, MANY, hosts=dict.fromkeys(MANY.values(), "sftp.acme.example"))
    world.tick()
    world.go(at("07:10"), *MANY.values())
    [incident] = [each for each in world.open() if each.parent_id is None]
    assert (incident.kind, incident.dedup_key) == (
        "connection",
        "wharf:prod:connection:sftp.acme.example",
    )
    [told] = world.heard
    assert (told.action, told.level) == ("open", "L1")
    assert "looks at c000, c001, c002, c003, c004 and 195 more on sftp.acme.example" in told.what
    assert "200 feeds behind it cannot be judged: no route to host" in told.what


def test_lateness_first_noticed_while_looks_fail_waits_and_then_belongs_to_the_connection(
    tmp_path: Path,
) -> None:
    world = AlarmWorld(tmp_path)
    world.tick()
    world.go(at("06:44"))
    world.go(at("06:55"), "acme_sftp")
    assert world.heard == [], "looks failed before it was late: it may be us"
    [late] = world.open("late")
    world.go(at("07:00"), "acme_sftp")
    [told] = world.heard
    assert told.message.notice.kind == "connection"
    [connection] = world.open("connection")
    assert world.open("late")[0].parent_id == connection.id
    assert late.id == world.open("late")[0].id


def test_what_is_late_all_the_same_speaks_for_itself_when_looks_succeed_again(
    tmp_path: Path,
) -> None:
    world = AlarmWorld(tmp_path)
    world.tick()
    world.go(at("06:44"))
    world.go(at("07:00"), "acme_sftp")
    world.go(at("07:01"))
    assert len(world.open("connection")) == 1, "one good look is not enough"
    world.go(at("07:02"))
    assert world.open("connection") == []
    assert [each.action for each in world.heard] == ["open", "resolve"]
    assert "acme.a 2026-11-20 is late: nothing came" in world.heard[1].message.notice.lines[0]
    world.go(at("07:04"))
    assert world.heard[2].incident == "wharf:prod:late:acme.a:2026-11-20"
    world.publish("acme.a")
    world.tick()
    assert [each.action for each in world.heard] == ["open", "resolve", "open", "resolve"]
    assert world.open() == []


def test_lateness_told_before_looks_failed_goes_on_by_itself(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path)
    world.tick()
    world.go(at("06:55"))
    world.go(at("07:10"), "acme_sftp")
    assert [each.message.notice.kind for each in world.heard] == ["late", "connection"]
    world.publish("acme.a")
    world.tick()
    assert world.heard[-1].incident == "wharf:prod:late:acme.a:2026-11-20"
    assert world.heard[-1].action == "resolve"


def test_a_connection_that_fails_again_soon_is_the_same_incident(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path, channels=(CHAT,), now=at("00:00"))
    world.tick()
    world.go(at("00:12"), "acme_sftp")
    world.go(at("00:15"))
    world.go(at("00:30"), "acme_sftp")
    assert len(world.incidents("connection")) == 1
    [incident] = world.open("connection")
    assert [each.kind for each in world.life(incident)] == ["open", "resolve", "open"]
    assert len({each.thread for each in world.heard}) == 1
    world.go(at("00:32"))
    world.go(at("01:30"), every=10)
    world.go(at("01:45"), "acme_sftp")
    assert len(world.incidents("connection")) == 2, "long after, it is another one"


def test_unreachable_deliveries_that_a_product_needs_soon_page_through_their_connection(
    tmp_path: Path,
) -> None:
    risk = product("risk", {"acme.a": "[fail]"}, decide="08:30")
    world = AlarmWorld(tmp_path, channels=(DESK, PAGER), products=(risk,), now=at("06:00"))
    world.tick()
    world.go(at("07:29"), "acme_sftp")
    assert world.told("pager") == []
    world.go(at("07:32"), "acme_sftp")
    [page] = [each for each in world.heard if each.channel == "pager"]
    assert (page.action, page.level, page.message.notice.kind) == ("raise", "L2", "connection")


def test_an_outage_of_six_hours_with_fifty_late_feeds_is_one_summary_per_channel(
    tmp_path: Path,
) -> None:
    feeds = {f"s{n % 5}.f{n:02}": f"s{n % 5}_sftp" for n in range(50)}
    risk = product("risk", dict.fromkeys(list(feeds)[:10], "[fail]"), decide="07:30")
    world = AlarmWorld(tmp_path, feeds, channels=(DESK, CHAT, PAGER), products=(risk,))
    world.tick()
    world.now = at("12:40")
    world.go(at("12:50"))
    told = [(each.channel, each.action) for each in world.heard]
    assert sorted(told) == [("chat", "summary"), ("desk", "summary"), ("pager", "summary")]
    [desk] = [each for each in world.heard if each.channel == "desk"]
    assert desk.what == (
        "caught up: 50 deliveries went wrong while nobody watched, 50 of them are still open"
    )
    assert len(desk.message.notice.lines) == 50
    [page] = [each for each in world.heard if each.channel == "pager"]
    assert (page.level, len(page.message.notice.lines)) == ("L3", 10)
    for name in feeds:
        world.publish(name)
    world.go(world.now + timedelta(minutes=2))
    ends = [(each.channel, each.action) for each in world.heard[3:]]
    assert sorted(ends) == [("chat", "resolve"), ("desk", "resolve"), ("pager", "resolve")]
    assert world.open() == []


def test_the_first_deployment_tells_the_past_once(tmp_path: Path) -> None:
    feeds = {f"acme.f{n:02}": "acme_sftp" for n in range(30)}
    world = AlarmWorld(tmp_path, feeds, first="2026-11-10", now=at("12:00"))
    world.tick(look=False)
    world.go(at("12:10"))
    assert [each.action for each in world.heard] == ["summary"]
    assert world.heard[0].message.notice.lines[-1].startswith("and ")


def test_lateness_that_came_and_went_unwatched_stands_in_the_summary(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path)
    world.tick()
    world.now = at("08:00")
    world.arrive("acme.a")
    world.batch("acme.a", "PUBLISHED")
    world.now = at("12:40")
    world.tick()
    [told] = world.heard
    assert told.what == (
        "caught up: 1 delivery went wrong while nobody watched, 0 of them are still open"
    )
    assert "acme.a 2026-11-20 is published, 90 min late" in told.message.notice.lines[0]
    assert world.open() == []
    world.go(at("12:50"))
    assert len(world.heard) == 1


def test_what_was_told_before_an_outage_ends_in_its_own_thread(tmp_path: Path) -> None:
    world = AlarmWorld(tmp_path, {"acme.a": "acme_sftp", "beta.a": "beta_sftp"})
    world.tick()
    world.publish("beta.a")
    world.go(at("06:55"))
    world.now = at("09:00")
    world.arrive("acme.a")
    world.batch("acme.a", "PUBLISHED")
    world.now = at("12:40")
    world.tick()
    assert [each.action for each in world.heard] == ["open", "resolve"]
    assert len({each.thread for each in world.heard}) == 1


def test_what_gets_worse_after_a_summary_is_told_alone(tmp_path: Path) -> None:
    risk = product("risk", {"acme.a": "[fail]"}, decide="14:30")
    world = AlarmWorld(tmp_path, channels=(DESK, PAGER), products=(risk,))
    world.tick()
    world.now = at("12:40")
    world.tick()
    assert [each.action for each in world.heard] == ["summary"]
    world.go(at("13:32"))
    assert sorted((e.channel, e.action, e.level) for e in world.heard[1:]) == [
        ("desk", "raise", "L2"),
        ("desk", "resolve", "L1"),
        ("pager", "raise", "L2"),
    ]
