"""The re-run rule: what is made again, when, and who is asked first."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from product_world import D5, DECIDED
from rerun_world import CLOSED, FACTS, OPEN, Watched, new_watched
from sqlalchemy import event

from wharf.decisions import Desk, Person
from wharf.decisions.offers import settle_offer
from wharf.errors import DecisionRefused, ProductError
from wharf.ledger import products as product_rows
from wharf.products import gather, remove_anchor, set_anchor
from wharf.watch.asked import asked_runs
from wharf.watch.maintain import maintain

ADA = Person("ada", "board", has_login=True)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return new_watched(tmp_path)


def test_a_late_supplier_makes_exactly_the_products_that_read_it_again(tmp_path: Path) -> None:
    watched = new_watched(tmp_path, counties=("alder", "birch", "cedar"))
    watched.publish("dune", D5, OPEN)
    assert watched.tick(OPEN + MINUTE) == [f"{FACTS} {D5}"]
    watched.made(OPEN + 2 * MINUTE)
    assert watched.tick(OPEN + 3 * MINUTE) == []


def test_two_changes_within_a_minute_make_one_run(watched: Watched) -> None:
    watched.publish("alder", D5, OPEN)
    assert watched.tick(OPEN + timedelta(seconds=20)) == []
    watched.publish("birch", D5, OPEN + timedelta(seconds=40))
    assert watched.tick(OPEN + timedelta(seconds=59)) == []
    assert watched.tick(OPEN + timedelta(seconds=60)) == [f"{FACTS} {D5}"]
    assert watched.tick(OPEN + timedelta(seconds=61)) == []
    watched.made(OPEN + timedelta(seconds=70))
    assert watched.tick(OPEN + 5 * MINUTE) == []
    assert len(watched.started) == 1


def test_a_change_while_the_product_runs_is_seen_when_it_has_ended(watched: Watched) -> None:
    watched.publish("alder", D5, OPEN)
    running = {(FACTS, D5)}
    assert watched.tick(OPEN + 2 * MINUTE, running) == []
    assert watched.tick(OPEN + 3 * MINUTE) == [f"{FACTS} {D5}"]


def test_a_run_that_could_not_be_started_is_wanted_again(watched: Watched) -> None:
    watched.publish("alder", D5, OPEN)
    first = watched.wanted(OPEN + MINUTE)
    assert first
    assert watched.wanted(OPEN + 2 * MINUTE) == first
    assert watched.tick(OPEN + 3 * MINUTE) == [f"{FACTS} {D5}"]
    assert watched.tick(OPEN + 4 * MINUTE) == []


def test_a_rollback_of_a_batch_makes_the_product_again(watched: Watched) -> None:
    first = watched.made(OPEN)
    new = watched.publish("alder", D5, OPEN + MINUTE)
    second = watched.made(OPEN + 2 * MINUTE)
    assert watched.tick(OPEN + 3 * MINUTE) == []
    assert first.pins != second.pins
    [old] = first.batch_ids()["raw.alder_parcels"]
    watched.place.ctx.batches.rollback(
        "raw.alder_parcels", D5, to=old, by="ann", reason="wrong", now=OPEN + 4 * MINUTE
    )
    assert watched.tick(OPEN + 5 * MINUTE) == [f"{FACTS} {D5}"]
    third = watched.made(OPEN + 6 * MINUTE)
    assert third.pins == first.pins
    assert new not in str(third.pins)


def test_time_alone_makes_nothing_again_and_a_quiet_tick_reads_two_small_tables(
    watched: Watched,
) -> None:
    watched.tick(OPEN)
    asked: list[str] = []
    promises = watched.reader.read(watched.ledger, OPEN)
    engine = watched.ledger.engine
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    from wharf.watch.reruns import wanted_reruns

    for hours in range(1, 200, 7):
        now = OPEN + timedelta(hours=hours)
        asked.clear()
        assert wanted_reruns(watched.intake, promises, set(), now) == []
        assert len([each for each in asked if each.startswith("SELECT")]) == 2
    assert watched.proposals() == []


def test_an_anchored_edge_reads_its_batch_and_is_not_made_again(watched: Watched) -> None:
    [batch] = watched.made(OPEN).batch_ids()["raw.alder_parcels"]
    project = watched.place.ctx.project
    with watched.ledger.write() as tx:
        made = set_anchor(
            tx, project, "parcel_facts", "alder.parcels", batch_id=batch, by="ann",
            until=CLOSED, reason="the audit reads this one", now=OPEN,
        )  # fmt: skip
    new = watched.publish("alder", D5, OPEN + MINUTE)
    assert watched.tick(OPEN + 3 * MINUTE) == []
    manifest = watched.made(OPEN + 4 * MINUTE)
    [alder] = [each for each in manifest.inputs if each.name == "alder.parcels"]
    assert alder.policy == "anchored"
    assert "ann anchored it" in alder.reason
    assert [pin.batch_id for pin in alder.pins] == [batch]
    watched.publish("birch", D5, OPEN + 5 * MINUTE)
    assert watched.tick(OPEN + 7 * MINUTE) == [f"{FACTS} {D5}"], "its other edges are not anchored"
    watched.made(OPEN + 8 * MINUTE)
    watched.tick(OPEN + 8 * MINUTE)
    with watched.ledger.write() as tx:
        remove_anchor(tx, made.seq, by="ann", now=OPEN + 9 * MINUTE)
    assert watched.tick(OPEN + 10 * MINUTE) == []
    watched.publish("cedar", D5, OPEN + 11 * MINUTE)
    watched.tick(OPEN + 13 * MINUTE)
    assert new in str(watched.made(OPEN + 14 * MINUTE).pins)


def test_a_rollback_never_moves_an_anchor(watched: Watched) -> None:
    new = watched.publish("alder", D5, OPEN)
    first = watched.made(OPEN + MINUTE)
    with watched.ledger.write() as tx:
        set_anchor(
            tx, watched.place.ctx.project, "parcel_facts", "alder.parcels", batch_id=new,
            by="ann", until=CLOSED, reason="signed off", now=OPEN + MINUTE,
        )  # fmt: skip
    watched.place.ctx.batches.rollback(
        "raw.alder_parcels", D5, to=None, by="ann", reason="wrong", now=OPEN + 2 * MINUTE
    )
    assert watched.tick(OPEN + 4 * MINUTE) == []
    assert watched.made(OPEN + 5 * MINUTE).pins == first.pins


def test_maintenance_keeps_the_snapshot_that_somebody_is_anchored_to(watched: Watched) -> None:
    table, lake = "raw.alder_parcels", watched.place.ctx.lake
    held, free = (watched.publish("alder", D5, OPEN, parcels=number) for number in (9, 10))
    with watched.ledger.write() as tx:
        set_anchor(
            tx, watched.place.ctx.project, "parcel_facts", "alder.parcels", batch_id=held,
            by="ann", until=CLOSED, reason="signed off", now=OPEN,
        )  # fmt: skip
    watched.publish("alder", D5, OPEN, parcels=11)
    maintain(watched.intake, OPEN, keep=1)
    kept = {each.batch_id for each in lake.history(table)}
    assert held in kept
    assert free not in kept


def test_an_anchor_of_what_was_never_published_names_what_was(watched: Watched) -> None:
    project = watched.place.ctx.project
    given = {"by": "ann", "until": CLOSED, "reason": "x", "now": OPEN}
    with watched.ledger.write() as tx:
        with pytest.raises(ProductError, match="was never published; the last published"):
            set_anchor(tx, project, "parcel_facts", "alder.parcels", batch_id="b", **given)
        with pytest.raises(ProductError, match=r"does not read 'nobody\.x'"):
            set_anchor(tx, project, "parcel_facts", "nobody.x", batch_id="b", **given)
        late = {**given, "until": OPEN}
        with pytest.raises(ProductError, match="which is over"):
            set_anchor(tx, project, "parcel_facts", "alder.parcels", batch_id="b", **late)


def test_after_the_cut_off_a_change_is_proposed_with_its_difference(watched: Watched) -> None:
    watched.publish("alder", D5, CLOSED, parcels=11)
    assert watched.tick(CLOSED + MINUTE) == []
    assert watched.started == []
    [offer] = watched.proposals()
    assert (offer.product, offer.period) == ("parcel_facts", D5)
    [rows] = offer.body["rows"]
    assert rows["key"] == ["parcel_id"]
    assert (rows["added"], rows["removed"], rows["changed"]) == (3, 0, 0)
    assert (rows["rows_was"], rows["rows_now"]) == (8, 11)
    assert "3 rows added, 0 removed, 0 changed by parcel_id" in offer.why
    assert watched.tick(CLOSED + 2 * MINUTE) == []
    assert watched.proposals() == [offer]


def test_batches_that_cannot_be_compared_are_proposed_all_the_same(
    watched: Watched, tmp_path: Path
) -> None:
    batch = watched.publish("alder", D5, CLOSED, parcels=11)
    lost = [file for file in tmp_path.rglob("*.parquet") if batch in str(file)]
    assert lost
    for file in lost:
        file.unlink()
    assert watched.tick(CLOSED + MINUTE) == []
    [offer] = watched.proposals()
    [rows] = offer.body["rows"]
    assert (rows["rows_was"], rows["rows_now"], rows["added"]) == (8, 11, None)


def test_a_tick_proposes_a_few_periods_and_leaves_the_rest_to_the_next(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wharf.watch.reruns.MOST_OFFERS", 0)
    watched.publish("alder", D5, CLOSED, parcels=11)
    assert watched.tick(CLOSED + MINUTE) == []
    assert watched.proposals() == []
    monkeypatch.undo()
    assert watched.tick(CLOSED + 2 * MINUTE) == []
    assert len(watched.proposals()) == 1


def test_an_accepted_proposal_starts_a_run_that_reads_the_new_batch(watched: Watched) -> None:
    new = watched.publish("alder", D5, CLOSED)
    watched.tick(CLOSED + MINUTE)
    [offer] = watched.proposals()
    now = CLOSED + 2 * MINUTE
    desk = Desk.of(watched.ledger, watched.place.ctx.project)
    settle_offer(desk, offer.seq, "accept", "the county is right", ADA, now)
    promises = watched.reader.read(watched.ledger, now)
    [wanted] = asked_runs(watched.ledger, promises, set(), now)
    assert (wanted.dag_id, wanted.key) == (FACTS, D5)
    assert new in str(watched.made(now).pins)
    assert watched.tick(now + 5 * MINUTE) == []
    assert watched.proposals() == []


def test_a_declined_proposal_is_not_made_again_for_the_same_batches(watched: Watched) -> None:
    [old] = watched.made(OPEN).batch_ids()["raw.alder_parcels"]
    watched.tick(OPEN)
    new = watched.publish("alder", D5, CLOSED)
    watched.tick(CLOSED + MINUTE)
    [offer] = watched.proposals()
    desk = Desk.of(watched.ledger, watched.place.ctx.project)
    settle_offer(desk, offer.seq, "decline", "no more changes", ADA, CLOSED + MINUTE)
    batches = watched.place.ctx.batches
    for minutes, batch in ((2, old), (4, new)):
        batches.rollback(
            "raw.alder_parcels", D5, to=batch, by="ann", reason="x", now=CLOSED + minutes * MINUTE
        )
        assert watched.tick(CLOSED + (minutes + 1) * MINUTE) == []
        assert watched.proposals() == []
    watched.publish("alder", D5, CLOSED + 6 * MINUTE, parcels=12)
    watched.tick(CLOSED + 8 * MINUTE)
    assert len(watched.proposals()) == 1, "other batches are another question"


def test_a_proposal_that_a_later_change_outdated_gives_way_and_may_come_back(
    watched: Watched,
) -> None:
    second = watched.publish("alder", D5, CLOSED, parcels=10)
    watched.tick(CLOSED + MINUTE)
    [first] = watched.proposals()
    watched.publish("alder", D5, CLOSED + 2 * MINUTE, parcels=12)
    watched.tick(CLOSED + 4 * MINUTE)
    [newer] = watched.proposals()
    assert newer.seq != first.seq
    desk = Desk.of(watched.ledger, watched.place.ctx.project)
    with pytest.raises(DecisionRefused, match="outdated"):
        settle_offer(desk, first.seq, "accept", "late", ADA, CLOSED + 5 * MINUTE)
    watched.place.ctx.batches.rollback(
        "raw.alder_parcels", D5, to=second, by="ann", reason="x", now=CLOSED + 6 * MINUTE
    )
    watched.tick(CLOSED + 8 * MINUTE)
    assert [each.seq for each in watched.proposals()] == [first.seq]


@pytest.mark.parametrize(
    ("follow", "restated", "expected"),
    [
        pytest.param("none", True, [], id="none"),
        pytest.param("affected", True, [D5], id="affected and other rows"),
        pytest.param("all", True, [D5], id="all"),
    ],
)
def test_products_past_their_cut_off_follow_a_backfill_as_its_switch_says(
    watched: Watched, follow: str, restated: bool, expected: list[str]
) -> None:
    row = watched.backfill(follow)
    by = f"airflow:wharf__{D5}__{row.cause}"
    watched.publish("alder", D5, CLOSED, by=by)
    watched.tick(CLOSED + 2 * MINUTE)
    assert [key for _, key, _ in watched.started] == expected
    assert all(cause.endswith(f"__{row.cause}") for _, _, cause in watched.started)
    assert watched.proposals() == []
    assert watched.tick(CLOSED + 9 * MINUTE) == []


def test_an_open_period_follows_whatever_the_backfill_says(watched: Watched) -> None:
    row = watched.backfill("none")
    watched.publish("alder", D5, OPEN, by=f"airflow:wharf__{D5}__{row.cause}")
    assert watched.tick(OPEN + 2 * MINUTE) == [f"{FACTS} {D5}"]


def test_a_product_follows_another_that_followed_a_backfill(watched: Watched) -> None:
    row = watched.backfill("affected")
    by = f"airflow:wharf__{D5}__follow-1__{row.cause}"
    release(watched, "m1", DECIDED, "airflow:run")
    watched.place.gather("parcel_use", now=DECIDED)
    watched.tick(DECIDED + MINUTE)
    release(watched, "m2", CLOSED, by)
    assert watched.tick(CLOSED + 2 * MINUTE) == [f"product__parcel_use {D5}"]
    watched.place.gather("parcel_use", now=CLOSED + 3 * MINUTE)
    assert watched.tick(CLOSED + 4 * MINUTE) == []
    release(watched, "m3", CLOSED + 5 * MINUTE, "airflow:run")
    assert watched.tick(CLOSED + 7 * MINUTE) == []
    assert [each.product for each in watched.proposals()] == ["parcel_use"]


def test_a_year_of_backfill_that_nothing_follows_starts_and_proposes_nothing(
    watched: Watched,
) -> None:
    row = watched.backfill("none")
    days = [str(datetime(2025, 11, 20).date() + timedelta(days=n)) for n in range(365)]  # noqa: DTZ001
    with watched.ledger.write() as tx:
        from wharf.ledger.batches import record_publish
        from wharf.ledger.rows import PublishEvent

        for day in days:
            by = f"airflow:wharf__{day}__{row.cause}"
            name = "raw.alder_parcels"
            record_publish(tx, PublishEvent(name, day, f"b{day}", "publish", 1, CLOSED, by))
    assert watched.tick(CLOSED + 5 * MINUTE) == []
    assert watched.proposals() == []


def test_what_happened_before_the_first_tick_asks_for_open_periods_only(tmp_path: Path) -> None:
    watched = new_watched(tmp_path)
    with watched.ledger.write() as tx:
        from wharf.ledger.schema import bookmark

        tx.execute(bookmark.delete())
    watched.publish("alder", D5, OPEN)
    assert watched.tick(CLOSED) == []
    assert watched.proposals() == []


def test_a_product_that_could_only_fail_is_not_started(watched: Watched) -> None:
    watched.place.ctx.batches.rollback(
        "raw.birch_parcels", D5, to=None, by="ann", reason="wrong", now=OPEN
    )
    watched.publish("alder", D5, OPEN)
    assert watched.tick(OPEN + 2 * MINUTE) == []
    with pytest.raises(ProductError):
        gather(watched.place.ctx, "parcel_facts", D5, now=OPEN + 2 * MINUTE)
    watched.publish("birch", D5, OPEN + 3 * MINUTE, parcels=7)
    assert watched.tick(OPEN + 5 * MINUTE) == [f"{FACTS} {D5}"]


def release(watched: Watched, manifest: str, at: datetime, by: str) -> None:
    tables = {"facts.parcels": {"snapshot_id": 1, "batch_id": f"b-{manifest}"}}
    row = product_rows.ReleaseRow("parcel_facts", D5, manifest, tables, at=at, by=by)
    with watched.ledger.write() as tx:
        product_rows.record_release(tx, row)
