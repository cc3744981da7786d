"""The board as values: cells in full, and the line of each feed as a row of letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from wharf.board import marks
from wharf.board.marks import ALL, NOTHING, Mark
from wharf.board.words import span

SHOWN_EARLIER = 3


@dataclass(frozen=True)
class Cell:
    """One feed, one period, as of this second."""

    feed: str
    period: str
    timeliness: str
    delivery: str
    reason: str
    late_by_s: float | None
    is_closed: bool
    """Whether the calendar expects nothing, as against a person."""
    due_at: datetime
    tz: str
    label: str = ""
    """The period, where the column does not say it."""

    @cached_property
    def mark(self) -> Mark:
        """Its letter, with what that means."""
        return ALL[marks.code_of(self.timeliness, self.delivery, not self.is_closed)]

    @property
    def words(self) -> str:
        """The state in a word or two."""
        if self.late_by_s:
            if self.timeliness == "LATE":
                return f"late {span(self.late_by_s)}"
            if self.timeliness == "LATE_ARRIVED":
                return f"came {span(self.late_by_s)} late"
        return self.mark.words


@dataclass(frozen=True)
class Line:
    """One feed: a letter for each column, worst first where periods share a day."""

    feed: str
    supplier_id: str
    supplier: str
    about: str
    codes: str
    days: Sequence[date]
    """The columns' days, the same for all lines."""
    keys: Mapping[int, str]
    """Periods by column, where a period's key is not the column's day."""
    hidden: Mapping[int, Sequence[tuple[str, str]]]
    """(period, letter) of what shares a column with something as bad or worse."""
    earlier: Sequence[tuple[str, str]]
    """(period, letter) of what is older than the columns and still matters."""
    is_broken: bool = False
    orphaned: str = ""
    is_trial: bool = False

    @cached_property
    def all_codes(self) -> str:
        """Every letter, oldest first; those that share a column come first of all."""
        hidden = "".join(code for shared in self.hidden.values() for _, code in shared)
        old = "".join(code for _, code in self.earlier)
        return hidden + old + self.codes.replace(NOTHING, "")

    @property
    def last_earlier(self) -> Sequence[tuple[str, str]]:
        """The last few of what is older; a list shows them all."""
        return self.earlier[-SHOWN_EARLIER:]

    @cached_property
    def worst(self) -> tuple[float, int]:
        """How bad it stands, and how many cells back from the newest that is.

        Later periods weigh more: yesterday's gap is worse than last week's.
        """
        newest_first = self.all_codes[::-1]
        ages = {code: newest_first.index(code) for code in set(newest_first)}
        weights = [(ALL[code].weight / (age + 1), age) for code, age in ages.items()]
        return max(weights, default=(0.0, 0), key=lambda each: (each[0], -each[1]))

    @property
    def weight(self) -> float:
        """How bad it stands, its contract file among the rest."""
        return self.worst[0] + (0.1 if self.is_broken or self.orphaned else 0.0)

    @cached_property
    def telling(self) -> tuple[str, str] | None:
        """(period, letter) of the cell that says most about the feed now; None without any.

        What is long over says less than how the newest period stands.
        """
        older = [each for some in self.hidden.values() for each in some] + list(self.earlier)
        columns = [at for at, code in enumerate(self.codes) if code != NOTHING]
        weight, age = self.worst
        newest_first = self.all_codes[::-1]
        is_news = weight >= 1 or (newest_first and newest_first[age] in marks.OPEN)
        place = len(older) + len(columns) - 1 - (age if is_news else 0)
        if place < 0:
            return None
        if place < len(older):
            return older[place]
        column = columns[place - len(older)]
        return self.period_at(column), self.codes[column]

    @property
    def rate(self) -> float | None:
        """The share of what is judged that came in time."""
        return marks.on_time_rate(self.all_codes)

    def period_at(self, column: int) -> str:
        """The period in a column, the worst one where several share the day."""
        return self.keys.get(column) or self.days[column].isoformat()

    def periods_at(self, column: int) -> list[tuple[str, str]]:
        """Every (period, letter) of a column, worst first."""
        if self.codes[column] == NOTHING:
            return []
        shown = (self.period_at(column), self.codes[column])
        return [shown, *self.hidden.get(column, ())]


@dataclass(frozen=True)
class Group:
    """A supplier with its feeds, rolled up."""

    id: str
    name: str
    lines: Sequence[Line]
    is_open: bool
    """Whether its feeds are shown below it."""

    @cached_property
    def codes(self) -> str:
        """The worst letter of each column."""
        if len(self.lines) == 1:
            return self.lines[0].codes
        columns = zip(*(line.codes for line in self.lines), strict=True)
        return "".join(marks.worst(set(column)) for column in columns)

    @property
    def all_codes(self) -> str:
        """Every letter of every feed."""
        return "".join(line.all_codes for line in self.lines)

    @property
    def weight(self) -> float:
        """As bad as the worst of its feeds."""
        return max(line.weight for line in self.lines)

    @property
    def rate(self) -> float | None:
        """The share of what is judged that came in time."""
        return marks.on_time_rate(self.all_codes)
