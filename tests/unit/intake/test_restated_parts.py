"""A delivery in parts: each part has versions of its own, a batch is made of all current ones."""

from __future__ import annotations

from pathlib import Path

from harbour import CONTRACT, Harbour

PARTED = CONTRACT.replace(
    'path: "prices_{period:%Y%m%d}*.csv"',
    'path: "prices_{period:%Y%m%d}_{part}.csv", parts: [north, south]',
)


def deliver(harbour: Harbour, part: str, text: str) -> None:
    harbour.deliver(text, f"prices_20261120_{part}.csv")


def test_a_restated_part_makes_a_batch_with_the_current_version_of_the_other(
    tmp_path: Path,
) -> None:
    harbour = Harbour(tmp_path, contract=PARTED)
    deliver(harbour, "north", "id,price\na,1\n")
    deliver(harbour, "south", "id,price\nb,2\n")
    harbour.run()
    harbour.wait(minutes=10)
    deliver(harbour, "north", "id,price\na,9\n")
    harbour.run()
    harbour.wait(minutes=10)
    deliver(harbour, "north", "id,price\na,1\n")
    harbour.run()
    assert harbour.rows() == [("a", "1.00"), ("b", "2.00")]
    made = [
        [(each["part"], each["version"], each["reverts_to"]) for each in row.origin["deliveries"]]
        for row in harbour.batches()
    ]
    assert made == [
        [("north", 1, None), ("south", 1, None)],
        [("north", 2, None), ("south", 1, None)],
        [("north", 3, 1), ("south", 1, None)],
    ]
    assert [row.version for row in harbour.batches()] == [2, 3, 4]
    assert [row.status for row in harbour.batches()] == ["SUPERSEDED", "SUPERSEDED", "PUBLISHED"]
