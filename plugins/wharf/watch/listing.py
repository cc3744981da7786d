"""Listing many connections beside each other: one that does not answer holds no other up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from queue import Empty, SimpleQueue
from threading import Thread

from wharf.errors import SettingsError, SourceError, UnsafePath
from wharf.sources import Seen, Source

AT_ONCE = 8
# Less than the minute after which the next look begins.
ANSWERS_WITHIN = timedelta(seconds=45)
FAULTS = (SourceError, SettingsError, UnsafePath)


@dataclass(frozen=True)
class Asked:
    """One listing to be made."""

    source: Source
    patterns: Sequence[str]


Answer = Sequence[Seen] | Exception


def list_all(
    asked: Mapping[str, Asked], *, at_once: int = AT_ONCE, within: timedelta = ANSWERS_WITHIN
) -> Iterator[tuple[str, Sequence[Seen] | SourceError | SettingsError | UnsafePath]]:
    """List connections, so many at once; gives each as it answers.

    Args:
        asked: What to list, by the connection's id.
        at_once: How many are listed beside each other.
        within: How long one may take. It is given up then, and its place goes to the next one.

    Returns:
        The files seen, or the fault of the look.
    """
    waiting: SimpleQueue[str] = SimpleQueue()
    answered: SimpleQueue[tuple[str, Answer]] = SimpleQueue()
    for name in asked:
        waiting.put(name)

    def work() -> None:
        while True:
            try:
                name = waiting.get_nowait()
            except Empty:
                return
            answered.put((name, _in_time(name, asked[name], within)))

    for _ in range(min(at_once, len(asked))):
        Thread(target=work, daemon=True).start()
    for _ in asked:
        name, answer = answered.get()
        if isinstance(answer, Exception) and not isinstance(answer, FAULTS):
            raise answer
        yield name, answer


def _in_time(name: str, asked: Asked, within: timedelta) -> Answer:
    """One listing in a thread of its own: nothing else ends a call that never returns."""
    answers: SimpleQueue[Answer] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(asked.source.list(asked.patterns))
        except Exception as error:
            answers.put(error)

    Thread(target=ask, name=f"look at {name}", daemon=True).start()
    try:
        return answers.get(timeout=within.total_seconds())
    except Empty:
        seconds = f"{within.total_seconds():g} s"
        return SourceError(f"{name}: the listing did not end within {seconds}; is the host alive?")
