from __future__ import annotations

from typing import get_args

import pytest

from wharf.board import words
from wharf.portal import words as portal_words
from wharf.timeliness.facts import DeliveryState, Timeliness


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"),
        (45, "45 s"),
        (119, "119 s"),
        (120, "2 min"),
        (5700, "95 min"),
        (7200, "2 h"),
        (93600, "26 h"),
        (259200, "3 d"),
        (-90, "90 s"),
    ],
)
def test_a_length_of_time_is_said_as_people_say_it(seconds: float | None, said: str) -> None:
    assert words.span(seconds).replace("\N{NO-BREAK SPACE}", " ") == said


def test_every_state_has_words() -> None:
    assert set(words.TIMELINESS) == set(get_args(Timeliness))
    assert set(words.DELIVERY) == set(get_args(DeliveryState))


def test_board_and_portal_say_states_alike() -> None:
    said = {state: text for state, (_, text) in words.TIMELINESS.items()} | words.DELIVERY
    assert {state: portal_words.STATES[state] for state in said} == said


def test_a_recorded_change_is_a_phrase() -> None:
    assert words.condition({"timeliness": "LATE", "delivery": "PARTIAL"}) == "late, in part"
    assert words.condition({"due_at": "2026-11-20T12:00:00+00:00"}) == "due 2026-11-20 12:00"


def test_a_finding_is_its_message() -> None:
    assert words.finding({"kind": "preamble", "message": "four rows above"}) == "four rows above"
    assert words.finding("as it is") == "as it is"
