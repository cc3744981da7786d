"""How long each phase of a tick took, for its heartbeat: what to look at when ticks grow slow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

_WORTH_TELLING = 0.1


class Phases:
    """Counts from its making, and from the end of each phase to the end of the next."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._last = clock()
        self.seconds: dict[str, float] = {}

    def end(self, name: str) -> None:
        """Say that a phase has ended."""
        now = self._clock()
        self.seconds[name] = (now - self._last).total_seconds()
        self._last = now

    def __str__(self) -> str:
        told = [f"{name} {s:.1f} s" for name, s in self.seconds.items() if s >= _WORTH_TELLING]
        return ", ".join(told)
