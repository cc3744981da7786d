"""Eight publishers at once, one killed and one rolling back: the end is that of some order.

Each snapshot of a table says which batch stood before it. Followed from the first to the last,
they are that order: every publisher found what the one before had left.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from crowd_world import (
    KILLED,
    ROLLING_BACK,
    WRITERS,
    first_of,
    in_order,
    nothing_acknowledged_is_lost,
    readers_see,
    the_ledger_follows,
    work,
)
from lake_world import DAY, Place, deliver, in_children, place_of

DEATH = (
    ("pyiceberg.catalog.sql:SqlCatalog.commit_table", "before"),
    ("pyiceberg.catalog.sql:SqlCatalog.commit_table", "after"),
    ("wharf.lake.catalog:LakeCatalog._write_metadata", "after"),
)


ONE, OWN = "one period", "periods of their own"
SLOW = [
    pytest.param(kind, periods, death, marks=pytest.mark.slow)
    for kind in ("sqlite", "postgres")
    for periods in (ONE, OWN)
    for death in DEATH
]


@pytest.mark.parametrize(
    ("kind", "periods", "death"),
    [("sqlite", ONE, DEATH[0]), ("postgres", OWN, DEATH[1]), *SLOW],
)
def test_eight_publishers_one_killed_and_one_rolling_back_end_as_in_some_order(
    kind: str,
    periods: str,
    death: tuple[str, str],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    for place in place_of(kind, tmp_path, request.getfixturevalue):
        crowd(place, periods, death)


def crowd(place: Place, periods: str, death: tuple[str, str]) -> None:
    of = [DAY if periods == ONE else f"2026-11-{10 + n}" for n in range(WRITERS)]
    for period in dict.fromkeys(of):
        deliver(place, 1, period)
    codes = in_children(work, [(place, n, of[n], death) for n in range(WRITERS)])
    assert [n for n, code in enumerate(codes) if code] in ([KILLED], [])
    assert set(codes) <= {0, -9}
    readers_see(place, in_order(place))
    nothing_acknowledged_is_lost(place)
    work(place, WRITERS, of[KILLED], death)
    stands = in_order(place)
    readers_see(place, stands)
    the_ledger_follows(place)
    if periods == OWN:
        assert codes[KILLED] == -9
        assert stands[of[ROLLING_BACK]] == first_of(place, of[ROLLING_BACK])
