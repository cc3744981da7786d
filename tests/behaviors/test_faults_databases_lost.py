"""Ledger or catalog lost, or older than the lake: restored, rebuilt, and readers see the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from killed_cycle import TABLE, Cycle, delivered
from killed_world import Point, Template, killed
from lost_world import (
    AUDITED,
    DAYS,
    FAILED,
    FEED,
    LANDED,
    NOW,
    RESTATED,
    REVERTED,
    ROLLED_BACK,
    TOTALS,
    busy_place,
    ledger_says,
    publish_audited,
    readers_see,
    run,
    store_contract,
)

from wharf import intake
from wharf.batches import Rebuilt, rebuild
from wharf.errors import NothingNew, PublishRefused
from wharf.lake import open_rescue
from wharf.ledger import batches, deliveries
from wharf.ledger.backup import back_up, restore


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Template:
    template = Template(tmp_path_factory.mktemp("lost") / "place")
    busy_place(template.place)
    template.keep()
    return template


@pytest.fixture
def place(busy: Template) -> Cycle:
    return Cycle(busy.fresh())


def lose(place: Cycle, name: str) -> Cycle:
    """Delete one database with all that SQLite keeps beside it."""
    for file in (place.root / "home").glob(f"{name}.db*"):
        file.unlink()
    found = Cycle(place.root)
    store_contract(found)
    return found


def fill(place: Cycle, *, dry_run: bool = False) -> Rebuilt:
    here = place.intake
    return rebuild(here.lake, here.landing, here.ledger, place.settings.results, dry_run=dry_run)


def test_a_lost_ledger_is_rebuilt_as_it_was(place: Cycle) -> None:
    seen, said = readers_see(place), ledger_says(place)
    found = lose(place, "ledger")
    assert readers_see(found) == seen
    done = fill(found)
    assert ledger_says(found) == said
    assert readers_see(found) == seen
    assert done.batches["AUDITED"] == 1
    assert done.batches["QUARANTINED"] == 1
    assert fill(found) == Rebuilt(unknown=[])


def test_a_dry_run_counts_what_is_missing_and_adds_nothing(place: Cycle) -> None:
    found = lose(place, "ledger")
    nothing = ledger_says(found)
    asked = fill(found, dry_run=True)
    assert ledger_says(found) == nothing
    done = fill(found)
    assert (asked.deliveries, asked.batches, asked.movements) == (
        done.deliveries,
        done.batches,
        done.movements,
    )
    assert done.deliveries > 0


@pytest.mark.parametrize("day", [REVERTED, RESTATED])
def test_after_a_rebuild_the_same_bytes_are_a_duplicate_and_a_retry_changes_nothing(
    place: Cycle, day: str
) -> None:
    found = lose(place, "ledger")
    fill(found)
    seen, moved = readers_see(found), found.intake.lake.snapshot_id(TABLE)
    with pytest.raises(NothingNew):
        run(found, day)
    with pytest.raises(NothingNew):
        run_again_under_another_name(found, day)
    assert (readers_see(found), found.intake.lake.snapshot_id(TABLE)) == (seen, moved)
    with found.intake.ledger.read() as tx:
        landed = deliveries.deliveries_of(tx, FEED, day)
    assert [row.verdict for row in landed][-1] == "DUPLICATE"


def run_again_under_another_name(place: Cycle, day: str) -> None:
    file = place.root / "inbox" / f"prices_{day.replace('-', '')}.csv"
    file.with_name(f"{file.stem}_again.csv").write_bytes(file.read_bytes())
    run(place, day)


def test_after_a_rebuild_a_restatement_is_the_next_version_and_is_published(place: Cycle) -> None:
    found = lose(place, "ledger")
    fill(found)
    file = found.root / "inbox" / f"prices_{RESTATED.replace('-', '')}.csv"
    file.write_text(delivered(RESTATED, 1))
    run(found, RESTATED)
    with found.intake.ledger.read() as tx:
        last = deliveries.deliveries_of(tx, FEED, RESTATED)[-1]
    assert (last.verdict, last.version, last.reverts_to) == ("RESTATEMENT", 3, 1)
    assert found.intake.lake.current(TABLE)[RESTATED] != place.batch_of(RESTATED, 2)


def test_after_a_rebuild_what_was_rolled_back_is_published_by_no_retry(place: Cycle) -> None:
    found = lose(place, "ledger")
    fill(found)
    seen = readers_see(found)
    batch_id = place.batch_of(ROLLED_BACK, 2)
    for _ in range(2):
        with pytest.raises(PublishRefused, match="rolled back"):
            intake.publish_batch(found.intake, found.feed, batch_id, now=NOW, by="retry")
    assert readers_see(found) == seen


@pytest.mark.parametrize("day", [AUDITED, LANDED])
def test_after_a_rebuild_work_that_was_half_done_goes_on(place: Cycle, day: str) -> None:
    found = lose(place, "ledger")
    fill(found)
    version = 2 if day == LANDED else 1
    period = found.feed.parse_period(day)
    batch_id = intake.stage_batch(found.intake, found.feed, period, now=NOW, run_id="retry")
    intake.audit_batch(found.intake, found.feed, batch_id, now=NOW)
    intake.publish_batch(found.intake, found.feed, batch_id, now=NOW, by="retry")
    assert found.intake.lake.current(TABLE)[day] == batch_id
    if day == AUDITED:
        assert batch_id == place.batch_of(day, 1)
    with found.intake.ledger.read() as tx:
        row = batches.batch(tx, batch_id)
    assert row is not None
    assert (row.status, row.version) == ("PUBLISHED", version)


def test_where_old_snapshots_are_forgotten_nothing_doubtful_is_published_by_a_run(
    place: Cycle,
) -> None:
    place.intake.lake.expire(TABLE, keep=1)
    seen = readers_see(place)
    found = lose(place, "ledger")
    done = fill(found)
    with found.intake.ledger.read() as tx:
        current = batches.current(tx, TABLE)
        status = {row.batch_id: row.status for row in batches.batches_of(tx, TABLE)}
    assert current == found.intake.lake.current(TABLE)
    assert {status[batch_id] for batch_id in current.values()} == {"PUBLISHED"}
    assert status[place.batch_of(REVERTED, 1)] == "SUPERSEDED"
    assert status[place.batch_of(ROLLED_BACK, 2)] == "ROLLED_BACK"
    assert any(place.batch_of(ROLLED_BACK, 2) in line for line in done.unknown)
    for day in (ROLLED_BACK, AUDITED):
        batch_id = place.batch_of(day, 2) or place.batch_of(day, 1)
        with pytest.raises(PublishRefused):
            intake.publish_batch(found.intake, found.feed, batch_id, now=NOW, by="retry")
    assert readers_see(found) == seen


def test_an_older_ledger_is_restored_and_learns_what_came_after(
    place: Cycle, tmp_path: Path
) -> None:
    back_up(place.intake.ledger, tmp_path / "old.db")
    period = place.feed.parse_period(AUDITED)
    batch_id = place.batch_of(AUDITED, 1)
    intake.publish_batch(place.intake, place.feed, batch_id, now=NOW, by="run")
    place.intake.batches.rollback(
        TABLE, RESTATED, to=place.batch_of(RESTATED, 1), by="ann", reason="wrong", now=NOW
    )
    run_restatement(place, REVERTED)
    seen, said = readers_see(place), ledger_says(place)
    found = lose(place, "ledger")
    for file in (place.root / "home").glob("ledger.db*"):
        file.unlink()
    restore(tmp_path / "old.db", place.settings.ledger_url)
    found = Cycle(place.root)
    assert ledger_says(found) != said
    fill(found)
    assert ledger_says(found) == said
    assert readers_see(found) == seen
    wrong = place.batch_of(RESTATED, 2)
    with pytest.raises(PublishRefused, match="rolled back"):
        intake.publish_batch(found.intake, found.feed, wrong, now=NOW, by="retry")
    assert period.key in found.intake.lake.current(TABLE)


def run_restatement(place: Cycle, day: str) -> None:
    file = place.root / "inbox" / f"prices_{day.replace('-', '')}.csv"
    file.write_text(delivered(day, 2 if day == REVERTED else 1))
    run(place, day)


def test_a_lost_catalog_is_rebuilt_and_publishing_goes_on(place: Cycle) -> None:
    seen = readers_see(place)
    found = lose(place, "catalog")
    rescue = open_rescue(found.settings)
    tables = list(rescue.survey())
    assert {each.table: each.verdict for each in tables} == {TABLE: "missing", TOTALS: "missing"}
    for each in tables:
        rescue.register(each)
    assert readers_see(found) == seen
    assert {each.verdict for each in rescue.survey()} == {"right"}
    run_restatement(found, RESTATED)
    assert found.intake.lake.current(TABLE)[RESTATED] != place.batch_of(RESTATED, 2)


def test_ledger_and_catalog_lost_together_come_back(place: Cycle) -> None:
    seen, said = readers_see(place), ledger_says(place)
    lose(place, "catalog")
    found = lose(place, "ledger")
    rescue = open_rescue(found.settings)
    for each in rescue.survey():
        rescue.register(each)
    fill(found)
    assert readers_see(found) == seen
    assert ledger_says(found) == said


def test_an_older_catalog_is_pointed_at_what_was_acknowledged(place: Cycle) -> None:
    home = place.root / "home"
    shutil.copy(home / "catalog.db", home / "old.db")
    run_restatement(place, RESTATED)
    seen = readers_see(place)
    (home / "old.db").replace(home / "catalog.db")
    found = Cycle(place.root)
    assert readers_see(found) != seen
    with found.intake.ledger.read() as tx:
        known = {event.snapshot_id for event in batches.publishes_of(tx, TABLE)}
    rescue = open_rescue(found.settings)
    [older] = [each for each in rescue.survey(lambda _: known) if each.verdict != "right"]
    assert (older.table, older.verdict) == (TABLE, "older")
    rescue.register(older)
    assert readers_see(found) == seen


def test_a_publish_killed_before_its_pointer_moved_is_left_to_its_retry(place: Cycle) -> None:
    seen = readers_see(place)
    point = Point("wharf.lake.catalog:LakeCatalog._write_metadata")
    killed(publish_audited, place.root, point)
    found = Cycle(place.root)
    [unfinished] = [
        each for each in open_rescue(found.settings).survey() if each.verdict != "right"
    ]
    assert unfinished.verdict == "unfinished"
    assert readers_see(found) == seen
    publish_audited(place.root)
    assert AUDITED in found.intake.lake.current(TABLE)


def test_a_half_written_metadata_file_is_passed_over(place: Cycle) -> None:
    seen = readers_see(place)
    [table] = [each for each in open_rescue(place.settings).survey() if each.table == TABLE]
    torn = table.newest.removeprefix("file://").replace("/000", "/999", 1)
    assert torn != table.newest.removeprefix("file://")
    Path(torn).write_text('{"format-version": 2, "table-uu')
    found = lose(place, "catalog")
    rescue = open_rescue(found.settings)
    for each in rescue.survey():
        assert len(each.unreadable) == (each.table == TABLE)
        rescue.register(each)
    assert readers_see(found) == seen


def test_days_are_all_there(place: Cycle) -> None:
    with place.intake.ledger.read() as tx:
        status = {day: [row.status for row in batches.batches_of(tx, TABLE, day)] for day in DAYS}
    assert status == {
        REVERTED: ["SUPERSEDED", "ROLLED_BACK", "PUBLISHED"],
        ROLLED_BACK: ["PUBLISHED", "ROLLED_BACK"],
        RESTATED: ["SUPERSEDED", "PUBLISHED"],
        AUDITED: ["AUDITED"],
        FAILED: ["PUBLISHED", "QUARANTINED"],
        LANDED: ["PUBLISHED"],
    }
