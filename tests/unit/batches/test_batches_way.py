"""The way of a batch: what may be published when, and what a rollback leaves behind."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from lake_world import DAY, NEXT_DAY, NOW, TABLE, Place, accounts, local_place, stage_version

from wharf.batches import Batches
from wharf.errors import LakeError, PublishRefused
from wharf.ledger import Ledger
from wharf.ledger import batches as rows


def _deliver(verbs: Batches, version: int, period: str = DAY) -> str:
    batch_id = _audited(verbs, version, period)
    verbs.publish(batch_id, now=NOW, by="run")
    return batch_id


def _audited(verbs: Batches, version: int, period: str = DAY) -> str:
    batch = stage_version(verbs, version, period)
    verbs.audited(batch.batch_id, passed=True, now=NOW)
    return batch.batch_id


def _status(verbs: Batches, batch_id: str) -> str:
    with verbs.ledger.read() as tx:
        row = rows.batch(tx, batch_id)
    assert row is not None
    return row.status


def _read_now(verbs: Batches) -> list[str]:
    return sorted({account.split()[0] for _, account in accounts(verbs.lake)})


def test_delivery_goes_staged_audited_published(verbs: Batches) -> None:
    batch = stage_version(verbs, 1)
    assert _status(verbs, batch.batch_id) == "STAGED"
    verbs.audited(batch.batch_id, passed=True, now=NOW, results="page.html")
    assert _status(verbs, batch.batch_id) == "AUDITED"
    snapshot = verbs.publish(batch.batch_id, now=NOW, by="run 7", reason="due")
    assert _status(verbs, batch.batch_id) == "PUBLISHED"
    with verbs.ledger.read() as tx:
        (event,) = rows.publishes_of(tx, TABLE)
        row = rows.batch(tx, batch.batch_id)
    assert (event.snapshot_id, event.action, event.by, event.reason) == (
        snapshot,
        "publish",
        "run 7",
        "due",
    )
    assert event.at == NOW
    assert row is not None
    assert (row.results, row.rows_in_file, row.rows_staged) == ("page.html", 2, 2)


def test_staging_the_same_batch_again_changes_nothing(verbs: Batches) -> None:
    batch = stage_version(verbs, 1)
    assert verbs.stage(batch, subject="acme.prices", version=1, now=NOW) == batch
    with verbs.ledger.read() as tx:
        assert len(rows.batches_of(tx, TABLE)) == 1


def test_record_beside_the_files_says_subject_and_version(verbs: Batches) -> None:
    batch = stage_version(verbs, 3)
    kept = verbs.lake.read_batch(TABLE, DAY, batch.batch_id)
    assert (kept.origin["subject"], kept.origin["version"]) == ("acme.prices", 3)


def test_batch_that_was_not_audited_is_refused(verbs: Batches) -> None:
    batch = stage_version(verbs, 1)
    with pytest.raises(PublishRefused, match="was not audited"):
        verbs.publish(batch.batch_id, now=NOW, by="run")
    assert not verbs.lake.has(TABLE)


def test_failed_audit_leaves_readers_on_the_old_batch(verbs: Batches) -> None:
    _deliver(verbs, 1)
    before = verbs.lake.snapshot_id(TABLE)
    batch = stage_version(verbs, 2)
    verbs.audited(batch.batch_id, passed=False, now=NOW, findings=["amount: 3 negative values"])
    with pytest.raises(PublishRefused, match="is in quarantine"):
        verbs.publish(batch.batch_id, now=NOW, by="run")
    assert verbs.lake.snapshot_id(TABLE) == before
    with verbs.ledger.read() as tx:
        row = rows.batch(tx, batch.batch_id)
    assert row is not None
    assert row.status == "QUARANTINED"
    assert row.findings == [{"message": "amount: 3 negative values", "kind": "audit"}]


def test_second_audit_replaces_the_findings_of_the_first(verbs: Batches) -> None:
    batch = stage_version(verbs, 1)
    verbs.audited(batch.batch_id, passed=False, now=NOW, findings=["bad"])
    verbs.audited(batch.batch_id, passed=True, now=NOW, findings=[{"message": "fine"}])
    with verbs.ledger.read() as tx:
        row = rows.batch(tx, batch.batch_id)
    assert row is not None
    assert (row.status, row.findings) == ("AUDITED", [{"message": "fine", "kind": "audit"}])


def test_audit_of_a_published_batch_does_not_unpublish_it(verbs: Batches) -> None:
    batch_id = _deliver(verbs, 1)
    verbs.audited(batch_id, passed=False, now=NOW, findings=["looked again"])
    assert _status(verbs, batch_id) == "PUBLISHED"


def test_restatement_supersedes(verbs: Batches) -> None:
    first, second = _deliver(verbs, 1), _deliver(verbs, 2)
    assert (_status(verbs, first), _status(verbs, second)) == ("SUPERSEDED", "PUBLISHED")
    assert _read_now(verbs) == ["v2"]


def test_a_b_a_returns_to_a(verbs: Batches) -> None:
    for version, words in [(1, "A"), (2, "B"), (3, "A")]:
        batch = stage_version(verbs, version)
        verbs.audited(batch.batch_id, passed=True, now=NOW, findings=[words])
        verbs.publish(batch.batch_id, now=NOW, by="run")
    assert _read_now(verbs) == ["v3"]


def test_older_version_that_comes_late_to_publish_is_refused(verbs: Batches) -> None:
    slow = _audited(verbs, 1)
    fast = _deliver(verbs, 2)
    with pytest.raises(PublishRefused, match="of delivery version 2 stands and is newer"):
        verbs.publish(slow, now=NOW, by="run")
    assert verbs.current(TABLE) == {DAY: fast}


def test_of_one_version_the_batch_staged_last_is_newer(verbs: Batches) -> None:
    first, second = _audited(verbs, 1), _audited(verbs, 1)
    verbs.publish(second, now=NOW, by="run")
    with pytest.raises(PublishRefused, match="is newer"):
        verbs.publish(first, now=NOW, by="run")
    assert verbs.current(TABLE) == {DAY: second}


def test_higher_version_staged_earlier_is_newer(verbs: Batches) -> None:
    newer, older = _audited(verbs, 2), _audited(verbs, 1)
    verbs.publish(older, now=NOW, by="run")
    verbs.publish(newer, now=NOW, by="run")
    assert verbs.current(TABLE) == {DAY: newer}


def test_twin_of_what_stands_ends_well_without_a_commit(verbs: Batches) -> None:
    ids = [stage_version(verbs, 1, key="the same deliveries").batch_id for _ in range(2)]
    for batch_id in ids:
        verbs.audited(batch_id, passed=True, now=NOW)
    snapshot = verbs.publish(ids[1], now=NOW, by="run 2")
    assert verbs.publish(ids[0], now=NOW, by="run 1") == snapshot
    assert verbs.lake.snapshot_id(TABLE) == snapshot
    assert _status(verbs, ids[0]) == "SUPERSEDED"


def test_publish_again_after_it_was_replaced_is_refused(verbs: Batches) -> None:
    first = _deliver(verbs, 1)
    _deliver(verbs, 2)
    with pytest.raises(PublishRefused, match="was published and replaced"):
        verbs.publish(first, now=NOW, by="run")


def test_retry_after_publishing_is_a_no_op(verbs: Batches) -> None:
    batch_id = _audited(verbs, 1)
    first = verbs.publish(batch_id, now=NOW, by="run")
    assert verbs.publish(batch_id, now=NOW + timedelta(hours=1), by="run") == first
    with verbs.ledger.read() as tx:
        assert len(rows.publishes_of(tx, TABLE)) == 1


def test_rollback_reads_the_batch_before_and_a_retry_does_not_undo_it(verbs: Batches) -> None:
    first, second = _deliver(verbs, 1), _deliver(verbs, 2)
    assert verbs.previous(TABLE, DAY) == first
    snapshot = verbs.rollback(TABLE, DAY, to=first, by="ann", reason="wrong file", now=NOW)
    assert _read_now(verbs) == ["v1"]
    assert (_status(verbs, first), _status(verbs, second)) == ("PUBLISHED", "ROLLED_BACK")
    with pytest.raises(PublishRefused, match="was rolled back by a person"):
        verbs.publish(second, now=NOW, by="run")
    assert verbs.lake.snapshot_id(TABLE) == snapshot
    with verbs.ledger.read() as tx:
        event = rows.publishes_of(tx, TABLE)[-1]
    assert (event.action, event.by, event.reason) == ("rollback", "ann", "wrong file")


def test_rolling_back_again_changes_nothing(verbs: Batches) -> None:
    first = _deliver(verbs, 1)
    _deliver(verbs, 2)
    done = [verbs.rollback(TABLE, DAY, to=first, by="ann", reason="r", now=NOW) for _ in range(2)]
    assert done[0] == done[1]
    assert len(verbs.lake.history(TABLE)) == 3


def test_rollbacks_go_back_step_by_step_to_nothing(verbs: Batches) -> None:
    delivered = [_deliver(verbs, version) for version in (1, 2, 3)]
    _deliver(verbs, 1, NEXT_DAY)
    seen = []
    for _ in range(3):
        target = verbs.previous(TABLE, DAY)
        verbs.rollback(TABLE, DAY, to=target, by="ann", reason="back", now=NOW)
        seen.append(target)
    assert seen == [delivered[1], delivered[0], None]
    assert verbs.current(TABLE).keys() == {NEXT_DAY}
    assert {_status(verbs, each) for each in delivered} == {"ROLLED_BACK"}
    with verbs.ledger.read() as tx:
        assert rows.current(tx, TABLE) == verbs.current(TABLE)
        assert rows.publishes_of(tx, TABLE, DAY)[-1].action == "remove"
    before = verbs.lake.snapshot_id(TABLE)
    assert verbs.rollback(TABLE, DAY, to=None, by="ann", reason="again", now=NOW) == before


def test_next_version_is_published_over_a_rollback(verbs: Batches) -> None:
    first = _deliver(verbs, 1)
    _deliver(verbs, 2)
    verbs.rollback(TABLE, DAY, to=first, by="ann", reason="wrong file", now=NOW)
    third = _deliver(verbs, 3)
    assert verbs.current(TABLE) == {DAY: third}
    assert _status(verbs, first) == "SUPERSEDED"


def test_person_publishes_a_rolled_back_batch_again_with_a_reason(verbs: Batches) -> None:
    first, second = _deliver(verbs, 1), _deliver(verbs, 2)
    verbs.rollback(TABLE, DAY, to=first, by="ann", reason="wrong file", now=NOW)
    with pytest.raises(PublishRefused, match="needs a reason"):
        verbs.publish(second, now=NOW, by="ann", force=True)
    verbs.publish(second, now=NOW, by="ann", reason="it was right", force=True)
    assert _read_now(verbs) == ["v2"]
    assert (_status(verbs, first), _status(verbs, second)) == ("SUPERSEDED", "PUBLISHED")


def test_person_publishes_from_quarantine_but_never_a_damaged_batch(verbs: Batches) -> None:
    batch = stage_version(verbs, 1)
    verbs.audited(batch.batch_id, passed=False, now=NOW, findings=["odd"])
    Path(batch.files[0].uri.removeprefix("file://")).unlink()
    with pytest.raises(LakeError, match="is not there"):
        verbs.publish(batch.batch_id, now=NOW, by="ann", reason="fine", force=True)
    sound = stage_version(verbs, 2)
    verbs.audited(sound.batch_id, passed=False, now=NOW, findings=["odd"])
    verbs.publish(sound.batch_id, now=NOW, by="ann", reason="fine", force=True)
    assert _read_now(verbs) == ["v2"]


def test_rollback_refuses_what_was_never_published_damaged_or_unreasoned(verbs: Batches) -> None:
    first, second = _deliver(verbs, 1), _deliver(verbs, 2)
    staged = _audited(verbs, 3)
    before = verbs.lake.snapshot_id(TABLE)
    with pytest.raises(PublishRefused, match="was never published"):
        verbs.rollback(TABLE, DAY, to=staged, by="ann", reason="r", now=NOW)
    with pytest.raises(PublishRefused, match="needs a reason"):
        verbs.rollback(TABLE, DAY, to=first, by="ann", reason="", now=NOW)
    path = Path(verbs.lake.read_batch(TABLE, DAY, first).files[0].uri.removeprefix("file://"))
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(PublishRefused, match="another checksum"):
        verbs.rollback(TABLE, DAY, to=first, by="ann", reason="r", now=NOW)
    assert verbs.lake.snapshot_id(TABLE) == before
    assert verbs.current(TABLE) == {DAY: second}


def test_rollback_works_after_the_snapshot_expired(verbs: Batches) -> None:
    first = _deliver(verbs, 1)
    for version in range(2, 6):
        _deliver(verbs, version)
    verbs.lake.expire(TABLE, keep=1)
    verbs.rollback(TABLE, DAY, to=first, by="ann", reason="r", now=NOW)
    assert _read_now(verbs) == ["v1"]


def test_rollback_of_a_table_without_any_publish_is_no_error(verbs: Batches) -> None:
    assert verbs.rollback(TABLE, DAY, to=None, by="ann", reason="r", now=NOW) is None
    assert verbs.previous(TABLE, DAY) is None


def test_lost_ledger_is_rebuilt_from_the_lake(verbs: Batches, tmp_path: Path) -> None:
    first, second = _deliver(verbs, 1), _deliver(verbs, 2)
    other = _deliver(verbs, 1, NEXT_DAY)
    verbs.rollback(TABLE, DAY, to=first, by="ann", reason="wrong", now=NOW)
    place = local_place(tmp_path)
    fresh = Place(place.catalog_url, place.warehouse, f"sqlite:///{tmp_path}/fresh.db")
    again = Batches(verbs.lake, Ledger.open(fresh.ledger_url))
    assert again.repair(TABLE) == 4
    assert again.repair(TABLE) == 0
    with again.ledger.read() as tx, verbs.ledger.read() as old:
        assert rows.current(tx, TABLE) == rows.current(old, TABLE) == {DAY: first, NEXT_DAY: other}
        told = [(e.batch_id, e.action, e.by, e.at) for e in rows.publishes_of(tx, TABLE)]
        was = [(e.batch_id, e.action, e.by, e.at) for e in rows.publishes_of(old, TABLE)]
        row = rows.batch(tx, second)
    assert told == was
    assert row is not None
    assert (row.status, row.version, row.subject) == ("ROLLED_BACK", 2, "acme.prices")


def test_unknown_batch_is_named_with_the_next_step(verbs: Batches) -> None:
    with pytest.raises(PublishRefused, match="see `wharf batch list`"):
        verbs.publish("20261120T060412345Z-7f3a9c", now=NOW, by="run")
