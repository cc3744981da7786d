"""`kill -9` at random times and named points, on SQLite and Postgres; more by real/kills.py."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
from killed_at_random import kill_at_random
from killed_cycle import Cycle

KILLS = 25
SEED = 20261120


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_a_feed_killed_at_any_time_tears_nothing_loses_nothing_and_a_retry_ends_it(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    numbers = count()

    def new_place() -> Cycle:
        number, environ = next(numbers), {}
        if database == "postgres":
            url = request.getfixturevalue("postgres").create_database(f"kills_{number}")
            environ = {"WHARF_LEDGER_URL": url, "WHARF_CATALOG_URL": url}
        return Cycle(tmp_path / f"place-{number}", environ)

    figures = kill_at_random(new_place, KILLS, SEED)
    assert figures.total == KILLS
    assert figures.torn == []
    assert figures.lost == []
    assert figures.failed == []
    assert figures.differ == []
    assert figures.recovered > 0
