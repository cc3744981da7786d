"""Suggestions: the deadlines, seasons and holidays a past speaks for. Proposals, never changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

from wharf.timeliness.deadline import TermsProposal, suggest_terms
from wharf.timeliness.habits import Came, History, alike, came_of
from wharf.timeliness.seasons import MANY, LateTogether, Season, late_together, seasons

__all__ = ["Came", "History", "Suggestions", "suggest", "suggest_terms"]


@dataclass(frozen=True)
class Suggestions:
    """All that the past of some feeds speaks for."""

    terms: Mapping[str, TermsProposal]
    """By feed; feeds with too short a past are not among them."""
    shared: tuple[tuple[int, TermsProposal], ...]
    """For each set of terms that three feeds or more have: how many feeds, and one for all."""
    seasons: tuple[Season, ...]
    """Common to all feeds."""
    own_seasons: Mapping[str, tuple[Season, ...]]
    """By feed, those beyond the common ones."""
    holidays: tuple[LateTogether, ...]

    def sentences(self) -> tuple[str, ...]:
        """One line for each proposal, the ones about all feeds first."""
        common = [
            *map(str, self.seasons),
            *map(str, self.holidays),
            *(f"{feeds} feeds alike: {each}" for feeds, each in self.shared),
        ]
        own = [
            f"{feed}: {each}"
            for feed in sorted({*self.terms, *self.own_seasons})
            for each in (*self.own_seasons.get(feed, ()), *self._changes(feed))
        ]
        return tuple(common + own)

    def _changes(self, feed: str) -> tuple[TermsProposal, ...]:
        found = self.terms.get(feed)
        return (found,) if found is not None and found.verdict != "keep" else ()


def suggest(histories: Iterable[History]) -> Suggestions:
    """Everything that the past of some feeds speaks for.

    Deadlines are proposed without the seasons and days that are proposed to be closed.
    """
    known = sorted((each for each in histories if each.came), key=lambda each: each.feed)
    common: list[Season] = []
    open_: list[History] = []
    for group in _of_one_kind(known):
        found = seasons(group) if len(group) >= MANY else ()
        common += [each for each in found if each not in common]
        open_ += [without(each, found) for each in group]
    apart = {each.feed: seasons([each]) for each in open_}
    holidays = late_together(open_)
    closed = frozenset(each.day for each in holidays)
    open_ = [without(each, apart[each.feed], closed) for each in open_]
    proposals = {
        each.feed: proposal for each in open_ if (proposal := _propose([each])) is not None
    }
    own = {feed: found for feed, found in apart.items() if found}
    return Suggestions(proposals, _shared(open_), tuple(common), own, holidays)


def _of_one_kind(histories: Iterable[History]) -> list[list[History]]:
    groups: dict[str, list[History]] = {}
    for each in histories:
        groups.setdefault(each.came[0].period.kind, []).append(each)
    return list(groups.values())


def _shared(histories: Sequence[History]) -> tuple[tuple[int, TermsProposal], ...]:
    """One proposal for all feeds that have the same terms, where there are three or more."""
    return tuple(
        (len(group), proposal)
        for group in alike(histories)
        if len(group) >= MANY and (proposal := _propose(group)) and proposal.verdict != "keep"
    )


def _propose(alike_: Sequence[History]) -> TermsProposal | None:
    one = alike_[0]
    return suggest_terms(came_of(alike_), one.terms, one.days, on_holiday=one.on_holiday)


def without(
    history: History, closed: Sequence[Season], days: frozenset[date] = frozenset()
) -> History:
    """A history as if these seasons and due days had been closed."""
    zone = ZoneInfo(history.terms.tz)
    kept = tuple(
        each
        for each in history.came
        if not any(one.first <= each.period.first <= one.last for one in closed)
        and each.due_at.astimezone(zone).date() not in days
    )
    return replace(history, came=kept)
