"""`wharf forget`: a person's rows leave every version, and all other rows stay."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from harbour import CONTRACT, Harbour

from wharf.batches import load_dataframe
from wharf.batches.erase import Cause
from wharf.decisions import Desk, Person
from wharf.decisions.replaying import keep_corrections, replay
from wharf.errors import Erased, LakeError
from wharf.ledger import erasures
from wharf.watch.forgetting import Forgotten, forget, traces

TABLE, DAY = "raw.acme_prices", "2026-11-20"
# A word that stands in no other value, so that its bytes can be looked for.
WHO = "Zyxomma4711"
FIRST = f"id,price\na,1.50\n{WHO},2.25\n"
SECOND = f"id,price\na,1.60\nb,3.00\n{WHO},2.30\n" + "".join(f"k{n},1.00\n" for n in range(20))
THIRD = f"{SECOND}{WHO},not a price\n"
WITHOUT = "id,price\na,1.70\nb,3.10\n"


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    """Three versions with the person, the second rolled back, and a last one without."""
    harbour = Harbour(tmp_path / "place", contract=CONTRACT)
    for text in (FIRST, SECOND, THIRD):
        harbour.deliver(text)
        harbour.run()
        harbour.wait(minutes=5)
    return harbour


def forgotten(harbour: Harbour) -> Forgotten:
    cause = Cause("forget", "me", "request 17", harbour.now)
    return forget(harbour.place, harbour.promises, harbour.feed, {"id": WHO}, cause)


def holding(harbour: Harbour) -> list[str]:
    """Files of the installation in whose bytes, unpacked by DuckDB or not, the person stands."""
    import duckdb

    found = []
    for file in sorted((harbour.root / "home").rglob("*")):
        if not file.is_file():
            continue
        content = file.read_bytes()
        if file.suffix == ".parquet":
            content += str(duckdb.sql(f"FROM read_parquet('{file}')").fetchall()).encode()
        if WHO.encode() in content:
            found.append(str(file.relative_to(harbour.root / "home")))
    return found


def test_rows_are_found_in_every_version_and_nothing_is_touched(harbour: Harbour) -> None:
    before = holding(harbour)
    seen = traces(harbour.place, harbour.promises, harbour.feed, {"id": WHO})
    assert [(each.row.version, each.staged, each.quarantined) for each in seen.found] == [
        (1, 1, 0),
        (2, 1, 0),
        (3, 1, 1),
    ]
    assert (seen.rows, len(seen.files), seen.unread) == (4, 3, ())
    assert holding(harbour) == before


def test_no_file_holds_a_forgotten_row_and_no_other_row_is_lost(harbour: Harbour) -> None:
    others = [row for row in harbour.rows() if row[0] != WHO]
    versions = {row.version: row.batch_id for row in harbour.batches()}
    first = load_dataframe(harbour.place.lake, TABLE, DAY, batch=versions[1])
    done = forgotten(harbour)
    assert harbour.rows() == others
    assert len(done.successors) == 3
    assert done.files == 3
    left = load_dataframe(harbour.place.lake, TABLE, DAY, batch=done.successors[versions[1]])
    assert left["id"].tolist() == [each for each in first["id"] if each != WHO]
    assert set(left["_batch_id"]) == {done.successors[versions[1]]}
    assert holding(harbour) == []


def test_the_batch_that_takes_the_place_has_the_version_and_state_of_the_old(
    harbour: Harbour,
) -> None:
    before = {row.batch_id: row for row in harbour.batches()}
    done = forgotten(harbour)
    after = {row.batch_id: row for row in harbour.batches()}
    for old, fresh in done.successors.items():
        assert after[fresh].version == before[old].version
        assert after[fresh].status == before[old].status
        assert after[fresh].rows_staged == before[old].rows_staged - 1
        assert after[fresh].origin["forgets"] == {"batch": old, "columns": ["id"], "by": "me"}
    assert harbour.place.lake.current(TABLE) == {
        DAY: next(b for b, row in after.items() if row.status == "PUBLISHED")
    }


def test_who_when_and_why_are_kept_and_never_the_value(harbour: Harbour) -> None:
    done = forgotten(harbour)
    with harbour.place.ledger.read() as tx:
        rows = erasures.erasures(tx)
    of_batches = {row.batch_id: row for row in rows if row.batch_id}
    assert {old: row.replaced_by for old, row in of_batches.items()} == done.successors
    assert {(row.kind, row.by, row.reason) for row in rows} == {("forget", "me", "request 17")}
    assert (harbour.root / "home/ledger.db").read_bytes().find(WHO.encode()) == -1


def test_forgetting_twice_finds_nothing_left(harbour: Harbour) -> None:
    forgotten(harbour)
    again = forgotten(harbour)
    assert (again.successors, again.files) == ({}, 0)


def test_a_run_after_it_does_not_bring_the_rows_back(harbour: Harbour) -> None:
    forgotten(harbour)
    before = harbour.rows()
    steps = dict(harbour.steps())
    steps["stage"]()
    assert harbour.rows() == before
    harbour.wait(minutes=5)
    harbour.deliver(WITHOUT)
    harbour.run()
    assert harbour.rows() == [("a", "1.70"), ("b", "3.10")]


def test_what_was_erased_names_what_takes_its_place(harbour: Harbour) -> None:
    old = harbour.batches()[0].batch_id
    done = forgotten(harbour)
    with pytest.raises(Erased, match=f"other rows are in batch {done.successors[old]}"):
        load_dataframe(harbour.place.lake, TABLE, DAY, batch=old)


def test_an_unknown_column_is_named_with_those_there_are(harbour: Harbour) -> None:
    with pytest.raises(LakeError, match=r"has no column name; it has _period, .*, id, price$"):
        traces(harbour.place, harbour.promises, harbour.feed, {"name": "x"})


def test_a_file_that_was_never_read_is_named(harbour: Harbour) -> None:
    harbour.deliver("not,this\n1,2\n")
    with pytest.raises(Exception, match="no header"):
        harbour.run()
    seen = traces(harbour.place, harbour.promises, harbour.feed, {"id": WHO})
    assert [each.version for each in seen.unread] == [4]


def test_rows_that_a_person_corrected_go_with_the_file_they_were_sent_in(
    harbour: Harbour, tmp_path: Path
) -> None:
    ledger, promises = harbour.place.ledger, harbour.promises
    desk = Desk.of(ledger, promises.project, promises.feeds)
    line = THIRD.count("\n")
    fixed = f"wharf_file,wharf_line,id,price\nprices_20261120.csv,{line},{WHO},8.00\n"
    keep_corrections(
        harbour.place, desk, "acme.prices", DAY, "fixed.csv", io.BytesIO(fixed.encode()),
        tmp_path, Person("ada", "cli"), harbour.now, "typing errors",
    )  # fmt: skip
    ada = Person("ada", "cli")
    replay(harbour.place, desk, harbour.feed, harbour.period, ada, harbour.now, "y")
    assert (WHO, "8.00") in harbour.rows()
    forgotten(harbour)
    assert WHO not in dict(harbour.rows())
    assert holding(harbour) == []
