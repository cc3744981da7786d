"""Splits cover every row group once, and no split is far from the planned size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wharf.scoring.splits import FEWEST_ROWS, MOST_ROWS, SourceFile, plan_splits

GROUPS = st.lists(st.lists(st.integers(0, 1_200_000), max_size=40), max_size=6)


@given(GROUPS, st.integers(1, 64))
def test_every_row_group_with_rows_is_in_exactly_one_split(
    groups: list[list[int]], slots: int
) -> None:
    sources = [SourceFile(f"f{at}", "b", tuple(one)) for at, one in enumerate(groups)]
    splits = plan_splits(sources, slots=slots)
    assert [split.index for split in splits] == list(range(len(splits)))
    assert sum(split.rows for split in splits) == sum(sum(one) for one in groups)
    for source in sources:
        covered = [
            at
            for split in splits
            if split.uri == source.uri
            for at in range(split.first_group, split.end_group)
        ]
        assert len(covered) == len(set(covered))
        assert all(at in covered for at, rows in enumerate(source.groups) if rows)


def test_small_file_is_one_split() -> None:
    assert len(plan_splits([SourceFile("f", "b", (100_000,) * 3)], slots=16)) == 1


def test_large_file_is_cut_where_its_row_groups_end() -> None:
    splits = plan_splits([SourceFile("f", "b", (122_880,) * 80)], slots=2)
    assert len(splits) == 8
    assert {split.rows for split in splits} == {1_228_800}


def test_no_split_is_larger_than_the_limit_but_by_one_row_group() -> None:
    splits = plan_splits([SourceFile("f", "b", (122_880,) * 1000)], slots=1)
    assert all(FEWEST_ROWS <= split.rows <= MOST_ROWS + 122_880 for split in splits)


def test_nothing_to_score_is_no_split() -> None:
    assert plan_splits([SourceFile("f", "b", ())], slots=2) == ()
    assert plan_splits([], slots=2) == ()
