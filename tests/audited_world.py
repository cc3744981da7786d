"""Nine days of a feed, and a cut file on the tenth: audits with a past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.harbour import CONTRACT, SUITE, Harbour
from wharf.errors import AuditFailed

FIRST = datetime(2026, 11, 2, tzinfo=UTC)
SECRET = """
  tax_code: {type: string, sensitive: true}
period:"""
NOTED = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "price", "max_value": 100},
    "severity": "warning",
}
NO_TAX = {
    "type": "expect_column_values_to_match_regex",
    "kwargs": {"column": "tax_code", "regex": "^none$"},
    "severity": "warning",
}


def audited_days(root: Path) -> Harbour:
    """Nine days of thirty prices, of which the last three hold two dear ones; then a cut file."""
    contract = CONTRACT.replace("2026-11-16", "2026-11-02").replace("\nperiod:", SECRET)
    contract += "quality: {volume: critical}\n"
    here = Harbour(root, contract=contract, day="2026-11-02")
    here.write_suite({**SUITE, "expectations": [*SUITE["expectations"], NOTED, NO_TAX]})  # type: ignore[misc]
    for number in range(9):
        deliver(here, number, 30, dear=2 if number > 5 else 0)
        here.run()
    deliver(here, 9, 1, dear=0)
    with pytest.raises(AuditFailed, match="1 row; usually 30"):
        here.run()
    return here


def deliver(here: Harbour, number: int, rows: int, dear: int) -> None:
    at = FIRST + timedelta(days=number)
    here.day, here.now = f"{at:%Y-%m-%d}", at + timedelta(hours=7)
    prices = [f"k{n},{1000 if n < dear else n}.00,secret-{n}" for n in range(rows)]
    text = "id,price,tax_code\n" + "\n".join(prices) + "\n"
    here.deliver(text, f"prices_{at:%Y%m%d}.csv")
