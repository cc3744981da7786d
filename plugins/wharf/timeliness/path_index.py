"""Which of many feeds and periods a supplier's path belongs to, without trying them all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from wharf.contracts import Feed, Period
from wharf.timeliness.matching import (
    DONE_FLAG,
    Match,
    done_flag_pattern,
    expected_paths,
    match,
)

_PLACEHOLDER = re.compile(r"[{*]")


class PathIndex:
    """The paths that one connection's feeds are looked for under.

    A path without `*` belongs to one period and is found by name; for the others only the feeds
    whose paths begin alike are asked.
    """

    def __init__(self, pairs: Iterable[tuple[Feed, Period]]) -> None:
        self._named: dict[str, list[tuple[Feed, Match]]] = {}
        self._by_head: dict[str, dict[str, Feed]] = {}
        self._periods: set[tuple[str, str]] = set()
        self._patterns: set[str] = set()
        by_feed: dict[str, list[tuple[Feed, Period]]] = {}
        for feed, period in pairs:
            by_feed.setdefault(feed.feed, []).append((feed, period))
            self._periods.add((feed.feed, period.key))
        for own in by_feed.values():
            self._add(own[0][0], [period for _, period in own])
        self._lengths = sorted({len(head) for head in self._by_head})

    @property
    def patterns(self) -> list[str]:
        """What to ask the source for, sorted."""
        return sorted(self._patterns)

    def find(self, path: str) -> Iterator[tuple[Feed, Match]]:
        """The feeds and periods wanted that a path is a file of; any text is safe to pass."""
        yield from self._named.get(path, ())
        heads = (self._by_head.get(path[:length], {}) for length in self._lengths)
        for feed in {name: feed for each in heads for name, feed in each.items()}.values():
            found = match(feed, path)
            if found is not None and (feed.feed, found.period_key) in self._periods:
                yield feed, found

    def _add(self, feed: Feed, periods: list[Period]) -> None:
        named: dict[str, Match] = {}
        count = 0
        for period in periods:
            for part, pattern in expected_paths(feed, period).items():
                is_flag = part == DONE_FLAG
                named[pattern] = Match(period.key, "" if is_flag else part, is_flag)
                count += 1
        self._patterns |= set(named)
        pattern, told = next(iter(named.items()))
        says_itself = len(named) == count and match(feed, pattern) == told
        if says_itself and not any("*" in pattern for pattern in named):
            for pattern, told in named.items():
                self._named.setdefault(pattern, []).append((feed, told))
            return
        for written in (feed.source.path, done_flag_pattern(feed)):
            if written is not None:
                head = _PLACEHOLDER.split(written, maxsplit=1)[0]
                self._by_head.setdefault(head, {})[feed.feed] = feed
