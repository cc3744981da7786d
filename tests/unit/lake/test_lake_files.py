from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lake_world import DAY, NEXT_DAY, NOW, TABLE, accounts, read, stage

from wharf.errors import LakeError, UnsafePath
from wharf.lake import Batch, BatchId, Lake, Landing, manifests, new_batch_id
from wharf.lake.catalog import LakeCatalog
from wharf.lake.names import root_uri, safe_name, segment
from wharf.lake.storage import Storage

HOSTILE = [
    "..",
    "x\n",
    ".",
    "",
    "a/b",
    "/etc/passwd",
    "a=b",
    "x\ny",
    "a b",
    "-rf",
    "über",
    "\x00",
    "a*",
]


def test_batch_id_parses_what_it_prints() -> None:
    batch_id = new_batch_id(datetime(2026, 11, 20, 7, 4, 12, 345678, timezone(timedelta(hours=1))))
    assert batch_id.startswith("20261120T060412345Z-")
    parsed = BatchId.parse(batch_id)
    assert str(parsed) == batch_id
    assert parsed.at == datetime(2026, 11, 20, 6, 4, 12, 345000, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "20261120T060412345Z", "../20261120T060412345Z-7f3a9c", "x"])
def test_text_that_is_no_batch_id_is_refused(text: str) -> None:
    with pytest.raises(LakeError, match="is not a batch id"):
        BatchId.parse(text)


def test_batch_record_parses_what_it_prints(lake: Lake) -> None:
    batch = stage(lake, [("a", 1)])
    assert Batch.from_json(batch.to_json()) == batch
    assert lake.read_batch(TABLE, DAY, batch.batch_id) == batch


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"batch_id": 1}', "{"])
def test_text_that_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(LakeError, match="not the record of a batch"):
        Batch.from_json(text)


def test_unfinished_staging_is_not_listed(lake: Lake, tmp_path: Path) -> None:
    done = stage(lake, [("a", 1)])
    (tmp_path / "x").write_text("x")
    lake.put(tmp_path / "x", f"{lake.batch_dir(TABLE, DAY, new_batch_id(NOW))}/x")
    assert lake.list_batches(TABLE, DAY) == [done.batch_id]
    assert lake.list_batches(TABLE, NEXT_DAY) == []


def test_record_is_written_once(lake: Lake) -> None:
    batch = stage(lake, [("a", 1)])
    assert lake.write_batch(batch) == batch
    with pytest.raises(LakeError, match="never overwritten"):
        lake.write_batch(batch.with_origin({"feed": "another"}))


def test_file_is_never_overwritten(lake: Lake, tmp_path: Path) -> None:
    uri = f"{lake.batch_dir(TABLE, DAY, new_batch_id(NOW))}/notes.txt"
    (tmp_path / "x").write_text("one")
    first = lake.put(tmp_path / "x", uri)
    assert lake.put(tmp_path / "x", uri) == first
    (tmp_path / "x").write_text("two")
    with pytest.raises(LakeError, match="never overwritten"):
        lake.put(tmp_path / "x", uri)


def test_staged_file_cannot_be_written_to(lake: Lake) -> None:
    path = Path(stage(lake, [("a", 1)]).files[0].uri.removeprefix("file://"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o444


@pytest.mark.parametrize("outside", ["file:///etc/passwd", "{root}/../x", "{root}x/y", "s3://b/k"])
def test_address_outside_the_root_is_refused(tmp_path: Path, outside: str) -> None:
    storage = Storage(f"file://{tmp_path}/lake")
    (tmp_path / "x").write_text("x")
    with pytest.raises(LakeError, match="lies outside"):
        storage.put(tmp_path / "x", outside.format(root=storage.root))


@pytest.mark.parametrize("location", ["file:///a/b*", "/a#b", "file:///a%20b", "ftp://x", "rel/x"])
def test_root_that_readers_would_misread_is_refused(location: str) -> None:
    with pytest.raises(LakeError):
        root_uri(location)


@pytest.mark.parametrize("text", [text for text in HOSTILE if text != "."])
def test_hostile_period_is_no_path(lake: Lake, text: str) -> None:
    with pytest.raises(UnsafePath):
        lake.batch_dir(TABLE, text, new_batch_id(NOW))


@pytest.mark.parametrize("table", ["prices", "Raw.x", "raw.a;drop", "raw..x", "raw/x.y", "a.b.c"])
def test_table_name_of_another_form_is_refused(lake: Lake, table: str) -> None:
    with pytest.raises(LakeError, match="is not a table name"):
        lake.batch_dir(table, DAY, new_batch_id(NOW))


@given(st.text(max_size=300))
def test_any_name_becomes_one_harmless_part_of_a_path(supplied: str) -> None:
    assert segment(safe_name(supplied), "name")


@given(st.text(max_size=40), st.text(max_size=40))
def test_two_names_never_become_one(one: str, other: str) -> None:
    assert one == other or safe_name(one) != safe_name(other)


def test_readable_name_stays_as_it_is() -> None:
    assert safe_name("pos_20261120_a.csv.gz") == "pos_20261120_a.csv.gz"
    assert safe_name("../Prices (final).csv").endswith(".csv")


def _landing(tmp_path: Path) -> Landing:
    return Landing(f"file://{tmp_path}/landing")


def _land(landing: Landing, local: Path, name: str = "pos.csv", part: str = "") -> str:
    sha256 = hashlib.sha256(local.read_bytes()).hexdigest()
    return landing.store(
        local, feed="acme.positions", period=DAY, part=part, sha256=sha256, name=name
    )


def test_landed_bytes_come_back_unchanged(tmp_path: Path) -> None:
    landing, local = _landing(tmp_path), tmp_path / "x"
    local.write_bytes(os.urandom(100_000))
    uri = _land(landing, local, "../../etc/passwd\n")
    assert uri.startswith(f"file://{tmp_path}/landing/acme.positions/{DAY}/whole/")
    assert landing.fetch(uri, tmp_path / "back").read_bytes() == local.read_bytes()


def test_same_bytes_are_landed_once_under_any_name(tmp_path: Path) -> None:
    landing, local = _landing(tmp_path), tmp_path / "x"
    local.write_text("a")
    assert _land(landing, local, "one.csv") == _land(landing, local, "two.csv")
    assert _land(landing, local, "one.csv", part="b") != _land(landing, local, "one.csv")


def test_hostile_part_stays_inside(tmp_path: Path) -> None:
    landing, local = _landing(tmp_path), tmp_path / "x"
    local.write_text("a")
    uri = _land(landing, local, part="../../..")
    assert Path(uri.removeprefix("file://")).resolve().is_relative_to(tmp_path / "landing")


def test_bytes_that_changed_while_landing_are_refused(tmp_path: Path) -> None:
    local = tmp_path / "x"
    local.write_text("a")
    with pytest.raises(LakeError, match="changed while they were landed"):
        _landing(tmp_path).store(
            local, feed="acme.x", period=DAY, part="", sha256="0" * 64, name="x"
        )


def test_damaged_landed_file_is_named(tmp_path: Path) -> None:
    landing, local = _landing(tmp_path), tmp_path / "x"
    local.write_text("a")
    uri = _land(landing, local)
    kept = Path(uri.removeprefix("file://"))
    kept.chmod(0o644)
    kept.write_text("b")
    with pytest.raises(LakeError, match="is damaged"):
        landing.fetch(uri, tmp_path / "back")


def test_half_landed_file_is_not_there(tmp_path: Path) -> None:
    landing, local = _landing(tmp_path), tmp_path / "x"
    local.write_text("a")
    folder = Path(_land(landing, local).removeprefix("file://")).parent
    (folder / "pos.csv").rename(folder / ".pos.csv.1234.part")
    sha256 = folder.name
    assert landing.exists(feed="acme.positions", period=DAY, part="", sha256=sha256) is None
    assert _land(landing, local)


def test_everything_a_publish_needs_is_on_disk_before_the_pointer_moves(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[str] = set()
    missed: list[str] = []
    sync: Callable[[int], None] = os.fsync
    write = LakeCatalog._write_metadata

    def noting_sync(handle: int) -> None:
        synced.add(str(Path(f"/proc/self/fd/{handle}").readlink()))
        sync(handle)

    def checking_write(**given_metadata: Any) -> None:
        write(**given_metadata)
        files = [each for each in (tmp_path / "lake" / "raw").rglob("*") if each.is_file()]
        folders = {folder for each in files for folder in each.parents}
        inside = {each for each in folders if each.is_relative_to(tmp_path / "lake")}
        # Files are synced under the name they are written as, then renamed.
        named = [
            each for each in files if each.suffix in {".avro", ".json"} and "metadata" in each.parts
        ]
        missed.extend(str(each) for each in [*named, *inside] if str(each) not in synced)

    monkeypatch.setattr(os, "fsync", noting_sync)
    monkeypatch.setattr(LakeCatalog, "_write_metadata", staticmethod(checking_write))
    lake.publish(stage(lake, [("a", 1)]), {})
    lake.publish(stage(lake, [("b", 1)]), {})
    assert missed == []
    parts = [name for name in synced if name.endswith(".part")]
    assert len(parts) == 4


def test_quote_in_the_warehouse_folder_is_read_right(tmp_path: Path) -> None:
    lake = Lake(f"sqlite:///{tmp_path}/c.db", f"file://{tmp_path}/o'neill's lake")
    lake.publish(stage(lake, [("a", 1)]), {})
    assert accounts(lake) == [(DAY, "a")]


def test_state_at_a_time_is_the_last_before_it(lake: Lake) -> None:
    first = lake.publish(stage(lake, [("a", 1)]), {})
    lake.publish(stage(lake, [("b", 1)]), {})
    at = lake.history(TABLE)[0].at
    assert lake.snapshot_at(TABLE, at) == first
    with pytest.raises(LakeError, match="no snapshot of"):
        lake.snapshot_at(TABLE, at - timedelta(days=1))
    with pytest.raises(LakeError, match="has no tag"):
        lake.snapshot_at(TABLE, "anchor/none")


def test_many_publishes_keep_manifests_and_metadata_few(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifests, "LEAF", 10)
    for number in range(25):
        lake.publish(stage(lake, [("a", 1)], f"p{number:03d}"), {})
    table = lake._catalog.load_table(TABLE)
    leaves = table.current_snapshot().manifests(table.io)
    assert len(leaves) == 3
    assert len(lake.current(TABLE)) == 25
    assert len(read(lake, lake.scan_sql(TABLE))) == 25
    kept = list((tmp_path / "lake" / "raw" / "acme_prices" / "metadata").glob("*.json"))
    assert len(kept) <= 21


def test_replacing_one_period_often_leaves_one_manifest(lake: Lake) -> None:
    for number in range(12):
        lake.publish(stage(lake, [("a", number)]), {})
    table = lake._catalog.load_table(TABLE)
    assert len(table.current_snapshot().manifests(table.io)) == 1
    assert accounts(lake) == [(DAY, "a")]


def test_unknown_table_is_named_with_the_next_step(lake: Lake) -> None:
    with pytest.raises(LakeError, match="the first publish of a batch creates it"):
        lake.scan_sql(TABLE)
    assert lake.tables() == []
    assert lake.history(TABLE) == []
    assert lake.snapshot_id(TABLE) is None


def test_batches_of_two_tables_are_not_read_together(lake: Lake) -> None:
    one, other = stage(lake, [("a", 1)]), stage(lake, [("a", 1)], table="raw.other")
    with pytest.raises(LakeError, match="exactly one table"):
        lake.scan_batches_sql([one, other])


def test_files_added_by_another_engine_beside_a_batch_are_named(lake: Lake) -> None:
    lake.publish(stage(lake, [("a", 1)]), {})
    foreign = stage(lake, [("b", 1)])
    lake._catalog.load_table(TABLE).add_files([foreign.files[0].uri])
    with pytest.raises(LakeError, match="holds files of"):
        lake.current(TABLE)


def test_a_landed_file_of_ours_gets_a_second_name_instead_of_a_copy(tmp_path: Path) -> None:
    landing, local = _landing(tmp_path), tmp_path / "x"
    local.write_text("a")
    sha256 = hashlib.sha256(b"a").hexdigest()
    uri = landing.store(
        local, feed="acme.x", period=DAY, part="", sha256=sha256, name="x", is_ours=True
    )
    kept = Path(uri.removeprefix("file://"))
    assert kept.samefile(local)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o444
    local.unlink()
    assert landing.fetch(uri, tmp_path / "back").read_text() == "a"


@pytest.mark.parametrize("is_ours", [True, False])
def test_bytes_that_changed_leave_nothing_where_they_were_to_lie(
    tmp_path: Path, is_ours: bool
) -> None:
    local = tmp_path / "x"
    local.write_text("a")
    with pytest.raises(LakeError, match="changed while they were landed"):
        _landing(tmp_path).store(
            local, feed="acme.x", period=DAY, part="", sha256="0" * 64, name="x", is_ours=is_ours
        )
    assert not [each for each in (tmp_path / "landing").rglob("*") if each.is_file()]


def test_a_file_that_others_may_write_to_is_copied(tmp_path: Path) -> None:
    landing, local = _landing(tmp_path), tmp_path / "x"
    local.write_text("a")
    uri = _land(landing, local)
    local.write_text("b")
    assert landing.fetch(uri, tmp_path / "back").read_text() == "a"
