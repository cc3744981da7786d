"""The whole way of a table on a REST catalog and on S3, in short.

The long suite, test_lake_behaviors.py, runs there by `make test-all`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lake_world import (
    COLUMNS,
    DAY,
    NEXT_DAY,
    TABLE,
    Place,
    accounts,
    in_children,
    place_of,
    publish_some,
    read,
    stage,
)

RENAMED = {"account": "string", "price": "decimal(12, 2)", "zone": "string", "_period": "string"}


@pytest.fixture(params=["rest", "sqlite on s3", "rest on s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    yield from place_of(request.param, tmp_path, request.getfixturevalue)


def test_a_table_is_filled_evolved_anchored_emptied_and_read_as_it_was(place: Place) -> None:
    lake = place.open()
    first = stage(lake, [("a", 1)])
    then = lake.publish(first, {"by": "run"})
    lake.tag(TABLE, "anchor/1/model", then)
    assert lake.publish(first, {}) == then
    renamed = stage(
        lake, [("b", 2, "x")], NEXT_DAY, columns=RENAMED, formerly={"price": ["amount"]}
    )
    assert lake.check(renamed) == []
    lake.publish(renamed, {})
    rows = read(lake, f"(SELECT account, price::INT, zone FROM {lake.scan_sql(TABLE)})")
    assert rows == [("a", 1, None), ("b", 2, "x")]
    lake.publish(stage(lake, []), {})
    assert accounts(lake) == [(NEXT_DAY, "b")]
    lake.publish(first, {"action": "rollback"})
    lake.remove(TABLE, NEXT_DAY, {})
    assert accounts(lake) == [(DAY, "a")]
    assert lake.expire(TABLE, keep=1) == 3
    tagged = lake.snapshot_at(TABLE, "anchor/1/model")
    was = read(lake, f"(DESCRIBE SELECT * FROM {lake.scan_sql(TABLE, snapshot_id=tagged)})")
    assert {row[0] for row in was} == set(COLUMNS)
    assert [each.action for each in place.open().history(TABLE)] == ["publish", "remove"]


def test_two_processes_publish_into_one_table(place: Place) -> None:
    calls = [(place, period, 1, False) for period in (DAY, NEXT_DAY)]
    assert in_children(publish_some, calls) == [0, 0]
    assert accounts(place.open()) == [(DAY, f"{DAY} 0"), (NEXT_DAY, f"{NEXT_DAY} 0")]
