from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from wharf.timeliness.scorecard import (
    COUNTED,
    Outcome,
    Streak,
    clock_text,
    score,
    scores,
    streak_of,
)

HOUR = timedelta(hours=1)
states = st.sampled_from([*COUNTED, "UNKNOWN"])
NAMES = {"o": "ON_TIME", "a": "LATE_ARRIVED", "l": "LATE", "m": "MISSING", "u": "UNKNOWN"}


def outcome(number: int, timeliness: str, feed: str = "acme.prices", late: float = 2) -> Outcome:
    day = date(2026, 10, 1) + timedelta(days=number)
    due = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    came = {"ON_TIME": due - HOUR, "LATE_ARRIVED": due + late * HOUR}.get(timeliness)
    by = late * HOUR if timeliness == "LATE_ARRIVED" else None
    return Outcome(feed, day.isoformat(), day, timeliness, due, came, by)


def outcomes(text: str, feed: str = "acme.prices") -> list[Outcome]:
    return [outcome(number, NAMES[each], feed) for number, each in enumerate(text)]


def test_a_month_is_counted_and_measured() -> None:
    found = score([*outcomes("ooaamlu"), outcome(9, "LATE_ARRIVED", late=30)])
    assert (found.expected, found.on_time, found.late_arrived, found.missing) == (7, 2, 3, 1)
    assert (found.waiting, found.blind, found.breaches) == (1, 1, 4)
    assert found.on_time_rate == 2 / 7
    assert found.worst == 30 * HOUR
    assert found.p50 == 2 * HOUR


def test_nothing_at_all_has_no_rate() -> None:
    found = score([])
    assert found.on_time_rate is None
    assert found.p50 is None
    assert found.streak == 0


def test_a_delivery_at_its_due_time_counts_as_one_that_came() -> None:
    due = datetime(2026, 11, 20, tzinfo=UTC)
    at_once = Outcome("acme.prices", "2026-11-20", date(2026, 11, 20), "ON_TIME", due, due)
    assert score([at_once]).p50 == timedelta(0)


def test_the_streak_of_a_supplier_is_its_worst_feeds() -> None:
    both = [*outcomes("aaao"), *outcomes("ooam", "acme.rates")]
    found = score(both)
    assert (found.streak, found.longest_streak) == (2, 3)


def test_scores_stand_by_subject_over_all_months_first() -> None:
    given_ = [*outcomes("o" * 40), *outcomes("a" * 31, "birch.rows")]
    found = scores(given_, by="supplier")
    assert list(found) == ["acme", "birch"]
    assert [each.month for each in found["acme"]] == ["", "2026-10", "2026-11"]
    assert found["acme"][0].expected == 40
    assert found["birch"][1].on_time_rate == 0


def test_creep_is_the_median_moved_since_the_month_before() -> None:
    late = [outcome(number, "LATE_ARRIVED", late=3 if number > 30 else 1) for number in range(60)]
    _, october, november = scores(late)["acme.prices"]
    assert october.creep is None
    assert november.creep == 2 * HOUR


def test_detection_is_measured_where_it_is_known() -> None:
    seen = Outcome(
        "acme.prices", "2026-11-20", date(2026, 11, 20), "ON_TIME",
        datetime(2026, 11, 20, tzinfo=UTC), seen_after=timedelta(seconds=40),
    )  # fmt: skip
    assert score([seen, *outcomes("oo")]).detection_p95 == timedelta(seconds=40)


def test_a_streak_ends_at_a_delivery_in_time() -> None:
    assert streak_of(outcomes("amoam")) == Streak(2, 1)
    assert streak_of(outcomes("aaao")) == Streak()


def test_what_we_could_not_see_neither_ends_a_streak_nor_makes_it_longer() -> None:
    assert streak_of(outcomes("oaua")) == Streak(2, 0)


@given(st.lists(states, max_size=60), st.randoms(use_true_random=False))
def test_the_order_of_outcomes_does_not_matter(found: list[str], random: object) -> None:
    rows = [outcome(number, each) for number, each in enumerate(found)]
    mixed = [*rows]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    assert scores(mixed) == scores(rows)
    assert streak_of(mixed) == streak_of(rows)


@given(st.lists(states, max_size=60))
def test_every_judged_delivery_is_counted_once(found: list[str]) -> None:
    counted = score(outcome(number, each) for number, each in enumerate(found))
    assert counted.expected + counted.blind == len(found)
    assert counted.streak <= counted.longest_streak <= counted.expected


def test_a_span_from_due_is_told_on_the_local_clock() -> None:
    due = datetime(2026, 11, 20, 5, 30, tzinfo=UTC)
    assert clock_text(due, -HOUR, "Europe/Amsterdam") == "05:30"
    assert clock_text(due, 24 * HOUR, "Europe/Amsterdam") == "Sat 06:30"
