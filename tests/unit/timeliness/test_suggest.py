from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.contracts import Calendar, Period, Terms
from wharf.timeliness.calendars import OpenDays, open_days
from wharf.timeliness.deadline import suggest_terms
from wharf.timeliness.habits import turn_of
from wharf.timeliness.points import clock_points
from wharf.timeliness.suggest import Came, History, suggest

HOUR = timedelta(hours=1)
EVERY_DAY = open_days(None)
OFFICE = open_days(
    Calendar.model_validate(
        {"calendar": "office", "weekmask": "mon tue wed thu fri", "holidays": ["2026-03-19"]}
    )
)


def terms(due: str = "T+0 12:00", tz: str = "UTC", **more: str) -> Terms:
    given_ = {"tz": tz, "opens": "T+0 00:00", "due": due, "cutoff": "T+20d 00:00"}
    return Terms.model_validate({**given_, **more})


def past(
    hours: Callable[[int], float | None],
    count: int = 60,
    kind: str = "day",
    due: Terms | None = None,
    days: OpenDays = EVERY_DAY,
) -> tuple[Came, ...]:
    """Periods from 2 March 2026 on, each delivered so many hours after its first midnight."""
    found, period = [], Period.containing(kind, date(2026, 3, 2))
    while len(found) < count:
        if days.any_open(period.first, period.last):
            points = clock_points(due or terms(), period, days)
            after = hours(len(found))
            at = None if after is None else period.start + timedelta(hours=after)
            found.append(Came(period, points.due_at, at))
        period = period.next()
    return tuple(found)


def test_a_feed_that_is_often_late_is_given_the_time_it_keeps() -> None:
    found = suggest_terms(past(lambda n: 11 + n % 4), terms(), EVERY_DAY)
    assert found is not None
    assert (found.verdict, str(found.proposed), found.kept) == ("loosen", "T+0 14:00", 0.5)
    assert found.would_keep == 1
    assert str(found) == (
        "loosen due T+0 12:00 to T+0 14:00: 100% in time instead of 50% "
        "(60 came, half of them by T+0 13:00)"
    )


def test_a_feed_that_always_comes_early_may_be_promised_earlier() -> None:
    found = suggest_terms(past(lambda n: 5 + n % 3 / 10), terms(), EVERY_DAY)
    assert found is not None
    assert (found.verdict, str(found.proposed)) == ("tighten", "T+0 05:15")
    assert "100% in time still" in str(found)


def test_a_deadline_that_fits_is_kept() -> None:
    found = suggest_terms(past(lambda n: 10.5 + n % 3 / 2), terms(), EVERY_DAY)
    assert found is not None
    assert found.verdict == "keep"


@pytest.mark.parametrize("count", [0, 13])
def test_too_short_a_past_proposes_nothing(count: int) -> None:
    assert suggest_terms(past(lambda n: 20, count), terms(), EVERY_DAY) is None


def test_what_never_came_is_counted_and_no_deadline_waits_for_it() -> None:
    found = suggest_terms(past(lambda n: None if n % 5 == 4 else 13), terms(), EVERY_DAY)
    assert found is not None
    assert (found.n, found.missing, str(found.proposed)) == (48, 12, "T+0 13:00")


def test_open_days_are_counted_as_the_contract_counts_them() -> None:
    due = terms("T+1bd 06:30")

    def next_office_day(number: int) -> float:
        period = known[number].period
        day = OFFICE.add_business_days(period.first, 1)
        return (day - period.first).days * 24 + 8

    known = past(lambda n: 0, 40, "business_day", due, OFFICE)
    history = past(next_office_day, 40, "business_day", due, OFFICE)
    found = suggest_terms(history, due, OFFICE)
    assert found is not None
    assert str(found.proposed) == "T+1bd 08:00"
    assert found.would_keep == 1


def test_only_the_time_since_a_lasting_change_counts() -> None:
    history = past(lambda n: 9 if n < 30 else 15 + n % 2)
    found = suggest_terms(history, terms(), EVERY_DAY)
    assert found is not None
    assert (found.since, str(found.proposed), found.kept) == ("2026-04-01", "T+0 16:00", 0)
    assert "from 2026-04-01 on" in str(found)


def test_periods_before_the_terms_hold_do_not_count() -> None:
    found = suggest_terms(
        past(lambda n: 20 if n < 15 else 13), terms(**{"from": "2026-03-20"}), EVERY_DAY
    )
    assert found is not None
    assert str(found.proposed) == "T+0 13:00"


def test_local_times_are_proposed_across_daylight_saving() -> None:
    zone = terms(tz="Europe/Amsterdam")
    # 08:00 UTC is 09:00 in winter and 10:00 from 29 March on.
    found = suggest_terms(past(lambda n: 8, due=zone), zone, EVERY_DAY)
    assert found is not None
    assert str(found.proposed) == "T+0 10:00"


@given(
    st.lists(st.floats(-30, 90), min_size=14, max_size=60),
    st.sampled_from(["T+0 12:00", "T+1d 06:30", "T+1bd 06:30", "E+0 23:00"]),
    st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe"]),
)
def test_the_proposed_deadline_keeps_what_it_says(afters: list[float], due: str, zone: str) -> None:
    agreed = terms(due, zone)
    history = past(afters.__getitem__, len(afters), due=agreed, days=OFFICE)
    found = suggest_terms(history, agreed, OFFICE)
    assert found is not None
    proposed = agreed.model_copy(update={"due": found.proposed})
    since = found.since or history[0].period.key
    counted = [each for each in history if each.period.key >= since]
    kept = [e for e in counted if e.at <= clock_points(proposed, e.period, OFFICE).due_at]
    assert found.n == len(counted)
    assert found.would_keep == len(kept) / len(counted)
    # One quarter of an hour is missing where the proposal would be midnight.
    assert found.would_keep >= 0.85 or str(found.proposed).endswith("23:59")


@given(st.lists(st.none() | st.floats(0, 40), max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_the_past_does_not_matter(afters: list[float | None], random: object) -> None:
    known = History("acme.prices", terms(), EVERY_DAY, past(afters.__getitem__, len(afters)))
    mixed = [*known.came]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert suggest([replace(known, came=tuple(mixed))]) == suggest([known])


def test_a_change_of_less_than_two_hours_is_none() -> None:
    assert turn_of(past(lambda n: 9 if n < 30 else 10.9), terms()) is None
    assert turn_of(past(lambda n: 9 if n < 30 else 11.1), terms()) is not None


def histories(*hours: Callable[[int], float | None], count: int = 60) -> list[History]:
    return [
        History(f"s{number}.rows", terms(), EVERY_DAY, past(each, count))
        for number, each in enumerate(hours)
    ]


def test_a_stretch_in_which_no_feed_delivered_is_a_season_for_all() -> None:
    quiet = [lambda n: None if 20 <= n < 24 else 9] * 3
    found = suggest(histories(*quiet))
    assert [str(each) for each in found.seasons] == [
        "closed: {from: 2026-03-22, until: 2026-03-25}: none of 3 feeds came in 4 periods"
    ]
    assert found.own_seasons == {}
    assert found.terms["s0.rows"].missing == 0


def test_one_feed_is_off_for_a_season_only_when_it_is_long() -> None:
    [long] = histories(lambda n: None if 20 <= n < 48 else 9)
    [short] = histories(lambda n: None if 20 <= n < 47 else 9)
    assert [each.periods for each in suggest([long]).own_seasons["s0.rows"]] == [28]
    assert suggest([short]).own_seasons == {}


def test_a_season_that_comes_back_each_year_is_told_as_such() -> None:
    [yearly] = histories(lambda n: None if 100 <= n % 365 < 140 else 9, count=700)
    found = suggest([yearly]).own_seasons["s0.rows"]
    assert [each.is_yearly for each in found] == [True, True]
    assert "as in another year" in str(found[0])


def test_a_day_on_which_most_feeds_were_late_may_be_a_holiday() -> None:
    late = [lambda n: 30 if n == 25 else 9] * 3
    found = suggest(histories(*late, lambda n: 9))
    assert [str(each) for each in found.holidays] == [
        "holiday on Fri 2026-03-27? 3 of 4 feeds were late"
    ]
    assert found.sentences()[0].startswith("holiday on")


def test_two_late_feeds_are_no_holiday_and_four_days_in_a_row_are_none() -> None:
    two = [lambda n: 30 if n == 25 else 9] * 2
    assert suggest(histories(*two, lambda n: 9)).holidays == ()
    row = [lambda n: 30 if 25 <= n < 29 else 9] * 4
    assert suggest(histories(*row)).holidays == ()


def test_feeds_that_are_always_late_show_a_holiday_by_their_habit() -> None:
    late = [lambda n: 40 if n == 25 else 15 + n % 3 / 10] * 4
    assert [each.day for each in suggest(histories(*late)).holidays] == [date(2026, 3, 27)]


def test_feeds_with_the_same_terms_are_given_one_proposal_for_all() -> None:
    found = suggest(histories(*[lambda n: 13 + n % 2] * 3))
    [(feeds, proposal)] = found.shared
    assert (feeds, str(proposal.proposed)) == (3, "T+0 14:00")


def test_a_feed_without_any_past_is_passed_over() -> None:
    assert suggest([History("acme.prices", terms(), EVERY_DAY, ())]).sentences() == ()


def test_an_hourly_feed_is_counted_from_its_hour() -> None:
    due = terms("T+0 00:30")
    found, period = [], Period.parse("hour", "2026-03-02T0000Z")
    for _ in range(40):
        at = period.start + timedelta(minutes=50)
        found.append(Came(period, clock_points(due, period, EVERY_DAY).due_at, at))
        period = period.next()
    proposal = suggest_terms(found, due, EVERY_DAY)
    assert proposal is not None
    assert (str(proposal.proposed), proposal.would_keep) == ("T+0 01:00", 1)
    assert datetime(2026, 3, 2, tzinfo=UTC) + HOUR > found[0].at
