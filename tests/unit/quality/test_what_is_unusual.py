"""Findings beside the suite: what differs from the feed's own past, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from wharf.contracts import Period
from wharf.contracts.quality import Quality
from wharf.quality import ColumnProfile, Odd, Past, Profile, odd_things
from wharf.quality.bands import band, unusual
from wharf.quality.strata import strata_of

MONDAY = date(2026, 6, 1)


def day(number: int) -> Period:
    return Period.containing("day", MONDAY + timedelta(days=number))


def days(rows: Sequence[int]) -> list[Past]:
    return [Past(day(number), Profile(count)) for number, count in enumerate(rows)]


def judge(rows: int, past: Sequence[Past], rules: Quality | None = None) -> list[Odd]:
    return odd_things(Profile(rows), day(len(past)), past, rules or Quality())


def column(**given: object) -> ColumnProfile:
    return ColumnProfile(**{"kind": "number", "nulls": 0.0, **given})  # type: ignore[arg-type]


def weeks(count: int) -> list[int]:
    """Busy working days, quiet weekends, none like the other."""
    return [(2500 + 17 * (n % 11)) if n % 7 < 5 else (400 + 9 * (n % 5)) for n in range(7 * count)]


def test_a_cut_file_is_told_with_what_is_usual_on_its_weekday() -> None:
    (found,) = judge(9, days(weeks(12)[:-1]))
    assert found.kind == "volume"
    assert found.severity == "warning"
    assert found.message.startswith("9 rows; usually 40")
    assert found.message.endswith(" on Sundays")
    assert found.n == 11


def test_a_quiet_sunday_is_usual_and_a_quiet_monday_is_not() -> None:
    rows = weeks(12)
    assert judge(405, days(rows[:-1])) == []
    assert [each.kind for each in judge(405, days(rows))] == ["volume"]


def test_a_busy_month_end_is_compared_with_month_ends() -> None:
    def rows(at: Period) -> int:
        return 9000 if strata_of(at)[0] == "month-ends" else 1000 + at.first.day

    last = next(n for n in range(330, 400) if strata_of(day(n))[0] == "month-ends")
    past = [Past(day(n), Profile(rows(day(n)))) for n in range(last)]
    assert odd_things(Profile(9100), day(last), past, Quality()) == []
    (found,) = odd_things(Profile(1015), day(last), past, Quality())
    assert found.message == "1,015 rows; usually 9,000 on month-ends"
    assert [e.kind for e in odd_things(Profile(9100), day(last + 1), past, Quality())] == ["volume"]


def test_what_grows_every_day_is_not_unusual_for_being_the_largest() -> None:
    grown = [1000 + 40 * n for n in range(80)]
    assert all(judge(grown[n], days(grown[:n])) == [] for n in range(8, 80))
    doubled = [int(10 * 1.3**n) for n in range(40)]
    assert all(judge(doubled[n], days(doubled[:n])) == [] for n in range(8, 40))


def test_too_short_a_past_says_nothing() -> None:
    assert judge(1, days([1000] * 6)) == []
    assert len(judge(1, days([1000] * 7))) == 1


def test_only_earlier_periods_count_and_of_one_period_the_last() -> None:
    past = days([1000] * 20)
    later = [Past(day(30 + n), Profile(5)) for n in range(20)]
    again = [Past(day(n), Profile(50)) for n in range(20)]
    assert len(odd_things(Profile(5), day(20), [*past, *later], Quality())) == 1
    assert odd_things(Profile(50), day(20), [*past, *again], Quality()) == []


def test_a_contract_says_how_severe_and_gives_limits() -> None:
    past = days([1000] * 20)
    assert judge(9, past, Quality(volume="off")) == []  # type: ignore[arg-type]
    (found,) = judge(9, past, Quality(volume="critical"))  # type: ignore[arg-type]
    assert found.severity == "critical"
    rules = Quality.model_validate({"volume": {"min": 100, "max": 200}, "nulls": {"max": 0.1}})
    (few,) = odd_things(Profile(9), day(0), (), rules)
    assert few.message == "9 rows; the contract says at least 100"
    (many,) = odd_things(Profile(201), day(0), (), rules)
    assert many.message == "201 rows; the contract says at most 200"
    empty = Profile(150, columns={"fare": column(nulls=0.25)})
    (found,) = odd_things(empty, day(0), (), rules)
    assert found.message == "empty cells in fare: 25 %; the contract says at most 10 %"


def test_limits_out_of_order_are_refused() -> None:
    with pytest.raises(ValidationError, match="min is 5, more than max, which is 4"):
        Quality.model_validate({"volume": {"min": 5, "max": 4}})
    with pytest.raises(ValidationError, match="min_history is 90"):
        Quality(min_history=90)


def test_cells_that_turn_empty_are_a_finding_and_a_few_more_are_none() -> None:
    past = [Past(day(n), Profile(2000, columns={"fare": column(nulls=0.01 + n % 3 / 100)}))
            for n in range(20)]  # fmt: skip
    calm = Profile(2000, columns={"fare": column(nulls=0.05)})
    assert odd_things(calm, day(20), past, Quality()) == []
    (found,) = odd_things(
        Profile(2000, columns={"fare": column(nulls=0.4)}), day(20), past, Quality()
    )
    assert (found.kind, found.column) == ("nulls", "fare")
    assert found.message == "empty cells in fare: 40 %; usually 1 % to 3 %"


def test_a_value_that_a_small_set_never_had_is_a_finding_and_so_is_one_gone() -> None:
    kinds = ("R1", "R2")
    past = [Past(day(n), Profile(100, columns={"use": column(kind="text", values=kinds)}))
            for n in range(20)]  # fmt: skip
    told = odd_things(
        Profile(100, columns={"use": column(kind="text", values=("R1", "X"))}), day(20), past,
        Quality(),
    )  # fmt: skip
    assert [each.message for each in told] == [
        "use has X, which none of the 20 before had, and has no R2, which all of the 20 before had"
    ]


def test_a_price_out_of_all_range_is_a_finding() -> None:
    past = [
        Past(day(n), Profile(100, columns={"fare": column(low=2.5, mean=12.0, high=80.0 + n % 9)}))
        for n in range(20)
    ]
    worse = Profile(100, columns={"fare": column(low=2.5, mean=12.1, high=9999.0)})
    (found,) = odd_things(worse, day(20), past, Quality())
    assert found.message == "the largest fare is 9,999; usually 80 to 88"


def test_a_day_is_counted_from_its_period_where_that_is_steadier() -> None:
    start = (date(2018, 1, 1) - date(1970, 1, 1)).days
    months = [Period.containing("month", date(2018 + n // 12, n % 12 + 1, 1)) for n in range(25)]

    def trips(at: Period, early: float = 0.0) -> Profile:
        first = float((at.first - date(1970, 1, 1)).days)
        return Profile(
            100, columns={"pickup": column(kind="date", low=first - early, high=first + 29)}
        )

    past = [Past(each, trips(each)) for each in months[:-1]]
    assert odd_things(trips(months[-1]), months[-1], past, Quality()) == []
    (found,) = odd_things(trips(months[-1], early=60), months[-1], past, Quality())
    assert found.message == (
        "the earliest pickup is 2019-11-02, -60 days from the first day of its period; usually 0"
    )
    assert start > 0


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=1, max_size=60),
    st.floats(1e-3, 1e6),
)
def test_what_came_before_most_often_is_never_unusual(values: list[float], floor: float) -> None:
    middle = sorted(values)[len(values) // 2]
    found = band(values, floor)
    assert found.least <= found.low <= found.high <= found.most
    assert found.holds(middle)
    assert unusual(values, middle, floor, grows=False) is None


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 10**7), min_size=8, max_size=60),
    st.integers(0, 10**7),
    st.randoms(use_true_random=False),
)
def test_the_order_in_which_the_past_is_given_does_not_matter(
    rows: list[int], count: int, chance: object
) -> None:
    past = days(rows)
    mixed = past.copy()
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    at = day(len(rows))
    assert odd_things(Profile(count), at, past, Quality()) == odd_things(
        Profile(count), at, mixed, Quality()
    )


@settings(max_examples=200, deadline=None)
@given(st.integers(50, 10**6), st.lists(st.floats(0.9, 1.1), min_size=8, max_size=60))
def test_a_steady_feed_is_never_told_and_a_tenth_of_it_always(
    level: int, noise: list[float]
) -> None:
    past = days([int(level * each) for each in noise])
    assert judge(level, past) == []
    assert [each.kind for each in judge(level // 20, past)] == ["volume"]
