"""A contract proposed from a file takes in that very file."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_world import Read, read

from wharf.contracts.formats import CsvFormat
from wharf.reading import Proposal, SourceFile, infer_contract


def propose(folder: Path, content: str | bytes) -> tuple[Proposal, Read]:
    path = folder / "example"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    proposal = infer_contract(SourceFile(path, "example"))
    return proposal, read(folder, path, wanted=proposal.columns, fmt=proposal.format)


def types(proposal: Proposal) -> dict[str, str]:
    return {name: column.type for name, column in proposal.columns.items()}


def test_types_are_the_narrowest_that_take_every_value(tmp_path: Path) -> None:
    content = (
        "ZIP,Count,Price,Lon,Sold on,Seen At,Open,Is new,Note\n"
        "01234,1,1.50,-96.7609621,2020-01-05,2020-01-05T06:00:00Z,06:00,true,x\n"
        "98765,,20,41.5,2020-12-31,2020-01-05T07:00:00+01:00,07:30,FALSE,\n"
    )
    proposal, got = propose(tmp_path, content)
    assert types(proposal) == {
        "zip": "string", "count": "long", "price": "decimal(18, 2)", "lon": "double",
        "sold_on": "date", "seen_at": "timestamptz", "open": "time", "is_new": "boolean",
        "note": "string",
    }  # fmt: skip
    assert proposal.columns["sold_on"].aliases == ("Sold on",)
    assert got.counts.rows_quarantined == 0
    assert proposal.rows == 2


def test_delimiter_decimal_mark_encoding_and_preamble_are_found(tmp_path: Path) -> None:
    content = "Bericht 2020;;\n\nName;Betrag;Größe\nMüller;1.234,50;1,5\nMeier;7,00;2\n"
    proposal, got = propose(tmp_path, content.encode("cp1252"))
    fmt = proposal.format
    assert isinstance(fmt, CsvFormat)
    assert (fmt.delimiter, fmt.decimal, fmt.thousands, fmt.encoding) == (";", ",", ".", "cp1252")
    assert types(proposal)["betrag"] == "decimal(18, 2)"
    assert [row["name"] for row in got.rows] == ["Müller", "Meier"]
    assert got.plan.sniffed[0].header_line == 3


@pytest.mark.parametrize(
    ("line", "thousands"), [('"1,234",x', ","), ("1 234,x", " ")], ids=["comma", "blank"]
)
def test_thousands_marks_are_found(tmp_path: Path, line: str, thousands: str) -> None:
    proposal, got = propose(tmp_path, f"n,t\n{line}\n5,y\n")
    assert isinstance(proposal.format, CsvFormat)
    assert proposal.format.thousands == thousands
    assert [row["n"] for row in got.rows] == [1234, 5]


def test_dates_that_can_be_read_in_two_ways_stay_text_and_are_reported(tmp_path: Path) -> None:
    proposal, _ = propose(tmp_path, "id,d\n1,01/02/2020\n2,03/04/2020\n")
    assert types(proposal)["d"] == "string"
    assert "ambiguous_date" in {finding.kind for finding in proposal.findings}
    proposal, got = propose(tmp_path, "id,d\n1,01/02/2020\n2,31/04/2020\n3,30/04/2020\n")
    assert types(proposal)["d"] == "string", "there is no 31 April"
    proposal, got = propose(tmp_path, "id,d\n1,01/02/2020\n2,30/04/2020\n")
    assert proposal.columns["d"].format == "%d/%m/%Y"
    assert got.rows[1]["d"] == date(2020, 4, 30)


def test_words_for_no_value_are_proposed_for_typed_columns_only(tmp_path: Path) -> None:
    proposal, got = propose(tmp_path, "n,t\n1,NA\nNA,b\n-,c\n")
    assert proposal.columns["n"].nulls == ("", "-", "NA")
    assert proposal.columns["t"].nulls is None
    assert [row["n"] for row in got.rows] == [1, None, None]
    assert got.rows[0]["t"] == "NA"


def test_a_value_that_comes_late_is_seen(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i}\n" for i in range(3000)) + "late,0.5\n"
    proposal, got = propose(tmp_path, "a,b\n" + rows)
    assert types(proposal) == {"a": "string", "b": "decimal(18, 2)"}
    assert got.counts.rows_quarantined == 0


def test_a_file_without_header_gets_numbered_columns(tmp_path: Path) -> None:
    proposal, got = propose(tmp_path, "1,2.5,x\n2,3.5,y\n")
    assert types(proposal) == {
        "column_1": "long", "column_2": "decimal(18, 2)", "column_3": "string",
    }  # fmt: skip
    assert proposal.format.header == 0
    assert len(got.rows) == 2


def test_columns_without_a_name_are_kept_if_they_hold_anything(tmp_path: Path) -> None:
    proposal, got = propose(tmp_path, ",name,city,,\n1,a,c,x,\n2,b,c,y,\n")
    assert types(proposal) == {
        "column_1": "long",
        "name": "string",
        "city": "string",
        "column_4": "string",
    }
    assert got.rows[0] == {"column_1": 1, "name": "a", "city": "c", "column_4": "x"}


def test_a_key_tells_all_rows_apart(tmp_path: Path) -> None:
    proposal, _ = propose(tmp_path, "name,parcel_id\na,1\nb,2\n")
    assert proposal.key == ("parcel_id",)
    assert proposal.columns["parcel_id"].required
    proposal, _ = propose(tmp_path, "day,part,v\n1,a,5\n1,b,5\n2,a,5\n2,b,5\n")
    assert proposal.key == ("day", "part")
    proposal, _ = propose(tmp_path, "a,b\n1,2\n1,2\n")
    assert proposal.key == ()


def test_names_that_read_alike_are_told_apart(tmp_path: Path) -> None:
    proposal, got = propose(tmp_path, "id,ID,Größe,Grosse,日付\n1,2,3,4,5\n")
    assert list(proposal.columns) == ["id", "id_2", "groe", "grosse", "column_5"]
    assert list(got.rows[0].values()) == [1, 2, 3, 4, 5]


def test_a_table_of_very_many_columns_stays_text(tmp_path: Path) -> None:
    header = ",".join(f"c{i}" for i in range(1200))
    proposal, got = propose(tmp_path, f"{header}\n{','.join(['1'] * 1200)}\n")
    assert set(types(proposal).values()) == {"string"}
    assert len(got.rows[0]) == 1200


VALUES = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map("{:f}".format),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.dates(min_value=date(1000, 1, 1)).map(str),
    st.dates(min_value=date(1970, 1, 1), max_value=date(2060, 1, 1)).map(
        lambda day: day.strftime("%d/%m/%Y")
    ),
    st.timedeltas(timedelta(0), timedelta(hours=23)).map(str),
    st.sampled_from(["", "NA", "-", "true", "False", "007", "1,234.5", "1.234,5", "a b", "x\ny"]),
    st.text(alphabet='ab1.,:-/"\n é', max_size=8),
)


@given(
    table=st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.lists(VALUES, min_size=width, max_size=width), min_size=1, max_size=8
        )
    ),
    same=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_cells_hold_the_proposal_takes_them_all(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], same: bool
) -> None:
    if same:  # columns of one kind of value
        table = [table[0] for _ in table]
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow([f"col {place}" for place in range(len(table[0]))])
    writer.writerows(table)
    proposal, got = propose(tmp_path_factory.mktemp("proposal"), out.getvalue())
    assert got.reasons == []
    assert len(got.rows) == len(table)
    for column in proposal.columns.values():
        assert column.type != "int"
