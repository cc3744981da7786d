"""Publishers at once in processes of their own, and the order in which they came through."""

from __future__ import annotations

from lake_world import NOW, TABLE, Place, accounts, deliver, die_at, open_batches

from wharf.errors import PublishRefused
from wharf.ledger import batches as rows

WRITERS, TURNS = 8, 3
KILLED, ROLLING_BACK = 3, 5


def work(place: Place, number: int, period: str, death: tuple[str, str]) -> None:
    """Deliver a few versions, noting each that was acknowledged; one dies, one rolls back."""
    if number == KILLED:
        die_at(*death, call=2)
    for turn in range(TURNS):
        version = 2 + turn * WRITERS + number
        try:
            batch_id = deliver(place, version, period)
        except PublishRefused:
            continue
        acknowledge(place, f"publish {period} {batch_id}")
        if number == ROLLING_BACK:
            roll_back(place, period)


def roll_back(place: Place, period: str) -> None:
    verbs = open_batches(place)
    first = first_of(place, period)
    verbs.rollback(TABLE, period, to=first, by="ann", reason="wrong", now=NOW)
    acknowledge(place, f"rollback {period} {first}")


def first_of(place: Place, period: str) -> str:
    with open_batches(place).ledger.read() as tx:
        return str(rows.publishes_of(tx, TABLE, period)[0].batch_id)


def acknowledge(place: Place, line: str) -> None:
    assert place.folder is not None
    with (place.folder.parent / "acknowledged").open("a") as file:
        file.write(f"{line}\n")


def in_order(place: Place) -> dict[str, str]:
    """Follow the snapshots; gives where they lead, once each found what the last one left."""
    stands: dict[str, str] = {}
    for each in place.open().history(TABLE):
        assert each.period is not None
        assert each.batch_id is not None
        assert each.properties.get("previous", "") == stands.get(each.period, "")
        stands[each.period] = each.batch_id
    return stands


def nothing_acknowledged_is_lost(place: Place) -> None:
    assert place.folder is not None
    lines = (place.folder.parent / "acknowledged").read_text().splitlines()
    lake = place.open()
    moved = {f"{each.action} {each.period} {each.batch_id}" for each in lake.history(TABLE)}
    published = {line.removeprefix("rollback ").removeprefix("publish ") for line in lines}
    # A rollback to what stands already makes no snapshot.
    assert published <= {each.partition(" ")[2] for each in moved}
    assert {line for line in lines if line.startswith("publish")} <= moved


def the_ledger_follows(place: Place) -> None:
    verbs = open_batches(place)
    verbs.repair(TABLE)
    with verbs.ledger.read() as tx:
        told = [each.snapshot_id for each in rows.publishes_of(tx, TABLE)]
    assert sorted(told) == sorted(each.snapshot_id for each in place.open().history(TABLE))


def readers_see(place: Place, stands: dict[str, str]) -> None:
    lake = place.open()
    assert lake.current(TABLE) == stands
    versions: dict[str, int] = {}
    with open_batches(place).ledger.read() as tx:
        for period, batch_id in stands.items():
            row = rows.batch(tx, batch_id)
            assert row is not None
            versions[period] = row.version
    expected = [(p, f"v{versions[p]} {each}") for p in sorted(versions) for each in "ab"]
    assert accounts(lake) == expected
