"""What a contract lets go goes, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from harbour import CONTRACT, GOOD, Harbour

from wharf.batches import load_dataframe
from wharf.decisions.quarantine import opened
from wharf.errors import Erased, PublishRefused
from wharf.ledger import anchors, disk, erasures
from wharf.ledger.anchors import Anchor
from wharf.watch.growth import measure
from wharf.watch.maintain import maintain
from wharf.watch.retention import let_go, over

TABLE, DAY = "raw.acme_prices", "2026-11-20"
KEPT = "retention: {replaced: 30d, quarantine: 10d, landing: 60d, periods: 400d}\n"
BETTER = "id,price\na,1.50\nb,2.30\nc,9.00\n"


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    """Two versions of a day, the second one read."""
    harbour = Harbour(tmp_path / "place", contract=CONTRACT + KEPT)
    harbour.deliver(GOOD)
    harbour.run()
    harbour.wait(minutes=5)
    harbour.deliver(BETTER)
    harbour.run()
    return harbour


def go(harbour: Harbour) -> list[str]:
    return list(let_go(harbour.place, [harbour.feed], harbour.now))


def files_of(harbour: Harbour) -> list[str]:
    lake = harbour.root / "home/lake/raw/acme_prices" / DAY
    return sorted(f"{file.parent.name[-6:]}/{file.name}" for file in lake.rglob("*.parquet"))


def test_a_contract_that_says_nothing_lets_nothing_go(tmp_path: Path) -> None:
    harbour = Harbour(tmp_path / "place")
    harbour.deliver(GOOD)
    harbour.run()
    harbour.deliver(BETTER)
    harbour.wait(minutes=5)
    harbour.run()
    harbour.wait(days=4000)
    found = over(harbour.place, harbour.feed, harbour.now)
    assert (found.periods, found.batches, found.deliveries) == ((), (), ())


def test_a_replaced_batch_goes_when_its_time_is_over_and_what_is_read_stays(
    harbour: Harbour,
) -> None:
    old, new = harbour.batches()
    harbour.wait(days=29)
    assert go(harbour) == []
    harbour.wait(days=2)
    [line] = go(harbour)
    assert line.startswith("acme.prices: 1 batches kept no longer; ")
    assert files_of(harbour) == [f"{new.batch_id[-6:]}/part-0.parquet"]
    assert [key for key, _ in harbour.rows()] == ["a", "b", "c"]
    assert go(harbour) == []
    with harbour.place.ledger.read() as tx:
        [row] = erasures.erasures(tx)
    assert (row.batch_id, row.kind, row.by) == (old.batch_id, "retention", "retention")
    assert row.reason == "retention.replaced of acme.prices"
    assert row.bytes > 0


def test_what_was_erased_says_so_when_it_is_asked_for(harbour: Harbour) -> None:
    old, _ = harbour.batches()
    harbour.wait(days=31)
    go(harbour)
    with pytest.raises(Erased, match=r"was erased at .* by retention: retention\.replaced"):
        load_dataframe(harbour.place.lake, TABLE, DAY, batch=old.batch_id)
    with pytest.raises(PublishRefused, match="cannot be read again"):
        harbour.place.batches.rollback(
            TABLE, DAY, to=old.batch_id, by="me", reason="why not", now=harbour.now
        )


def test_old_snapshots_go_with_the_batch_they_show_and_the_rest_reads_on(
    harbour: Harbour,
) -> None:
    lake = harbour.place.lake
    before = [each.snapshot_id for each in lake.history(TABLE)]
    harbour.wait(days=31)
    go(harbour)
    after = [each.snapshot_id for each in lake.history(TABLE)]
    assert after == before[1:]
    assert lake.current(TABLE, after[0]) == {DAY: harbour.batches()[1].batch_id}


def test_a_batch_that_somebody_is_anchored_to_stays(harbour: Harbour) -> None:
    old, _ = harbour.batches()
    bound = Anchor(
        "prices_daily", TABLE, "me", "an inquiry", harbour.now, harbour.now + timedelta(days=900),
        batch_id=old.batch_id,
    )  # fmt: skip
    with harbour.place.ledger.write() as tx:
        anchors.record_anchor(tx, bound)
    harbour.wait(days=59)
    assert go(harbour) == []
    harbour.wait(days=842)
    assert any("1 batches" in line for line in go(harbour))


def test_delivered_files_go_and_what_was_read_of_them_stays(harbour: Harbour) -> None:
    harbour.wait(days=61)
    [line] = go(harbour)
    assert "2 delivered files" in line
    landed = harbour.deliveries()
    assert [key for key, _ in harbour.rows()] == ["a", "b", "c"]
    with pytest.raises(Erased, match=r"retention by retention at .*: retention\.landing"):
        harbour.place.landing.fetch(landed[1].uri, harbour.root / "again")


def test_a_delivered_file_that_was_not_read_yet_stays(harbour: Harbour) -> None:
    harbour.wait(minutes=5)
    harbour.deliver("id,price\nz,1.00\n")
    harbour.look()
    dict(harbour.steps())["land"]()
    harbour.wait(days=61)
    found = over(harbour.place, harbour.feed, harbour.now)
    assert [each.version for each in found.deliveries] == [1, 2]


def test_a_period_that_is_over_leaves_readers_first_and_its_files_later(harbour: Harbour) -> None:
    harbour.wait(days=402)
    lines = go(harbour)
    assert "1 periods" in lines[0]
    assert harbour.rows() == []
    new = harbour.batches()[1]
    assert new.status == "ROLLED_BACK"
    assert files_of(harbour) == [f"{new.batch_id[-6:]}/part-0.parquet"]
    harbour.wait(days=31)
    go(harbour)
    assert files_of(harbour) == []


def test_a_whole_batch_in_quarantine_has_a_time_of_its_own(harbour: Harbour) -> None:
    harbour.wait(minutes=5)
    harbour.deliver("id,price\na,-1.00\n")
    with pytest.raises(Exception, match="is in quarantine"):
        harbour.run()
    bad = harbour.batches()[-1]
    harbour.wait(days=11)
    found = over(harbour.place, harbour.feed, harbour.now)
    assert [each.batch_id for each in found.batches] == [bad.batch_id]


def test_rows_set_aside_go_and_the_batch_they_were_in_is_read_on(harbour: Harbour) -> None:
    harbour.wait(minutes=5)
    harbour.deliver("id,price\n" + "".join(f"k{n},1.00\n" for n in range(20)) + "x,seven\n")
    harbour.run()
    held = harbour.batches()[-1]
    harbour.wait(days=9)
    assert go(harbour) == []
    harbour.wait(days=2)
    [line] = go(harbour)
    assert line.startswith("acme.prices: 1 rows in quarantine kept no longer; ")
    assert go(harbour) == []
    assert len(harbour.rows()) == 20
    with (
        pytest.raises(Erased, match=r"the 1 rows set aside of batch .* retention\.quarantine of"),
        opened(harbour.place.lake, held, harbour.feed),
    ):
        pass
    lake = harbour.place.lake
    batch = lake.read_batch(TABLE, DAY, held.batch_id)
    assert lake.check(batch) == []
    assert batch.origin["read"]["reasons"] == {"price: not a decimal(12, 2)": 1}  # type: ignore[index]
    with harbour.place.ledger.read() as tx:
        [row] = erasures.erasures(tx)
        assert erasures.erased_batches(tx, TABLE) == set()
    assert (row.batch_id, row.part, row.rows) == (held.batch_id, "quarantine", 1)


def test_letting_go_that_died_after_the_files_went_is_finished_by_the_next_night(
    harbour: Harbour,
) -> None:
    old, _ = harbour.batches()
    harbour.wait(days=31)
    note = {"kind": "retention", "by": "retention", "reason": "r", "at": "then"}
    harbour.place.lake.eraser.erase(TABLE, DAY, old.batch_id, note)
    assert any("1 batches" in line for line in go(harbour))
    with harbour.place.ledger.read() as tx:
        assert erasures.erased_batches(tx, TABLE) == {old.batch_id}


def test_maintenance_lets_go_and_measures_what_is_left(harbour: Harbour) -> None:
    harbour.deliver("id,price\n" + "".join(f"k{number},1.00\n" for number in range(2000)))
    harbour.run()
    before = {(row.what, row.name): row.bytes for row in measure(harbour.place, harbour.now)}
    harbour.wait(days=61)
    said = maintain(harbour.place, harbour.now)
    assert any("kept no longer" in line for line in said)
    with harbour.place.ledger.read() as tx:
        rows = disk.disk_use_since(tx, harbour.now)
    after = {(row.what, row.name): row.bytes for row in rows}
    assert before["replaced", TABLE] > after.get(("replaced", TABLE), 0)
    assert before["read", TABLE] == after["read", TABLE] > 0
    assert after["landing", "acme.prices"] < before["landing", "acme.prices"]
    assert after["database", "ledger"] > 0
