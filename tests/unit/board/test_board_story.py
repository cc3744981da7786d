from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from board_crowd import STORY
from board_world import NOW, BoardWorld
from harbour import GOOD, Harbour

from wharf.board.promised import PromisedReader
from wharf.board.story import Story, build_story
from wharf.errors import AuditFailed, DeliveryRefused

FEED, PERIOD = "acme.prices", "2026-11-20"


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    return Harbour(tmp_path)


@pytest.fixture(scope="module")
def full(crowded: BoardWorld) -> Story:
    """The story with everything in it."""
    with crowded.ledger.read() as tx:
        promised = PromisedReader(crowded.settings.project).read(tx)
        found = build_story(tx, promised, *STORY, NOW)
    assert found is not None
    return found


def story_of(harbour: Harbour) -> Story:
    promises = harbour.promises
    with harbour.place.ledger.read() as tx:
        promised = PromisedReader(promises.project.root).read(tx)
        found = build_story(tx, promised, FEED, PERIOD, harbour.now)
    assert found is not None
    return found


def test_a_published_delivery_tells_its_way(harbour: Harbour) -> None:
    harbour.tick()
    harbour.deliver(GOOD)
    harbour.run()
    story = story_of(harbour)
    assert (story.state.timeliness, story.state.delivery) == ("ON_TIME", "PUBLISHED")
    [arrival], [delivery], [batch] = story.arrivals, story.deliveries, story.batches
    assert arrival.path == delivery.path == "prices_20261120.csv"
    assert (delivery.verdict, delivery.outcome) == ("NEW", "loaded")
    assert (batch.rows_in_file, batch.rows_staged) == (2, 2)
    assert story.read_now == batch.batch_id
    assert [each.batch_id for each in story.publishes] == [batch.batch_id]
    assert not story.is_wanted


def test_a_delivery_in_quarantine_names_what_failed(harbour: Harbour) -> None:
    harbour.tick()
    harbour.deliver("id,price\na,-1\n")
    with pytest.raises(AuditFailed):
        harbour.run()
    story = story_of(harbour)
    assert story.state.delivery == "QUARANTINED"
    assert story.read_now is None
    [batch] = story.batches
    assert any(each.get("severity") == "critical" for each in batch.findings)
    assert Path(batch.results).is_file()
    assert story.is_wanted


def test_a_refused_delivery_says_why(harbour: Harbour) -> None:
    harbour.tick()
    harbour.deliver(b"\x1f\x8b\x08\x00truncated", "prices_20261120.csv")
    with pytest.raises(DeliveryRefused):
        harbour.run()
    story = story_of(harbour)
    [delivery] = story.deliveries
    assert delivery.outcome == "refused"
    assert delivery.reason
    assert story.batches == ()


def test_lateness_is_told_as_of_this_second(harbour: Harbour) -> None:
    harbour.tick()
    harbour.look()
    harbour.wait(hours=6)
    assert story_of(harbour).late_by_s == 3600
    harbour.wait(minutes=5)
    assert story_of(harbour).late_by_s == 3900


def test_products_that_read_it_are_named_with_what_they_do_without_it(full: Story) -> None:
    read = {each.product: each for each in full.readers}
    assert list(read) == ["signals_by_use", "weekly_digest_of_signals"]
    assert read["signals_by_use"].through == ()
    assert read["weekly_digest_of_signals"].through == ("signals_by_use",)
    assert not read["signals_by_use"].can_do_without
    assert read["signals_by_use"].decide_at == NOW.replace(hour=16, minute=0)


def test_releases_made_of_its_batches_are_named(full: Story) -> None:
    [made] = full.made
    assert (made.product, made.period) == ("signals_by_use", "2026-11-19")
    assert made.batch_id == full.batches[0].batch_id


def test_a_promise_is_a_point_of_the_clock(full: Story) -> None:
    points = {point.label: point for point in full.clock if point.side == "promise"}
    assert list(points) == [
        "opens", "expected", "due", "promised for", "signals_by_use decides",
        "weekly_digest_of_signals decides", "missing from",
    ]  # fmt: skip
    assert points["promised for"].at == NOW - timedelta(minutes=30)
    assert f"{points['due'].on(full.tz):%H:%M %Z}" == "06:30 CST"


def test_what_happened_stands_on_the_clock_beside_the_promise(full: Story) -> None:
    happened = [(point.label, point.at) for point in full.clock if point.side != "promise"]
    seen = NOW.replace(hour=11, minute=58)
    assert happened == [
        ("first seen", seen), ("quarantined", seen + timedelta(minutes=24)), ("now", NOW),
    ]  # fmt: skip
    assert "first seen Fri 05:58" in full.timeline


def test_a_story_leads_to_the_periods_beside_it_and_the_last_good_batch(full: Story) -> None:
    assert (full.before, full.after) == ("2026-11-19", "2026-11-21")
    assert full.last_good is not None
    assert full.last_good[0] == "2026-11-19"


def test_files_stand_with_what_was_landed_of_them(full: Story) -> None:
    told = [(file.seen.part, file.landed and file.landed.version) for file in full.files]
    assert told == [("north", 1), ("south", 1), ("north", 2), ("south", 2)]
    refused = full.files[1].landed
    assert refused is not None
    assert refused.outcome == "refused"


def test_incidents_come_with_the_messages_about_them(full: Story) -> None:
    told = {each.incident.kind: [m.channel for m in each.messages] for each in full.incidents}
    assert told["late"] == ["desk", "mail", "chat"]
    assert full.decisions[0].reason == "their lift is broken"


def test_there_is_no_story_where_nothing_is_known(crowded: BoardWorld) -> None:
    with crowded.ledger.read() as tx:
        promised = PromisedReader(crowded.settings.project).read(tx)
        assert build_story(tx, promised, "nobody.nothing", PERIOD, NOW) is None
        assert build_story(tx, promised, FEED, "1999-01-01", NOW) is None
        assert build_story(tx, promised, FEED, "../../etc/passwd", NOW) is None
