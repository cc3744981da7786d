"""Two watches at once, and a ledger that is lost in the middle: no message twice, no row wrong."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from two_watches import LATER, MINUTES, ends, make_world, told, watch_beside

_numbers = itertools.count()
Address = Callable[[Path], str]


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest) -> Address:
    """Gives the address of a new ledger, over each database it runs on."""
    if request.param == "sqlite":
        return lambda root: f"sqlite:///{root}/ledger.db"
    cluster = request.getfixturevalue("postgres")
    return lambda root: str(cluster.create_database(f"watches_{next(_numbers)}"))


def test_two_watches_at_once_tell_and_write_what_one_would(
    address: Address, tmp_path: Path
) -> None:
    found = {}
    for count in (1, 2):
        root = tmp_path / str(count)
        url = address(root)
        world = make_world(root, url)
        world.look()
        codes = watch_beside(root, url, count, [*MINUTES, *LATER])
        assert codes == [0] * count
        found[count] = (ends(world), told(root), sorted(p.name for p in root.glob("run-*")))
    (alone, heard, runs), (beside, both_heard, both_runs) = found[1], found[2]
    assert {row[2] for row in alone["rows"]} >= {"MISSING"}
    assert len(heard) >= 5
    assert beside["rows"] == alone["rows"]
    assert beside["changes"] == alone["changes"]
    assert beside["lives"] == alone["lives"]
    assert max(Counter(both_heard).values()) == 1
    assert len(both_heard) == len(heard)
    assert both_runs == runs
