from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from product_world import D4, D5, DECIDED, NOON, Place

from wharf.errors import PeriodError, ProductError
from wharf.ledger import products as product_rows
from wharf.ledger.rows import ManifestRow, ReleaseRow
from wharf.products import Manifest, Skipped, Waiting, gather, needs_of, reruns
from wharf.timeliness.points import to_utc


def test_a_product_waits_until_its_decision_time_for_what_is_not_published(place: Place) -> None:
    for county in ("alder", "birch", "cedar"):
        place.deliver(county, D5)
    place.deliver("dune", D4)
    answer = gather(place.ctx, "parcel_facts", D5, now=NOON)
    assert isinstance(answer, Waiting)
    assert answer.until == datetime(2026, 11, 20, 23, tzinfo=UTC)
    (reason,) = answer.reasons
    assert reason.startswith("dune.parcels: 2026-11-20 is")


def test_a_product_decides_before_its_decision_time_when_all_is_published(place: Place) -> None:
    place.deliver_all(D5)
    answer = gather(place.ctx, "parcel_facts", D5, now=NOON)
    assert isinstance(answer, ManifestRow)


def test_a_missing_input_is_replaced_by_the_last_good_one_and_the_manifest_says_so(
    place: Place,
) -> None:
    for county in ("alder", "birch", "cedar"):
        place.deliver(county, D5)
    old = place.deliver("dune", D4)
    manifest = place.gather("parcel_facts")
    dune = next(each for each in manifest.inputs if each.name == "dune.parcels")
    assert (dune.policy, dune.period, dune.age_days) == ("last_good", D4, 1)
    assert [pin.batch_id for pin in dune.pins] == [old]
    assert "2026-11-20" in dune.reason
    assert manifest.pins["raw.dune_parcels"][0].period == D4


def test_a_later_period_is_never_read(place: Place) -> None:
    place.deliver_all(D5)
    place.deliver("alder", "2026-11-21")
    manifest = place.gather("parcel_facts")
    assert {pin.period for pins in manifest.pins.values() for pin in pins} == {D5}


def test_a_product_whose_input_never_came_fails_and_is_remembered(place: Place) -> None:
    with pytest.raises(ProductError, match=r"alder\.parcels: .*; birch\.parcels"):
        gather(place.ctx, "parcel_facts", D5, now=DECIDED)
    place.deliver_all(D5)
    (found,) = reruns(place.ctx, DECIDED + timedelta(minutes=5))
    assert (found.product, found.period) == ("parcel_facts", D5)


def test_a_skipped_period_makes_no_manifest_to_run_but_is_made_when_data_comes(
    place: Place,
) -> None:
    released(place, "parcel_facts", D5)
    answer = gather(place.ctx, "signals_by_use", D5, now=DECIDED)
    assert isinstance(answer, Skipped)
    assert "signalpath.locations" in answer.reason
    assert [r.product for r in reruns(place.ctx, DECIDED)] == []
    place.deliver_signals(D5)
    assert [r.product for r in reruns(place.ctx, DECIDED)] == ["signals_by_use"]


def test_a_product_input_is_read_through_its_release(place: Place) -> None:
    released(place, "parcel_facts", D5, manifest_id="m1")
    manifest = place.gather("parcel_use")
    (facts,) = manifest.inputs
    assert (facts.kind, facts.release, facts.policy) == ("product", "m1", "published")
    assert manifest.batch_ids() == {"facts.parcels": ["b-m1"]}
    assert manifest.models == {"residential": None}


def test_a_product_waits_for_the_release_of_its_input_not_for_an_older_one(place: Place) -> None:
    released(place, "parcel_facts", D4)
    answer = gather(place.ctx, "signals_by_use", D5, now=NOON)
    assert isinstance(answer, Waiting)
    assert any(reason.startswith("parcel_facts: ") for reason in answer.reasons)


def test_an_old_manifest_is_repeated_exactly(place: Place) -> None:
    place.deliver_all(D5)
    first = place.gather("parcel_facts")
    place.deliver("alder", D5, parcels=9)
    row = gather(place.ctx, "parcel_facts", D5, now=DECIDED, manifest_id=first.manifest_id)
    again = Manifest.from_row(row)  # type: ignore[arg-type]
    assert again.pins == first.pins
    assert (again.repeats, again.manifest_id != first.manifest_id) == (first.manifest_id, True)
    assert reruns(place.ctx, DECIDED) == []


def test_a_manifest_of_another_product_is_not_repeated(place: Place) -> None:
    place.deliver_all(D5)
    first = place.gather("parcel_facts")
    with pytest.raises(ProductError, match="is of parcel_facts"):
        gather(place.ctx, "parcel_use", D5, now=DECIDED, manifest_id=first.manifest_id)
    with pytest.raises(ProductError, match="there is no manifest"):
        gather(place.ctx, "parcel_use", D5, now=DECIDED, manifest_id="none")


def test_a_manifest_that_was_changed_in_the_ledger_is_caught(place: Place) -> None:
    place.deliver_all(D5)
    with place.ctx.ledger.read() as tx:
        assert product_rows.manifests_of(tx, "parcel_facts") == []
    row = gather(place.ctx, "parcel_facts", D5, now=DECIDED)
    assert isinstance(row, ManifestRow)
    changed = replace(row, body={**row.body, "period": D4})
    with pytest.raises(ProductError, match="was changed after it was written"):
        Manifest.from_row(changed)


def test_a_restated_input_makes_the_product_again_and_only_once(place: Place) -> None:
    place.deliver_all(D5)
    first = place.gather("parcel_facts")
    assert reruns(place.ctx, DECIDED) == []
    new = place.deliver("alder", D5, parcels=9)
    (found,) = reruns(place.ctx, DECIDED)
    assert (found.product, found.manifest_id) == ("parcel_facts", first.manifest_id)
    assert new in found.reason
    place.gather("parcel_facts", now=DECIDED + timedelta(minutes=1))
    assert reruns(place.ctx, DECIDED) == []


def test_a_late_input_that_was_replaced_makes_the_product_again(place: Place) -> None:
    for county in ("alder", "birch", "cedar"):
        place.deliver(county, D5)
    place.deliver("dune", D4)
    place.gather("parcel_facts")
    place.deliver("dune", D5)
    (found,) = reruns(place.ctx, DECIDED)
    assert f"reads {D5}" in found.reason
    assert f"in place of {D4}" in found.reason


def test_nothing_is_made_again_after_the_cut_off_of_the_product(place: Place) -> None:
    place.deliver_all(D5)
    place.gather("parcel_facts")
    place.deliver("alder", D5, parcels=9)
    cutoff = to_utc(datetime(2026, 11, 22), "UTC")  # noqa: DTZ001
    assert reruns(place.ctx, cutoff - timedelta(seconds=1))
    assert reruns(place.ctx, cutoff) == []


def test_a_period_before_the_product_began_is_refused(place: Place) -> None:
    with pytest.raises(PeriodError, match="is made from 2026-11-20 on"):
        gather(place.ctx, "parcel_facts", "2026-11-01", now=DECIDED)
    with pytest.raises(ProductError, match="'parcels' is no product"):
        gather(place.ctx, "parcels", D5, now=DECIDED)


def test_gathering_notes_what_the_product_owes_for_the_period(place: Place) -> None:
    gather(place.ctx, "parcel_facts", D5, now=NOON)
    with place.ctx.ledger.read() as tx:
        (row,) = product_rows.product_periods(tx, "parcel_facts")
    assert (row.period, row.decide_at.hour, row.cutoff_at.day) == (D5, 23, 22)


def test_the_needs_of_a_feed_name_every_product_behind_it(place: Place) -> None:
    feed = place.ctx.project.feeds["dune.parcels"]
    period = feed.parse_period(D5)
    with place.ctx.ledger.read() as tx:
        before = needs_of(tx, place.ctx.project, feed, period)
    assert [need.product for need in before] == ["parcel_facts", "parcel_use", "signals_by_use"]
    assert not any(need.has_fallback for need in before)
    place.deliver("dune", D4)
    with place.ctx.ledger.read() as tx:
        after = needs_of(tx, place.ctx.project, feed, period)
    assert all(need.has_fallback for need in after)
    assert after[0].decide_at == datetime(2026, 11, 20, 23, tzinfo=UTC)


def test_a_feed_that_nothing_reads_is_needed_by_nobody(place: Place) -> None:
    feed = place.ctx.project.feeds["ember.permits"]
    with place.ctx.ledger.read() as tx:
        assert needs_of(tx, place.ctx.project, feed, feed.parse_period(D5)) == ()


def released(place: Place, product: str, period: str, manifest_id: str = "m") -> None:
    tables = {"facts.parcels": {"snapshot_id": 1, "batch_id": f"b-{manifest_id}"}}
    with place.ctx.ledger.write() as tx:
        product_rows.record_release(
            tx, ReleaseRow(product, period, manifest_id, tables, at=NOON, by="test")
        )
