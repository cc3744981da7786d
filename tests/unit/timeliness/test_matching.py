from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.contracts import Feed, Period
from wharf.timeliness.matching import DONE_FLAG, expected_paths, match, path_problems


def feed(path: str, kind: str = "day", **source: Any) -> Feed:
    return Feed.model_validate(
        {
            "feed": "acme.positions",
            "active": {"from": Period.containing(kind, date(2026, 11, 2)).key},
            "table": "raw.acme_positions",
            "supplier": {"id": "acme"},
            "source": {"kind": "local", "connection": "inbox", "path": path, **source},
            "format": {"kind": "csv"},
            "columns": {},
            "period": {"kind": kind},
            "timeliness": {
                "tz": "UTC",
                "opens": "T 00:00",
                "due": "T 12:00",
                "cutoff": "T+1d 12:00",
            },
        }
    )


PARTED = feed(
    "out/pos_{period:%Y%m%d}_{part}.csv.gz",
    parts=["a", "b", "ab"],
    done_flag="pos_{period:%Y%m%d}.ok",
)


@pytest.mark.parametrize(
    ("path", "kind", "name", "key"),
    [
        pytest.param("p_{period:%Y%m%d}.csv", "day", "p_20261120.csv", "2026-11-20", id="day"),
        pytest.param("out/p_{period:%Y%m%d}*.csv", "day", "out/p_20261120.csv", "2026-11-20",
                     id="star stands for nothing"),
        pytest.param("out/p_{period:%Y%m%d}*.csv", "day", "out/p_20261120_v2.csv", "2026-11-20",
                     id="star stands for text"),
        pytest.param("{period:%Y}/d_{period:%Y%m%d}.parquet", "day", "2026/d_20261120.parquet",
                     "2026-11-20", id="year twice"),
        pytest.param("{period:%Y}/{period:%m}/{period:%d}.csv", "day", "2026/11/20.csv",
                     "2026-11-20", id="a folder each"),
        pytest.param("p_{period:%d%b%Y}.csv", "day", "p_20Nov2026.csv", "2026-11-20", id="names"),
        pytest.param("p_{period:%y%j}.csv", "day", "p_26324.csv", "2026-11-20", id="day of year"),
        pytest.param("p_{period}.csv", "day", "p_2026-11-20.csv", "2026-11-20", id="bare key"),
        pytest.param("p_{period:%G-W%V}.csv", "week", "p_2026-W53.csv", "2026-W53", id="iso week"),
        pytest.param("p_{period:%Y%m%d}.csv", "week", "p_20261116.csv", "2026-W47", id="monday"),
        pytest.param("p_{period_end:%Y%m%d}.csv", "week", "p_20261122.csv", "2026-W47",
                     id="sunday of a week"),
        pytest.param("p_{period:%Y%m%d}-{period_end:%Y%m%d}.csv", "month",
                     "p_20261101-20261130.csv", "2026-11", id="first and last day"),
        pytest.param("p_{period}.csv", "quarter", "p_2026-Q4.csv", "2026-Q4", id="quarter key"),
        pytest.param("sales_{period:%Y}.xlsx", "year", "sales_2013.xlsx", "2013", id="year"),
        pytest.param("h_{period:%Y%m%dT%H}.csv", "hour", "h_20261120T06.csv", "2026-11-20T0600Z",
                     id="hour"),
        pytest.param("a+b (1)_{period:%Y%m%d}.csv", "day", "a+b (1)_20261120.csv", "2026-11-20",
                     id="literals are literal"),
    ],
)  # fmt: skip
def test_path_tells_its_period(path: str, kind: str, name: str, key: str) -> None:
    found = match(feed(path, kind), name)
    assert found is not None
    assert (found.period_key, found.part, found.is_done_flag) == (key, "", False)


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        pytest.param("p_{period:%Y%m%d}.csv", "day", "p_20261320.csv", id="no such month"),
        pytest.param("p_{period:%Y%m%d}.csv", "day", "p_20260230.csv", id="no such day"),
        pytest.param("p_{period:%Y%m%d}.csv", "day", "p_2026112.csv", id="a digit short"),
        pytest.param("p_{period:%Y%m%d}.csv", "day", "p_٢٠٢٦١١٢٠.csv", id="digits of other script"),
        pytest.param("p_{period:%Y%m%d}.csv", "day", "p_20261120.csv\n", id="trailing newline"),
        pytest.param("p_{period:%Y%m%d}.csv", "day", "p_20261120xcsv", id="dot is a dot"),
        pytest.param("p_{period:%Y%m%d}.csv", "day", "x/p_20261120.csv", id="another folder"),
        pytest.param("p_{period:%Y%m%d}*.csv", "day", "p_20261120/x.csv", id="star in one segment"),
        pytest.param("*/p_{period:%Y%m%d}.csv", "day", "../p_20261120.csv", id="parent folder"),
        pytest.param("*/p_{period:%Y%m%d}.csv", "day", "a\\b/p_20261120.csv", id="backslash"),
        pytest.param("{period:%Y}/d_{period:%Y%m%d}.csv", "day", "2025/d_20261120.csv",
                     id="two years that differ"),
        pytest.param("p_{period:%Y%m%d}.csv", "week", "p_20261117.csv", id="not the first day"),
        pytest.param("p_{period:%G-W%V}.csv", "week", "p_2025-W53.csv", id="no such week"),
        pytest.param("p_{period:%Y%m%d}-{period_end:%Y%m%d}.csv", "month",
                     "p_20261101-20261129.csv", id="not the last day"),
        pytest.param("p_{period}.csv", "quarter", "p_2026-Q5.csv", id="no such quarter"),
        pytest.param("p_{period:%Y%m%d}*.csv", "day", "p_20261120" + "x" * 2000, id="long"),
    ],
)  # fmt: skip
def test_foreign_or_hostile_path_is_no_file_of_the_feed(path: str, kind: str, name: str) -> None:
    assert match(feed(path, kind), name) is None


@pytest.mark.parametrize(
    ("name", "part", "is_flag"),
    [
        pytest.param("out/pos_20261120_a.csv.gz", "a", False, id="part a"),
        pytest.param("out/pos_20261120_ab.csv.gz", "ab", False, id="part ab is not part a"),
        pytest.param("out/pos_20261120.ok", "", True, id="the flag lies beside the files"),
    ],
)
def test_path_tells_its_part(name: str, part: str, is_flag: bool) -> None:
    found = match(PARTED, name)
    assert found is not None
    assert (found.period_key, found.part, found.is_done_flag) == ("2026-11-20", part, is_flag)


def test_unknown_part_is_no_file_of_the_feed() -> None:
    assert match(PARTED, "out/pos_20261120_c.csv.gz") is None


def test_expected_paths_name_each_part_and_the_flag() -> None:
    assert expected_paths(PARTED, Period.parse("day", "2026-11-20")) == {
        "a": "out/pos_20261120_a.csv.gz",
        "b": "out/pos_20261120_b.csv.gz",
        "ab": "out/pos_20261120_ab.csv.gz",
        DONE_FLAG: "out/pos_20261120.ok",
    }


def test_flag_with_a_folder_of_its_own_stays_there() -> None:
    flagged = feed("out/p_{period:%Y%m%d}.csv", done_flag="flags/{period:%Y%m%d}.ok")
    paths = expected_paths(flagged, Period.parse("day", "2026-11-20"))
    assert paths[DONE_FLAG] == "flags/20261120.ok"


@pytest.mark.parametrize("where", ["arrival", "column"])
def test_a_period_that_stands_elsewhere_than_in_the_path_is_refused(where: str) -> None:
    with pytest.raises(ValueError, match=f"{where} is not read: .* Write .period.* in path"):
        feed("p_{period:%Y%m%d}.csv", period_from=where)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param(feed("p_{period:%Y%m%d}.csv"), [], id="clear"),
        pytest.param(PARTED, [], id="parts and flag"),
        pytest.param(feed("p_{period:%m%d}.csv"), ["no period", "no period"], id="no year"),
        pytest.param(feed("p_{period:%Y}.csv"), ["2026-01-01", "2026-01-01"], id="only a year"),
        pytest.param(feed("p_{period:%s}.csv"), ["%s cannot be read"], id="unknown directive"),
        pytest.param(
            feed(
                "p_{period:%Y%m%d}_{part}.csv", parts=["a"], done_flag="{period:%Y%m%d}_{part}.ok"
            ),
            ["one flag stands for all parts"],
            id="a flag for each part",
        ),
    ],
)
def test_paths_that_cannot_be_told_apart_are_named(spec: Feed, said: list[str]) -> None:
    problems = path_problems(spec)
    assert len(problems) == len(said)
    assert all(part in problem for part, problem in zip(said, problems, strict=True))


@given(
    st.sampled_from(
        [
            ("day", "p_{period:%Y%m%d}_*.csv"),
            ("day", "{period:%Y}/{period:%j}.csv"),
            ("week", "p_{period:%G%V}.csv"),
            ("week", "p_{period_end:%Y-%m-%d}.csv"),
            ("month", "p_{period:%Y%m}_{period_end:%d}.csv"),
            ("quarter", "p_{period}.csv"),
            ("year", "p_{period:%Y}.csv"),
        ]
    ),
    st.dates(date(1990, 1, 1), date(2090, 1, 1)),
)
def test_every_expected_path_reads_back_as_its_period(written: tuple[str, str], day: date) -> None:
    kind, path = written
    period = Period.containing(kind, day)
    spec = feed(path, kind)
    (pattern,) = expected_paths(spec, period).values()
    found = match(spec, pattern.replace("*", "v2"))
    assert found is not None
    assert found.period_key == period.key


@given(st.text() | st.from_regex(r"p_[0-9]{8}.*\.csv"))
def test_any_text_is_safe_to_match(name: str) -> None:
    found = match(feed("p_{period:%Y%m%d}*.csv"), name)
    assert found is None or Period.parse("day", found.period_key).key == found.period_key
