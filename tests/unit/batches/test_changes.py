"""Two batches of a table, compared row by row, against a comparison in plain Python."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import polars
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wharf.batches.changes import Changes, changes
from wharf.lake import Batch, Lake, new_batch_id
from wharf.reading.shapes import HIDDEN

AT = datetime(2026, 11, 20, tzinfo=UTC)
Row = tuple[int | None, str | None, float | None]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    root: Path = tmp_path_factory.mktemp("lake")
    return Lake(f"sqlite:///{root}/catalog.db", f"file://{root}/lake")


def staged(lake: Lake, rows: list[Row], columns: tuple[str, ...] = ("id", "name", "new")) -> Batch:
    types = dict(zip(columns, ("long", "string", "double"), strict=True))
    kinds = {"long": polars.Int64, "string": polars.String, "double": polars.Float64}
    schema = {name: kinds[kind] for name, kind in types.items()}
    table = polars.DataFrame(rows, schema=schema, orient="row").to_arrow()
    table = table.append_column("_period", [["p"] * len(rows)])
    types["_period"] = "string"
    empty = Batch(new_batch_id(AT), "raw.x", "p", (), 0, lake.columns_for("raw.x", types))
    return lake.write_batch(lake.stage_rows(empty, table))


VALUE = st.tuples(
    st.sampled_from([1, 2, 3, None]),
    st.sampled_from(["a", "b", "", None]),
    st.sampled_from([0.5, 1.5, None]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(VALUE, max_size=6), st.lists(VALUE, max_size=6))
def test_rows_differ_as_a_comparison_one_by_one_finds(
    lake: Lake, was: list[Row], now: list[Row]
) -> None:
    found = changes(lake, staged(lake, was), staged(lake, now), ["id"])
    gone, new = Counter(was) - Counter(now), Counter(now) - Counter(was)
    keys = [Counter(row[0] for row in each.elements()) for each in (gone, new)]
    paired = [key for key in keys[0] if keys[0][key] == 1 == keys[1][key]]
    counted = (found.added, found.removed, found.changed)
    assert counted == (new.total() - len(paired), gone.total() - len(paired), len(paired))
    whole = changes(lake, staged(lake, was), staged(lake, now), [])
    assert (whole.added, whole.removed, whole.changed) == (new.total(), gone.total(), 0)
    assert found.is_empty == (Counter(was) == Counter(now))


def compare(lake: Lake, **more: object) -> Changes:
    was = staged(lake, [(1, "ann", 1.0), (2, "bob", 2.0), (3, "cy", 3.0)])
    now = staged(lake, [(1, "ann", 1.0), (2, "rob", 2.5), (4, "dee", 4.0)])
    return changes(lake, was, now, ["id"], **more)  # type: ignore[arg-type]


def test_each_cell_that_differs_is_told_before_and_after(lake: Lake) -> None:
    found = compare(lake)
    [row] = found.rows_changed
    assert (row.key, row.cells) == ({"id": 2}, {"name": ("bob", "rob"), "new": (2.0, 2.5)})
    assert found.by_column == {"name": 1, "new": 1}
    assert [each["id"] for each in (*found.rows_added, *found.rows_removed)] == [4, 3]


def test_values_of_sensitive_columns_are_hidden_but_not_that_they_differ(lake: Lake) -> None:
    found = compare(lake, sensitive={"name"})
    assert found.by_column == {"name": 1, "new": 1}
    assert found.rows_changed[0].cells["name"] == (HIDDEN, HIDDEN)
    assert not {"bob", "rob", "cy", "dee"} & set(str(found).replace("'", " ").split())


def test_a_column_that_came_is_named_and_not_compared(lake: Lake) -> None:
    was = staged(lake, [(1, "a", 1.0)])
    now = staged(lake, [(1, "a", 1.0)], ("id", "name", "fresh"))
    found = changes(lake, was, now, ["id"])
    assert (found.columns_added, found.columns_removed) == (("fresh",), ("new",))
    assert found.is_empty
