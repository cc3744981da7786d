from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.timeliness.test_matching import feed

from wharf.contracts import Feed, Period
from wharf.timeliness.matching import Match, match
from wharf.timeliness.path_index import PathIndex


def named(name: str, path: str, kind: str = "day", **source: object) -> Feed:
    return feed(path, kind, **source).model_copy(update={"feed": name})


FEEDS = (
    named("s.plain", "out/plain_{period:%Y%m%d}.csv"),
    named("s.same", "out/plain_{period:%Y%m%d}.csv"),
    named("s.parts", "out/{part}/x_{period:%Y%m%d}.csv", parts=["a", "b"]),
    named("s.flagged", "f_{period:%Y%m%d}_*.csv", done_flag="f_{period:%Y%m%d}.ok"),
    named("s.head", "{period:%Y%m%d}.csv"),
    named("s.week", "w/{period:%G-W%V}.csv", "week"),
    named("s.vague", "v/{period:%d}.csv"),
)
DAYS = [date(2026, 11, 1) + timedelta(days=back) for back in range(40)]
PAIRS = [
    (each, period)
    for each in FEEDS
    for period in sorted({Period.containing(each.period.kind, day) for day in DAYS})
]
paths = st.one_of(
    st.sampled_from(sorted(PathIndex(PAIRS).patterns)).map(lambda p: p.replace("*", "part-7")),
    st.from_regex(r"(out/|w/|v/|f_)?(plain_|x_|a/x_)?2026(10|11|12)[0-3][0-9](_z)?\.(csv|ok)",
                  fullmatch=True),
    st.text(max_size=40),
)  # fmt: skip


def one_by_one(path: str) -> list[tuple[str, Match]]:
    wanted = {(each.feed, period.key) for each, period in PAIRS}
    found = [(each.feed, match(each, path)) for each in FEEDS]
    return sorted(
        (name, told) for name, told in found if told and (name, told.period_key) in wanted
    )


@given(paths)
def test_a_path_is_found_for_the_feeds_that_it_matches_one_by_one(path: str) -> None:
    found = sorted((each.feed, told) for each, told in PathIndex(PAIRS).find(path))
    assert found == one_by_one(path)


def test_a_file_of_two_feeds_counts_for_both() -> None:
    found = {each.feed for each, _ in PathIndex(PAIRS).find("out/plain_20261103.csv")}
    assert found == {"s.plain", "s.same"}


@pytest.mark.parametrize("path", ["out/plain_20250101.csv", "../plain_20261103.csv", "v/03.csv"])
def test_what_no_wanted_period_names_is_not_found(path: str) -> None:
    assert list(PathIndex(PAIRS).find(path)) == []


def test_every_expected_path_is_asked_for() -> None:
    asked = PathIndex(PAIRS).patterns
    assert "out/a/x_20261103.csv" in asked
    assert "f_20261103_*.csv" in asked
    assert "f_20261103.ok" in asked
