"""`kill -9` of a tick, anywhere: the next ticks leave the rows and messages of an undisturbed one.

The process dies before the n-th statement to the database, for n all through a chain of ticks in
which deliveries become late, are grouped, arrive, are published and told of; or around a message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from lake_world import die_at, in_children
from tick_world import DAYS, FIRST, START, Fact, TickWorld, play

NOON = FIRST + timedelta(hours=12)
STATEMENT = "sqlalchemy.engine.base:Connection.execute"
PIECES = 8
TICKS = [NOON + timedelta(minutes=minutes) for minutes in (20, 21, 23, 61, 62, 64, 121, 125, 160)]
STORY = (
    Fact("acme.prices", DAYS[0], "arrived", NOON + timedelta(hours=1)),
    Fact("acme.prices", DAYS[0], "published", NOON + timedelta(hours=1, minutes=1)),
    Fact("beta.prices", DAYS[0], "empty", NOON + timedelta(hours=1)),
    Fact("acme.stock", DAYS[0], "arrived", NOON + timedelta(hours=2), part=0),
    Fact("acme.stock", DAYS[0], "arrived", NOON + timedelta(hours=2), part=1),
)
AROUND = {
    "before incidents are recorded": ("wharf.watch.evaluate:record_transitions", "before"),
    "recorded, not committed": ("wharf.watch.evaluate:record_transitions", "after"),
    "claimed, not sent": ("wharf.ledger.outbox:claim", "after"),
    "sent, not recorded": ("wharf.ledger.outbox:record_sent", "before"),
    "sent, recorded, not committed": ("wharf.ledger.outbox:record_sent", "after"),
}  # fmt: skip


class End(NamedTuple):
    """What is there when all is over."""

    rows: dict[str, object]
    lives: list[tuple[str, str, list[str]]]
    messages: Counter[tuple[str, str, str, str, str]]
    open_keys: list[str]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A morning at which nothing is late yet."""
    world = TickWorld.make(tmp_path_factory.mktemp("killed") / "template")
    play(TickWorld(world.root), STORY, [START, NOON])
    return world.root


@pytest.fixture(scope="module")
def undisturbed(template: Path) -> End:
    root = template.parent / "undisturbed"
    TickWorld(template).copy_to(root)
    assert in_children(tick_all, [(root,)]) == [0]
    end = end_of(root)
    assert not {status for *_, status in end.messages} & {"QUEUED", "SENDING", "FAILED"}
    assert len(end.lives) > 2
    assert all(count == 1 for count in told(root).values())
    return end


def tick_all(root: Path) -> None:
    """The chain of ticks, as one process does it; what leaves is noted in a file."""
    world = TickWorld(root, is_durable=True, on_send=lambda channel, key: note(root, key))
    for now in TICKS:
        world.tick(now)


def note(root: Path, key: str) -> None:
    with (root / "told.txt").open("a") as file:
        file.write(f"{key}\n")


def told(root: Path) -> Counter[str]:
    path = root / "told.txt"
    return Counter(path.read_text().split() if path.exists() else [])


def tick_and_die(root: Path, where: str, when: str, call: int) -> None:
    die_at(where, when, call)
    tick_all(root)


def count_statements(root: Path) -> None:
    """Say in a file how many statements the chain takes."""
    from sqlalchemy.engine.base import Connection

    original, seen = Connection.execute, [0]

    def counting(*args: object, **kwargs: object) -> object:
        seen[0] += 1
        return original(*args, **kwargs)  # type: ignore[call-overload]

    Connection.execute = counting  # type: ignore[method-assign, assignment]
    tick_all(root)
    (root / "statements").write_text(str(seen[0]))


def end_of(root: Path) -> End:
    world = TickWorld(root, is_durable=True)
    lives = [(each.kind, each.dedup_key, life) for each, life in world.lives()]
    messages = Counter(
        (
            str(each.notice["action"]),
            str(each.notice["kind"]),
            f"{each.notice['feed']} {each.notice['period']}",
            each.channel,
            each.status,
        )
        for each in world.messages()
    )
    return End(world.rows(), sorted(lives), messages, world.open_keys())


def die_and_go_on(template: Path, name: str, points: Sequence[tuple[str, str, int]]) -> Path:
    root = template.parent / name
    TickWorld(template).copy_to(root)
    for point in points:
        assert in_children(tick_and_die, [(root, *point)]) == [-9], point
    assert in_children(tick_all, [(root,)]) == [0]
    return root


@pytest.mark.slow
@pytest.mark.parametrize("piece", range(PIECES))
def test_a_tick_killed_at_any_statement_changes_nothing_in_the_end(
    piece: int, template: Path, undisturbed: End
) -> None:
    counted = template.parent / "counted"
    if not counted.exists():
        TickWorld(template).copy_to(counted)
        assert in_children(count_statements, [(counted,)]) == [0]
    statements = int((counted / "statements").read_text())
    call = 1 + piece * (statements - 1) // PIECES
    root = die_and_go_on(template, "any", [(STATEMENT, "before", call), (STATEMENT, "after", 3)])
    assert end_of(root) == undisturbed
    assert set(told(root)) == set(told(template.parent / "undisturbed"))


@pytest.mark.slow
@pytest.mark.parametrize(("where", "when"), AROUND.values(), ids=AROUND)
def test_a_tick_killed_around_a_message_sends_at_most_one_again(
    where: str, when: str, template: Path, undisturbed: End
) -> None:
    root = die_and_go_on(template, "around", [(where, when, 1)])
    assert end_of(root) == undisturbed
    again = [key for key, count in told(root).items() if count > 1]
    assert set(told(root)) == set(told(template.parent / "undisturbed"))
    assert len(again) == (1 if "record_sent" in where else 0)
    assert max(told(root).values()) <= 2
