"""Delimited text by a contract: header, names, encodings, delimiters, rows that do not fit."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_world import columns, read

from wharf.contracts import Column
from wharf.contracts.feed import SchemaPolicy
from wharf.contracts.formats import CsvFormat
from wharf.reading import Refused, describe_refusal

WANTED = columns(account_id="string!", amount="decimal(18,2)", opened="date")
HEADER = b"account_id,amount,opened\n"


def csv_format(**more: object) -> CsvFormat:
    return CsvFormat.model_validate({"kind": "csv", **more})


def test_columns_are_mapped_by_name_and_not_by_place(tmp_path: Path) -> None:
    got = read(tmp_path, b"opened,Account ID,AMOUNT\n2026-01-02,a,1.5\n", wanted=WANTED)
    assert [(row["account_id"], row["amount"]) for row in got.rows] == [("a", Decimal("1.50"))]
    assert list(got.plan.columns) == ["account_id", "amount", "opened"]


def test_a_cell_matches_by_alias_whatever_its_case_blanks_and_punctuation(tmp_path: Path) -> None:
    wanted = {"parcel_id": Column(type="string", aliases=("PARCEL NO",)), **columns(area="int")}
    got = read(tmp_path, b'"Parcel\n No.",area\nx,5\n', wanted=wanted)
    assert got.rows == [{"parcel_id": "x", "area": 5}]
    assert got.counts.header_lines == 2
    assert got.lines == [3]


def test_an_exact_spelling_wins_over_a_similar_one(tmp_path: Path) -> None:
    wanted = {"a": Column(type="string", aliases=("A B",)), **columns(a_b="int")}
    assert read(tmp_path, b"A B,a_b\nx,1\n", wanted=wanted).rows == [{"a": "x", "a_b": 1}]


def test_the_header_is_found_below_a_preamble(tmp_path: Path) -> None:
    content = b'Report of "today"\n\nall amounts in EUR,,\n' + HEADER + b"a,1,2026-01-02\n"
    got = read(tmp_path, content, wanted=WANTED)
    assert got.counts.header_lines == 4
    assert got.lines == [5]
    assert "line 4" in got.notes["preamble"]


def test_a_header_on_a_given_line_must_stand_there(tmp_path: Path) -> None:
    content = b"x\n" + HEADER + b"a,1,2026-01-02\n"
    assert read(tmp_path, content, wanted=WANTED, fmt=csv_format(header=2)).lines == [3]
    with pytest.raises(Refused, match="no header") as refused:
        read(tmp_path, content, wanted=WANTED, fmt=csv_format(header=1))
    assert refused.value.kind == "no_header"


def test_without_a_header_the_contracts_order_counts(tmp_path: Path) -> None:
    got = read(tmp_path, b"a,1,2026-01-02\nb,2,\n", wanted=WANTED, fmt=csv_format(header=0))
    assert [row["account_id"] for row in got.rows] == ["a", "b"]
    assert got.lines == [1, 2]
    with pytest.raises(Refused, match="4 fields and no header"):
        read(tmp_path, b"a,1,2026-01-02,x\n", wanted=WANTED, fmt=csv_format(header=0))


def test_bad_rows_go_to_quarantine_with_their_place_reason_and_text(tmp_path: Path) -> None:
    content = HEADER + b'a,1.50,2026-01-02\n\n"b",1.505,2026-01-02\n,2,\nc,3\nd,4,31/01/2026\n'
    got = read(tmp_path, content, wanted=WANTED)
    found = [
        (row["line"], row["column"], row["reason"], row["raw"], row["byte"])
        for row in sorted(got.quarantined, key=lambda row: row["line"])
    ]
    assert found == [
        (4, "amount", "not a decimal(18, 2)", '"b",1.505,2026-01-02', content.index(b'"b"')),
        (5, "account_id", "required value is missing", ",2,", content.index(b",2,")),
        (6, None, "too few fields", "c,3", content.index(b"c,3")),
        (7, "opened", "not a date", "d,4,31/01/2026", content.index(b"d,4")),
    ]
    assert got.counts.reasons == {
        "too few fields": 1,
        "amount: not a decimal(18, 2)": 1,
        "account_id: required value is missing": 1,
        "opened: not a date": 1,
    }
    assert (got.counts.rows_in_file, got.counts.rows_staged, got.counts.blank) == (5, 1, 1)
    assert got.lines == [2]


def test_a_header_that_stands_again_among_the_rows_is_no_row(tmp_path: Path) -> None:
    wanted = columns(a="string", b="string")
    got = read(tmp_path, b"a,b\n1,2\na,b\n3,4\n", wanted=wanted)
    assert got.reasons == ["repeats the header"]
    assert len(got.rows) == 2


def test_a_new_column_is_added_as_text(tmp_path: Path) -> None:
    content = b"account_id,amount,opened,FLOOD ZONE\na,1,2026-01-02,AE\n"
    got = read(tmp_path, content, wanted=WANTED)
    assert got.plan.columns["flood_zone"] == "string"
    assert got.rows[0]["flood_zone"] == "AE"
    assert "FLOOD ZONE" in got.notes["new_column"]


def test_a_new_column_is_left_out_or_refused_where_the_contract_says_so(tmp_path: Path) -> None:
    content = b"account_id,amount,opened,extra\na,1,2026-01-02,x\n"
    got = read(tmp_path, content, wanted=WANTED, policy=SchemaPolicy(new_column="ignore"))
    assert "extra" not in got.plan.columns
    assert "extra" in got.notes["ignored_column"]
    with pytest.raises(Refused, match="extra") as refused:
        read(tmp_path, content, wanted=WANTED, policy=SchemaPolicy(new_column="quarantine"))
    assert refused.value.kind == "new_columns"


def test_a_dropped_column_is_refused_or_null(tmp_path: Path) -> None:
    content = b"account_id,opened\na,2026-01-02\n"
    with pytest.raises(Refused, match="amount") as refused:
        read(tmp_path, content, wanted=WANTED)
    assert refused.value.kind == "missing_columns"
    got = read(tmp_path, content, wanted=WANTED, policy=SchemaPolicy(dropped="null_fill"))
    assert [row["amount"] for row in got.rows] == [None]
    assert "amount" in got.notes["dropped_column"]


def test_a_required_column_is_never_made_up(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="account_id"):
        read(
            tmp_path,
            b"amount,opened\n1,2026-01-02\n",
            wanted=WANTED,
            policy=SchemaPolicy(dropped="null_fill"),
        )


def test_a_column_without_a_name_may_stay_empty_but_hold_nothing(tmp_path: Path) -> None:
    content = HEADER.replace(b"\n", b",\n") + b"a,1,2026-01-02,\nb,2,,oops\n"
    got = read(tmp_path, content, wanted=WANTED)
    assert got.reasons == ["value in a column without a name"]
    assert len(got.rows) == 1
    with pytest.raises(Refused, match="header cell 4 is empty") as refused:
        read(tmp_path, HEADER.replace(b"\n", b",\n") + b"a,1,,x\nb,2,,y\n", wanted=WANTED)
    assert refused.value.kind == "unnamed_column"
    assert "'#3'" in describe_refusal(refused.value)


def test_a_column_without_a_name_can_be_named_by_its_place(tmp_path: Path) -> None:
    wanted = {"row": Column(type="int", aliases=("#1",)), **columns(a="string")}
    assert read(tmp_path, b",a\n1,x\n", wanted=wanted).rows == [{"row": 1, "a": "x"}]


def test_a_delimiter_behind_every_data_line_is_no_column(tmp_path: Path) -> None:
    got = read(tmp_path, b"a,b\n1,2,\n3,4,\n", wanted=columns(a="int", b="int"))
    assert got.rows == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


def test_another_delimiter_than_the_contracts_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="';'") as refused:
        read(tmp_path, b"account_id;amount;opened\na;1;2026-01-02\n", wanted=WANTED)
    assert refused.value.kind == "delimiter"


@pytest.mark.parametrize(
    ("content", "declared", "encoding"),
    [
        ("name,n\né,1\n".encode(), "utf-8", "utf-8"),
        ("name,n\né,1\n".encode("utf-8-sig"), "utf-8", "utf-8"),
        ("name,n\né,1\n".encode("utf-16"), "utf-16", "utf-16-le"),
        ("name,n\né,1\n".encode("utf-16"), "utf-8", "utf-16-le"),
        ("name,n\né,1\n".encode("utf-16-be"), "utf-8", "utf-16-be"),
        ("name,n\né,1\n".encode("cp1252"), "cp1252", "cp1252"),
        ("name,n\né,1\n".encode(), "cp1252", "utf-8"),
    ],
    ids=["utf-8", "mark", "utf-16", "utf-16 undeclared", "no mark", "cp1252", "cp1252 undeclared"],
)
def test_text_is_read_in_the_encoding_that_its_bytes_prove(
    tmp_path: Path, content: bytes, declared: str, encoding: str
) -> None:
    fmt = csv_format(encoding=declared)
    got = read(tmp_path, content, wanted=columns(name="string", n="int"), fmt=fmt)
    assert got.rows == [{"name": "é", "n": 1}]
    assert got.plan.sniffed[0].encoding == encoding
    assert ("encoding" in got.notes) == (not encoding.startswith(declared))


def test_bytes_that_are_no_utf8_put_only_their_row_aside(tmp_path: Path) -> None:
    content = b"name,n\nx,1\n\xe9t\xe9,2\ny,3\n"
    got = read(tmp_path, content, wanted=columns(name="string", n="int"))
    assert got.reasons == ["not valid in its encoding"]
    assert [row["n"] for row in got.rows] == [1, 3]
    assert "cp1252" in got.notes["encoding"]


@pytest.mark.parametrize(
    "content",
    [b"a,b\r\n1,2\r\n\r\n3,4", b"a,b\r1,2\r\r3,4\r", b"a,b\n1,2\r\n\n3,4\n", b"a,b\n1,2\r\r3,4\n"],
    ids=["windows", "old macintosh", "mixed", "a return alone"],
)
def test_every_kind_of_line_end_counts_as_one(tmp_path: Path, content: bytes) -> None:
    got = read(tmp_path, content, wanted=columns(a="int", b="int"))
    assert got.rows == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    assert got.lines == [2, 4]
    assert got.counts.blank == 1


def test_an_open_quote_at_the_end_does_not_swallow_rows(tmp_path: Path) -> None:
    content = b'a,b\n1,"x\n2,y\n3,z\n'
    got = read(tmp_path, content, wanted=columns(a="int", b="string"))
    assert [row["a"] for row in got.rows] == [2, 3]
    assert got.reasons == ["unterminated quote"]


def test_a_file_with_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    got = read(tmp_path, HEADER, wanted=WANTED)
    assert got.rows == []
    assert got.quarantined == []
    assert pq.read_schema(got.good).names[-4:] == ["_period", "_batch_id", "_file", "_line"]


def test_a_file_in_which_no_row_is_good_is_all_in_quarantine(tmp_path: Path) -> None:
    got = read(tmp_path, HEADER + b"a,x,\nb,y,\n", wanted=WANTED)
    assert (got.counts.rows_staged, got.counts.rows_quarantined) == (0, 2)


def test_parts_are_read_into_one_file_that_knows_where_each_row_came_from(tmp_path: Path) -> None:
    more = b"opened,amount,account_id,note\n,2,b,new\n"
    got = read(
        tmp_path,
        HEADER + b"a,1,2026-01-02\nx,y,z\n",
        more,
        wanted=WANTED,
        names=("a.csv", "b.csv"),
    )
    table = pq.read_table(got.good)
    assert table["_file"].to_pylist() == ["a.csv", "b.csv"]
    assert table["note"].to_pylist() == [None, "new"]
    assert [(each.rows_staged, each.rows_quarantined) for each in got.counts.files] == [
        (1, 1),
        (1, 0),
    ]


def test_names_of_files_and_columns_are_never_executed(tmp_path: Path) -> None:
    name = "'); DROP TABLE x; --\n\x00.csv"
    wanted = {"it's": Column(type="string", aliases=('a"; --',)), **columns(b="int")}
    content = b'"a""; --",b,"drop table\'\n"\nx,1,2\n'
    got = read(tmp_path, content, wanted=wanted, names=(name,))
    assert got.rows == [{"it's": "x", "b": 1, "drop_table": "2"}]
    assert pq.read_table(got.good)["_file"].to_pylist() == [name]


def test_the_written_file_has_field_ids_statistics_and_contract_types(tmp_path: Path) -> None:
    wanted = columns(
        i="int", n="long", f="float", d="double", m="decimal(18,2)", s="string", b="boolean",
        day="date", t="time", at="timestamp", z="timestamptz", raw="binary",
    )  # fmt: skip
    header = ",".join(wanted).encode()
    got = read(
        tmp_path,
        header + b"\n1,2,0.5,0.25,1.50,x,true,2026-01-02,06:07,2026-01-02 03:04:05,"
        b"2026-01-02T03:04:05Z,bytes\n",
        wanted=wanted,
    )
    schema = pq.read_schema(got.good)
    assert [str(field.type) for field in schema][:12] == [
        "int32", "int64", "float", "double", "decimal128(18, 2)", "string", "bool",
        "date32[day]", "time64[us]", "timestamp[us]", "timestamp[us, tz=UTC]", "binary",
    ]  # fmt: skip
    ids = [int((field.metadata or {})[b"PARQUET:field_id"]) for field in schema]
    assert ids == list(range(1, 17))
    group = pq.read_metadata(got.good).row_group(0)
    places = range(group.num_columns)
    assert {group.column(i).compression for i in places} == {"ZSTD"}
    period = next(i for i in places if group.column(i).path_in_schema == "_period")
    assert group.column(period).statistics.min == "2026-11-20"


def test_field_ids_must_name_every_column(tmp_path: Path) -> None:
    from wharf.reading import SourceFile, plan_reading, write_plan

    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n1,2\n")
    plan = plan_reading([SourceFile(path, "x")], csv_format(), columns(a="int"), SchemaPolicy())
    with pytest.raises(ValueError, match="lacks b, _period"):
        write_plan(
            plan,
            good=tmp_path / "g",
            bad=tmp_path / "b",
            field_ids={"a": 1},
            constants={},
            work=tmp_path,
        )


LINE = st.text(alphabet='a1,."\n-é', max_size=12)


@given(lines=st.lists(LINE, max_size=12))
@settings(max_examples=80, deadline=None)
def test_whatever_the_lines_hold_the_counts_reconcile(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("counts")
    content = ("n,text\n" + "\n".join(lines)).encode()
    got = read(folder, content, wanted=columns(n="int", text="string"))
    [counts] = got.counts.files
    assert counts.physical_lines == content.count(b"\n") + (not content.endswith(b"\n"))
    assert counts.rows_staged == len(got.rows)
    assert counts.rows_quarantined == len(got.quarantined)
    assert sum(got.counts.reasons.values()) == counts.rows_quarantined
    places = [*got.lines, *(row["line"] for row in got.quarantined)]
    assert len(set(places)) == len(places), "a line is in one place only"
    physical = content.decode().split("\n")
    for row in got.quarantined:
        assert row["raw"].split("\n")[0] == physical[row["line"] - 1]
        raw = row["raw"].encode()
        assert content[row["byte"] : row["byte"] + len(raw)] == raw


def test_memory_is_given_back_when_the_plan_goes(tmp_path: Path) -> None:
    import gc

    from wharf.reading import SourceFile, plan_reading

    (tmp_path / "x.csv").write_bytes(b"a,b\r\n1,2\r\n")
    work = tmp_path / "work"
    work.mkdir()
    plan = plan_reading(
        [SourceFile(tmp_path / "x.csv", "x")], csv_format(), columns(a="int"), SchemaPolicy(),
        work=work,
    )  # fmt: skip
    assert list(work.iterdir())
    del plan
    gc.collect()
    assert not list(work.iterdir())
