"""Quarantined rows, corrected and sent back: no row is lost, none is made, and twice is once."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest
from harbour import CONTRACT, Harbour
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wharf.decisions import Desk, Person, revoke
from wharf.decisions.quarantine import export, opened
from wharf.decisions.replaying import Replayed, discard, keep_corrections, replay
from wharf.errors import AuditFailed, DecisionRefused, DeliveryRefused, PublishRefused
from wharf.ledger.rows import BatchRow
from wharf.reading.quarantine_rows import Filter
from wharf.spreadsheet import unguard

ADA = Person("ada", "cli")
ROWS = "".join(f"k{number:02d},{number}.00\n" for number in range(40))
BAD = f"id,price\n{ROWS}x,seven\ny,1,2\n=z,bad\n"


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    made = Harbour(tmp_path)
    made.deliver(BAD)
    made.run()
    return made


def desk(harbour: Harbour) -> Desk:
    promises = harbour.promises
    return Desk.of(harbour.place.ledger, promises.project, promises.feeds)


def correct(harbour: Harbour, text: str | bytes, name: str = "fixed.csv") -> Replayed:
    """Send corrected rows back and have the delivery read again."""
    content = text.encode() if isinstance(text, str) else text
    with tempfile.TemporaryDirectory() as folder:
        keep_corrections(
            harbour.place, desk(harbour), "acme.prices", harbour.day, name, io.BytesIO(content),
            Path(folder), ADA, harbour.now, "typing errors",
        )  # fmt: skip
    return again(harbour)


def again(harbour: Harbour) -> Replayed:
    return replay(
        harbour.place, desk(harbour), harbour.feed, harbour.period, ADA, harbour.now, "why"
    )


def rows_at(harbour: Harbour, *lines: int) -> list[tuple[str, int, str | None, str | None]]:
    """(file, line, id, price) that a reader sees of some lines of the delivery."""
    sql = harbour.place.lake.scan_sql("raw.acme_prices")
    return duckdb.sql(
        f"select _file, _line, id, price::varchar from {sql} where _line in {lines} order by _line"
    ).fetchall()


def counts(row: BatchRow) -> tuple[int, int, int, int]:
    """Rows staged, in quarantine, left out, and in all."""
    dropped = row.origin["read"]["rows_dropped"]
    return row.rows_staged, row.rows_quarantined, dropped, row.rows_in_file


ANYTHING = {
    "name": "acme.prices",
    "expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "price"}}],
    "meta": {},
}
HEAD = "wharf_do,wharf_file,wharf_line,id,price\n"


def test_corrected_rows_are_read_under_the_line_that_the_supplier_wrote(harbour: Harbour) -> None:
    done = correct(
        harbour, f"{HEAD},prices_20261120.csv,42,x,7.50\ndrop,prices_20261120.csv,43,,\n"
    )
    assert counts(done.batch) == (41, 1, 1, 43)
    assert rows_at(harbour, 42, 43) == [("prices_20261120.csv", 42, "x", "7.50")]
    [said] = done.batch.origin["fixes"]
    assert (said["by"], said["reason"], said["decision"]) == ("ada", "typing errors", done.decision)


def test_replaying_twice_makes_nothing_new(harbour: Harbour) -> None:
    text = f"{HEAD},prices_20261120.csv,42,x,7.50\n"
    first = correct(harbour, text)
    before = harbour.snapshot(), len(harbour.batches())
    second = correct(harbour, text)
    assert (first.is_new, second.is_new) == (True, False)
    assert (harbour.snapshot(), len(harbour.batches())) == before
    assert again(harbour).is_new is False


def test_a_second_correction_adds_to_the_first(harbour: Harbour) -> None:
    correct(harbour, f"{HEAD},prices_20261120.csv,42,x,7.50\n")
    done = correct(harbour, f"{HEAD},prices_20261120.csv,44,=z,8\n")
    assert counts(done.batch) == (42, 1, 0, 43)
    assert [row[2:] for row in rows_at(harbour, 42, 44)] == [("x", "7.50"), ("=z", "8.00")]


def test_what_a_correction_does_not_make_good_stays_in_quarantine(harbour: Harbour) -> None:
    done = correct(harbour, f"{HEAD},prices_20261120.csv,42,,7.5\n,prices_20261120.csv,44,z,?\n")
    assert counts(done.batch) == (40, 3, 0, 43)
    assert done.batch.origin["read"]["reasons"] == {
        "id: required value is missing (as corrected by hand)": 1,
        "price: not a decimal(12, 2) (as corrected by hand)": 1,
        "too many fields": 1,
    }


def test_a_later_run_keeps_what_was_corrected(harbour: Harbour) -> None:
    done = correct(harbour, f"{HEAD},prices_20261120.csv,42,x,7.50\n")
    harbour.wait(minutes=5)
    harbour.run()
    assert [row.batch_id for row in harbour.batches()][-1] == done.batch.batch_id
    harbour.write_contract(CONTRACT.replace("decimal(12,2)", "decimal(14,2)"))
    harbour.run()
    assert harbour.batches()[-1].batch_id != done.batch.batch_id
    assert rows_at(harbour, 42) == [("prices_20261120.csv", 42, "x", "7.50")]


def test_other_bytes_from_the_supplier_end_a_correction_and_a_return_to_the_first_revives_it(
    harbour: Harbour,
) -> None:
    correct(harbour, f"{HEAD},prices_20261120.csv,42,x,7.50\n")
    harbour.wait(minutes=5)
    harbour.deliver(BAD.replace("x,seven", "x,7.77"))
    harbour.run()
    assert rows_at(harbour, 42) == [("prices_20261120.csv", 42, "x", "7.77")]
    harbour.wait(minutes=5)
    harbour.deliver(BAD, "prices_20261120_b.csv")
    harbour.run()
    assert rows_at(harbour, 42) == [("prices_20261120_b.csv", 42, "x", "7.50")]


def test_a_correction_that_is_taken_back_is_in_the_next_reading_no_more(harbour: Harbour) -> None:
    done = correct(harbour, f"{HEAD},prices_20261120.csv,42,x,7.50\n")
    assert done.decision is not None
    revoke(desk(harbour), done.decision, "it was right", ADA, harbour.now)
    harbour.wait(minutes=1)
    back = again(harbour)
    assert counts(back.batch) == (40, 3, 0, 43)
    assert rows_at(harbour, 42) == []


def test_a_contract_that_changed_reads_the_rows_anew_without_a_corrected_file(
    harbour: Harbour,
) -> None:
    harbour.write_contract(CONTRACT.replace('"decimal(12,2)"', "string"))
    with pytest.raises(PublishRefused, match=r"changes its type|price"):
        again(harbour)
    harbour.write_contract(CONTRACT.replace("kind: csv}", 'kind: csv, nulls: ["", bad]}'))
    done = again(harbour)
    assert counts(done.batch) == (41, 2, 0, 43)
    assert rows_at(harbour, 44) == [("prices_20261120.csv", 44, "=z", None)]


def test_a_correction_goes_through_the_same_audit(harbour: Harbour) -> None:
    before = harbour.snapshot()
    with pytest.raises(AuditFailed):
        correct(harbour, f"{HEAD},prices_20261120.csv,42,x,-7.50\n")
    assert harbour.snapshot() == before
    assert harbour.batches()[-1].status == "QUARANTINED"


WRONG = {
    "a good row": (f"{HEAD},prices_20261120.csv,2,k00,1\n", "is not in quarantine"),
    "another file": (f"{HEAD},other.csv,42,x,1\n", "is not in quarantine"),
    "nothing": (f"{HEAD},prices_20261120.csv,42,,\n", "corrects nothing"),
    "a wrong word": (f"{HEAD}keep,prices_20261120.csv,42,x,1\n", "use fix, drop"),
    "no line": (f"{HEAD},prices_20261120.csv,4x,x,1\n", "must stay as they were"),
    "the same row twice": (HEAD + 2 * ",prices_20261120.csv,42,x,1\n", "keep one of them"),
    "no table of ours": ("id,price\nx,1\n", "wharf_"),
    "an unknown column": (HEAD.replace("id,", "id,colour,"), "colour"),
}


def test_a_file_that_corrects_nothing_is_refused_with_the_reason(harbour: Harbour) -> None:
    for name, (text, why) in WRONG.items():
        with pytest.raises((DecisionRefused, DeliveryRefused), match=why):
            correct(harbour, text)
        assert len(harbour.batches()) == 1, name


@pytest.mark.parametrize("kind", ["csv", "xlsx", "jsonl", "parquet"])
def test_what_is_exported_comes_back_as_it_was_and_what_is_filled_in_is_read(
    harbour: Harbour, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"held.{kind}"
    [batch] = harbour.batches()
    assert export(harbour.place.lake, batch, harbour.feed, path, kind) == 3
    if kind == "csv":
        assert '"\'=z"' in path.read_text("utf-8-sig")
    fill(path, kind, {42: {"price": "7.50"}, 43: {"id": "y", "price": "1.2"}})
    done = correct(harbour, path.read_bytes(), path.name)
    assert counts(done.batch) == (42, 1, 0, 43)
    assert [row[2:] for row in rows_at(harbour, 42, 43)] == [("x", "7.50"), ("y", "1.20")]
    correct(harbour, f"{HEAD},prices_20261120.csv,44,'=z,8\n")
    assert rows_at(harbour, 44)[0][2:] == ("=z", "8.00")


def fill(path: Path, kind: str, values: Mapping[int, Mapping[str, str]]) -> None:
    """Write into an exported table as a person would."""
    import pandas

    readers = {"csv": pandas.read_csv, "xlsx": pandas.read_excel, "parquet": pandas.read_parquet}
    if kind == "jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        rows = [{**row, **values.get(int(row["wharf_line"]), {})} for row in rows]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return
    options = {} if kind == "parquet" else {"dtype": str}
    table = readers[kind](path, **options)
    for line, cells in values.items():
        for name, value in cells.items():
            table.loc[table.wharf_line == str(line), name] = value
    writers = {"csv": table.to_csv, "xlsx": table.to_excel, "parquet": table.to_parquet}
    writers[kind](path, index=False)


def test_rows_are_found_by_reason_column_and_file_page_by_page(harbour: Harbour) -> None:
    [batch] = harbour.batches()
    with opened(harbour.place.lake, batch, harbour.feed) as rows:
        assert rows is not None
        assert rows.tally("reason") == [("not a decimal(12, 2)", 2), ("too many fields", 1)]
        assert rows.tally("column") == [("price", 2), ("", 1)]
        assert [each.line for each in rows.rows(Filter(column="price"))] == [42, 44]
        assert [each.line for each in rows.rows(start=1, most=1)] == [43]
        assert rows.count(Filter(reason="'; drop table x; --")) == 0


def test_a_discarded_batch_is_not_published_by_anybody_until_that_is_taken_back(
    harbour: Harbour,
) -> None:
    with pytest.raises(AuditFailed):
        correct(harbour, f"{HEAD},prices_20261120.csv,42,x,-7.50\n")
    batch = harbour.batches()[-1]
    made = discard(desk(harbour), "acme.prices", batch.batch_id, ADA, harbour.now, "wrong prices")
    with pytest.raises(DecisionRefused, match="already"):
        discard(desk(harbour), "acme.prices", batch.batch_id, ADA, harbour.now, "again")
    harbour.write_suite(ANYTHING)
    with pytest.raises(PublishRefused, match=r"discarded by ada: wrong prices.*wharf revoke"):
        again(harbour)
    revoke(desk(harbour), made.seq, "it is right", ADA, harbour.now)
    harbour.wait(minutes=1)
    assert again(harbour).batch.status == "PUBLISHED"


LOOSE = CONTRACT.replace("id: {type: string, required: true}", "id: {type: string}")
CELL = st.sampled_from(["a", "", "1.5", "x,y", 'a"b', "=1+1", "'=q", "two\nlines", " é ", "-3"])


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(st.sampled_from(["fix", "drop", "leave"]), CELL, CELL), min_size=4, max_size=4
    )
)
def test_every_row_is_staged_in_quarantine_or_left_out_whatever_somebody_writes(
    tmp_path_factory: pytest.TempPathFactory, wishes: list[tuple[str, str, str]]
) -> None:
    harbour = Harbour(
        tmp_path_factory.mktemp("harbour"),
        contract=LOOSE,
    )
    harbour.write_suite(ANYTHING)
    harbour.deliver(f"id,price\n{ROWS}" + "b,bad\n" * 4)
    harbour.run()
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["wharf_do", "wharf_file", "wharf_line", "id", "price"])
    for line, (do, id_, price) in enumerate(wishes, start=42):
        if do != "leave":
            writer.writerow([do, "prices_20261120.csv", line, id_, price])
    acts = [do == "drop" or bool(do == "fix" and (id_ or price)) for do, id_, price in wishes]
    if not any(acts):
        return
    done = correct(harbour, text.getvalue())
    staged, held, dropped, every = counts(done.batch)
    assert staged + held + dropped == every == 44
    assert dropped == sum(do == "drop" for do, _, _ in wishes)
    good = [
        (line, id_)
        for line, (do, id_, price) in enumerate(wishes, start=42)
        if do == "fix" and (id_ or price) and price in {"", "1.5", "-3"}
    ]
    seen = [(line, id_ or "") for _, line, id_, _ in rows_at(harbour, 42, 43, 44, 45)]
    assert seen == [(line, unguard(id_)) for line, id_ in good]
