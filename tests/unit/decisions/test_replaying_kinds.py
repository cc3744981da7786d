"""Rows of every kind of file are given out, corrected and read again under their own place."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from harbour import CONTRACT, Harbour

from wharf.decisions import Desk, Person
from wharf.decisions.quarantine import export
from wharf.decisions.replaying import Replayed, keep_corrections, replay
from wharf.spreadsheet import workbook

ADA = Person("ada", "cli")
MANY = [(f"k{number:02d}", f"{number}.00") for number in range(30)]
ANYTHING = {
    "name": "acme.prices",
    "expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "price"}}],
    "meta": {},
}
FIXED = "kind: fixed, positions: {id: [1, 5], price: [6, 14]}"
NESTED = """
  tags: {type: "list<string>"}
  size: {type: "struct<w: int, h: int>"}
"""


def csv_of(rows: list[tuple[str, str]]) -> str:
    return "id,price\n" + "".join(f"{key},{price}\n" for key, price in rows)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("north.csv", csv_of([*MANY, ("x", "seven")]))
        archive.writestr("south.csv", csv_of([("y", "8.00"), ("z", "nine")]))
    return file.getvalue()


def parquet() -> bytes:
    file = io.BytesIO()
    rows = [*MANY, ("x", "seven"), ("z", "nine")]
    table = pa.table({"id": [key for key, _ in rows], "price": [price for _, price in rows]})
    pq.write_table(table, file)
    return file.getvalue()


def objects(rows: list[tuple[str, object]]) -> list[dict[str, object]]:
    return [
        {"id": key, "price": price, "tags": ["a", "b"], "size": {"w": 1, "h": 2}}
        for key, price in rows
    ]


LISTED = objects([*MANY, ("x", "seven"), ("z", "nine")])


@dataclass(frozen=True)
class Kind:
    """One kind of file with two rows, x and z, that cannot be read."""

    format: str
    files: dict[str, str | bytes]
    path: str = "prices_{period:%Y%m%d}*"
    parts: str = ""
    columns: str = ""


KINDS = {
    "parts": Kind(
        "kind: csv",
        {
            "prices_20261120_north.csv": csv_of([*MANY, ("x", "seven")]),
            "prices_20261120_south.csv": csv_of([("y", "8.00"), ("z", "nine")]),
        },
        path="prices_{period:%Y%m%d}_{part}.csv",
        parts=", parts: [north, south]",
    ),
    "zip": Kind('kind: csv, members: "*.csv"', {"prices_20261120.zip": zipped()}),
    "tabs and marks": Kind(
        'kind: csv, delimiter: ";", decimal: ",", nulls: ["", "-"]',
        {"prices_20261120.csv": csv_of([*MANY, ("x", "seven"), ("z", "nine")])
            .replace(",", ";").replace(".00", ",00")},
    ),
    "excel": Kind(
        "kind: excel",
        {"prices_20261120.xlsx": workbook("prices", [["id", "price"], *MANY, ("x", "seven"),
                                                     ("z", "nine")])},
    ),
    "fixed": Kind(
        FIXED,
        {"prices_20261120.txt": "".join(
            f"{key:5}{price:9}\n" for key, price in [*MANY, ("x", "seven"), ("z", "nine")])},
    ),
    "jsonl": Kind(
        "kind: jsonl",
        {"prices_20261120.jsonl": "".join(json.dumps(each) + "\n" for each in LISTED)},
        columns=NESTED,
    ),
    "json": Kind("kind: json", {"prices_20261120.json": json.dumps(LISTED)}, columns=NESTED),
    "parquet": Kind("kind: parquet", {"prices_20261120.parquet": parquet()}),
}  # fmt: skip


def harbour_of(kind: Kind, root: Path, sensitive: str = "") -> Harbour:
    contract = (
        CONTRACT.replace('"prices_{period:%Y%m%d}*.csv"', f'"{kind.path}"{kind.parts}')
        .replace("{kind: csv}", "{" + kind.format + "}")
        .replace("period: {kind: day}", f"{kind.columns.strip()}\nperiod: {{kind: day}}".lstrip())
        .replace("\ntags", "\n  tags")
    )
    if sensitive:
        contract = contract.replace(f"{sensitive}: {{", f"{sensitive}: {{sensitive: true, ")
    made = Harbour(root, contract=contract)
    made.write_suite(ANYTHING)
    for name, content in kind.files.items():
        made.deliver(content, name)
    made.run()
    return made


def send_back(harbour: Harbour, file: Path) -> Replayed:
    promises = harbour.promises
    desk = Desk.of(harbour.place.ledger, promises.project, promises.feeds)
    (harbour.root / "uploads").mkdir(exist_ok=True)
    keep_corrections(
        harbour.place, desk, "acme.prices", harbour.day, file.name, io.BytesIO(file.read_bytes()),
        harbour.root / "uploads", ADA, harbour.now, "they called",
    )  # fmt: skip
    return replay(
        harbour.place, desk, harbour.feed, harbour.period, ADA, harbour.now, "they called"
    )


def exported(harbour: Harbour, file: Path) -> list[dict[str, str]]:
    batch = harbour.batches()[-1]
    export(harbour.place.lake, batch, harbour.feed, file, file.suffix[1:])
    return [json.loads(line) for line in file.read_text().splitlines()]


def write(file: Path, rows: list[dict[str, str]]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize("name", KINDS)
def test_rows_of_every_kind_come_back_corrected_under_their_own_place(
    tmp_path: Path, name: str
) -> None:
    harbour = harbour_of(KINDS[name], tmp_path / "place")
    before = harbour.batches()[-1]
    assert before.rows_quarantined == 2
    rows = exported(harbour, tmp_path / "held.jsonl")
    assert [(row["id"].strip(), row["price"].strip()) for row in rows] == [
        ("x", "seven"),
        ("z", "nine"),
    ]
    price = {"x": "7,50" if name == "tabs and marks" else "7.50"}
    write(tmp_path / "fixed.jsonl", [
        {**rows[0], "price": price["x"]}, {**rows[1], "wharf_do": "drop"},
    ])  # fmt: skip
    done = send_back(harbour, tmp_path / "fixed.jsonl")
    assert (done.batch.rows_staged, done.batch.rows_quarantined, done.rows_dropped) == (
        before.rows_staged + 1, 0, 1,
    )  # fmt: skip
    sql = harbour.place.lake.scan_sql("raw.acme_prices")
    more = ", tags, size" if KINDS[name].columns else ""
    [found] = duckdb.sql(
        f"select _file, _line, price::varchar{more} from {sql} where id = 'x'"
    ).fetchall()
    assert found[:3] == (rows[0]["wharf_file"], int(rows[0]["wharf_line"]), "7.50")
    assert list(found[3:]) == ([["a", "b"], {"w": 1, "h": 2}] if more else [])


def test_a_sensitive_column_is_hidden_in_rows_of_every_kind_and_comes_back_unchanged(
    tmp_path: Path,
) -> None:
    for name in ("fixed", "jsonl", "excel", "parts"):
        harbour = harbour_of(KINDS[name], tmp_path / name, sensitive="id")
        rows = exported(harbour, tmp_path / "held.jsonl")
        assert [row["id"] for row in rows] == ["•••••", "•••••"], name
        assert [row["price"].strip() for row in rows] == ["seven", "nine"], name
        texts = [row["wharf_raw"] for row in rows]
        assert all("•" in text for text in texts), texts
        assert "x" not in texts[0], name
        write(tmp_path / "fixed.jsonl", [{**rows[0], "price": "7.50"}])
        send_back(harbour, tmp_path / "fixed.jsonl")
        sql = harbour.place.lake.scan_sql("raw.acme_prices")
        found = duckdb.sql(f"select price::varchar from {sql} where id = 'x'").fetchall()
        assert found == [("7.50",)], name


WRONG_INSIDE = {
    "no JSON": ("a, x", "not a list in tags"),
    "another shape": ('{"a": 1}', "not a list in tags"),
}


def test_a_nested_cell_is_filled_in_as_json_and_read_by_the_same_rules(tmp_path: Path) -> None:
    harbour = harbour_of(KINDS["jsonl"], tmp_path / "place")
    rows = exported(harbour, tmp_path / "held.jsonl")
    assert (rows[0]["tags"], rows[0]["size"]) == ('["a","b"]', '{"w":1,"h":2}')
    write(tmp_path / "fixed.jsonl", [
        {**rows[0], "price": "7.50", "size": '{"w": 3, "h": "x"}'},
        {**rows[1], "price": "9", "tags": '["b", null]', "size": ""},
    ])  # fmt: skip
    done = send_back(harbour, tmp_path / "fixed.jsonl")
    assert (done.batch.rows_staged, done.batch.rows_quarantined) == (31, 1)
    assert done.batch.origin["read"]["reasons"] == {
        "size: not a int in size.h (as corrected by hand)": 1
    }
    sql = harbour.place.lake.scan_sql("raw.acme_prices")
    assert duckdb.sql(f"select tags, size from {sql} where id = 'z'").fetchall() == [
        (["b", None], None)
    ]
    for name, (text, why) in WRONG_INSIDE.items():
        harbour.wait(minutes=1)
        write(tmp_path / f"{name}.jsonl", [{**rows[0], "price": "7.50", "tags": text}])
        done = send_back(harbour, tmp_path / f"{name}.jsonl")
        assert [*done.batch.origin["read"]["reasons"]] == [f"{why} (as corrected by hand)"], name
