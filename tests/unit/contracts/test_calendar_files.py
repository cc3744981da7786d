from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wharf.contracts import Calendar, load_calendar, load_project
from wharf.contracts.calendars import combine_calendars
from wharf.contracts.spec import build, parse_yaml
from wharf.errors import ContractError

WRITTEN = """
calendar: desk
weekmask: Mon Tue Wed Thu Fri
public_holidays: [{country: NL}, {exchange: XNYS}, {country: US, subdivision: CO}]
holidays: ["2026-12-24"]
half_days: ["2026-12-31"]
extra_days: ["2026-12-19"]
closed: [{from: "2026-12-28", until: "2027-01-01", why: year end}]
one_off: [{from: "2026-12-23", to: "2026-12-22", why: inventory}]
until: "2027-12-31"
"""


def calendar(text: str) -> Calendar:
    return build(Calendar, parse_yaml(text, "desk.yaml"), "desk.yaml")


def combine(**written: dict[str, Any]) -> tuple[dict[str, Calendar], dict[str, list[str]]]:
    return combine_calendars(
        {n: Calendar.model_validate({"calendar": n, **keys}) for n, keys in written.items()}
    )


def test_a_calendar_reads_as_it_is_written() -> None:
    read = calendar(WRITTEN)
    assert read.weekmask == ("mon", "tue", "wed", "thu", "fri")
    assert [str(each) for each in read.public_holidays] == ["NL", "XNYS", "US-CO"]
    assert read.one_off[0].why == "inventory"
    assert Calendar.model_validate(read.model_dump(mode="json", by_alias=True)) == read


def test_one_country_needs_no_list() -> None:
    [public] = calendar("calendar: desk\npublic_holidays: {country: NL}").public_holidays
    assert public.country == "NL"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("public_holidays: {}", "name either a country (such as NL) or an exchange"),
        ("public_holidays: {country: NL, exchange: XAMS}", "name either a country"),
        ("public_holidays: {exchange: XAMS, subdivision: NH}", "subdivision goes with a country"),
        ("weekmask: mon\nunion: [a]", "weekmask and union: a calendar takes its days from one"),
        ("union: [a]\nintersection: [b]", "union and intersection"),
        ("one_off: [{from: '2026-12-24', to: '2026-12-24'}]", "is the day it is moved from"),
        (
            "one_off: [{from: '2026-12-24', to: '2026-12-22'}, "
            "{from: '2026-12-24', to: '2026-12-21'}]",
            "one_off moves 2026-12-24 twice",
        ),
        ("closed: [{from: '2026-12-24', until: '2026-12-22'}]", "is before from"),
        ("half_day: ['2026-12-24']", "did you mean 'half_days'"),
        ("weekmask: mon xyz", "weekmask.1 is 'xyz'; use 'mon', 'tue'"),
    ],
    ids=lambda value: str(value).split(":")[0],
)
def test_a_mistake_in_a_calendar_is_named(line: str, told: str) -> None:
    with pytest.raises(ContractError) as caught:
        calendar(f"calendar: desk\n{line}")
    assert told in str(caught.value)


def test_named_calendars_take_the_place_of_their_names() -> None:
    whole, problems = combine(a={}, b={"union": ["a"]}, c={"intersection": ["b", "a"]})
    assert not problems
    assert whole["c"].intersection == (whole["b"], whole["a"])
    assert whole["b"].union == (whole["a"],)
    assert Calendar.model_validate(whole["c"].model_dump(mode="json", by_alias=True)) == whole["c"]


def test_an_unknown_name_is_refused_with_those_there_are_and_spreads_to_those_that_need_it() -> (
    None
):
    whole, problems = combine(a={"minus": ["nowhere"]}, b={"union": ["a"]}, c={})
    assert list(whole) == ["c"]
    assert problems["a"] == ["minus: 'nowhere' is no calendar; calendars here: b, c"]
    assert problems["b"][0].startswith("union: 'a' is broken itself: minus: 'nowhere'")


def test_a_circle_of_names_is_refused_and_written_out() -> None:
    whole, problems = combine(
        a={"union": ["b"]}, b={"minus": ["c"]}, c={"intersection": ["a"]}, d={"union": ["d"]}, e={}
    )
    assert list(whole) == ["e"]
    assert problems["c"] == [
        "intersection: a -> b -> c -> a goes in a circle; take one of the names out"
    ]
    assert "d -> d goes in a circle" in problems["d"][0]
    assert set(problems) == {"a", "b", "c", "d"}


def put(root: Path, name: str, text: str) -> None:
    file = root / "dags" / "calendars" / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"calendar: {name}\n{text}\n")


def test_a_project_has_its_calendars_whole_and_names_the_file_of_a_broken_one(
    tmp_path: Path,
) -> None:
    put(tmp_path, "a", "weekmask: mon")
    put(tmp_path, "b", "union: [a]")
    put(tmp_path, "c", "union: [nowhere]")
    project = load_project(tmp_path)
    assert project.calendars["b"].union == (project.calendars["a"],)
    [problem] = project.invalid
    assert str(problem) == (
        "dags/calendars/c.yaml: union: 'nowhere' is no calendar; calendars here: a, b"
    )


def test_one_calendar_is_read_with_those_it_names_and_no_others(tmp_path: Path) -> None:
    put(tmp_path, "a", "weekmask: mon")
    put(tmp_path, "b", "union: [a]")
    put(tmp_path, "broken", "weekmask: never")
    assert load_calendar(tmp_path, "b").union[0] == load_calendar(tmp_path, "a")
    put(tmp_path, "b", "union: [gone]")
    with pytest.raises(ContractError, match="'gone' is no calendar"):
        load_calendar(tmp_path, "b")
    with pytest.raises(OSError, match="nowhere"):
        load_calendar(tmp_path, "nowhere")


def test_a_calendar_may_be_stripped_of_what_a_library_has_to_tell() -> None:
    whole, _ = combine(
        a={"public_holidays": {"country": "NL"}, "holidays": ["2026-12-24"]},
        b={"union": ["a"], "public_holidays": {"exchange": "XAMS"}},
    )
    plain = whole["b"].without_public_holidays()
    assert plain.public_holidays == plain.union[0].public_holidays == ()  # type: ignore[union-attr]
    assert plain.union[0].holidays == whole["a"].holidays  # type: ignore[union-attr]


def test_a_calendar_a_model_and_the_routing_may_bear_a_products_name(tmp_path: Path) -> None:
    put(tmp_path, "risk", "weekmask: mon")
    (tmp_path / "dags/alerts.yaml").write_text("channels: []")
    files = load_project(tmp_path).files
    assert set(files) == {"calendars/risk", "alerts.yaml"}


def test_a_channel_whose_attention_names_no_calendar_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "office", "weekmask: mon")
    desk = "{name: desk, kind: webhook, connection: hook, attention: {tz: UTC, hours: 08:00-18:00, calendar: %s}}"  # noqa: E501
    routing = tmp_path / "dags/alerts.yaml"
    routing.write_text(f"channels: [{desk % 'office'}]")
    assert load_project(tmp_path).invalid == ()
    routing.write_text(f"channels: [{desk % 'offce'}]")
    [problem] = load_project(tmp_path).invalid
    assert str(problem) == (
        "dags/alerts.yaml: channels.desk.attention.calendar is 'offce'; calendars here: office"
    )
