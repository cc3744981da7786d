from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from datetime import date, timedelta

import httpx
import pytest
from board_world import BoardWorld

from wharf.board.cards import COLUMNS, Card, _first, read_card
from wharf.board.charts import arrival_chart, from_due, rate_chart
from wharf.board.views import Views
from wharf.timeliness.scorecard import Score


def card_of(world: BoardWorld, subject: str, months: int = 12) -> Card | None:
    with Views(world.settings, lambda: world.now).reading() as (tx, promised, pulse):
        return read_card(tx, promised, subject, months, pulse.at)


def test_a_supplier_is_judged_over_all_its_feeds(crowded: BoardWorld) -> None:
    card = card_of(crowded, "cobalt")
    assert card is not None
    assert [feed.feed for feed, _ in card.feeds] == ["cobalt.returns", "cobalt.orders"]
    assert card.total.expected == sum(own.expected for _, own in card.feeds)
    assert (card.total.late_arrived, card.total.missing, card.total.waiting) == (1, 0, 1)
    assert [each.month for each in card.by_month] == ["2026-11"]


def test_a_feed_has_a_card_of_its_own_with_times_on_its_clock(crowded: BoardWorld) -> None:
    card = card_of(crowded, "signalpath.locations")
    assert card is not None
    assert card.total.p50 == timedelta(minutes=-5)
    assert card.clock(card.total.p50) == "06:25", "on the clock of Chicago"
    assert card_of(crowded, "nobody") is None


def test_a_card_of_a_feed_that_never_was_due_is_empty(world: BoardWorld) -> None:
    world.feed("acme.prices", first="2027-01-01")
    world.promise()
    card = card_of(world, "acme.prices")
    assert card is not None
    assert (card.total.expected, card.total.on_time_rate, card.by_month) == (0, None, [])


def test_the_pages_show_what_the_card_says(client: httpx.Client) -> None:
    supplier = client.get("/suppliers/cobalt").text
    for said in ("Cobalt Ltd", "broken promises", "Month by month", "cobalt.orders"):
        assert said in supplier
    feed = client.get("/suppliers/cobalt/cobalt.returns").text
    for said in ("Last periods", "../../feeds/cobalt.returns/2026-11-20", "badges/cobalt.returns"):
        assert said in feed
    overview = client.get("/suppliers").text
    assert overview.index("SignalPath") < overview.index("Acme Ltd"), "the worst one first"


def test_a_card_leaves_as_csv(client: httpx.Client) -> None:
    answer = client.get("/scorecards/cobalt.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="scorecard_cobalt.csv"'
    total, month = list(csv.DictReader(io.StringIO(answer.text)))
    assert tuple(total) == COLUMNS
    assert (total["month"], month["month"]) == ("", "2026-11")
    assert (total["subject"], total["late_arrived"], total["worst_s"]) == ("cobalt", "1", "51000.0")


def test_a_card_leaves_as_json(client: httpx.Client) -> None:
    told = client.get("/scorecards/cobalt.returns.json").json()
    assert (told["version"], told["subject"], told["supplier"]) == (1, "cobalt.returns", "cobalt")
    assert told["total"]["late_arrived"] == 1
    assert [each["month"] for each in told["months"]] == ["2026-11"]
    assert set(told["total"]) == set(COLUMNS)


@pytest.mark.parametrize("months", ["3", "24", "7", "-1", "²", "x"])
def test_any_number_of_months_is_answered(client: httpx.Client, months: str) -> None:
    assert client.get("/suppliers/acme", params={"months": months}).status_code == 200


@pytest.mark.parametrize(
    ("today", "months", "first"),
    [
        (date(2026, 11, 20), 1, date(2026, 11, 1)),
        (date(2026, 11, 20), 12, date(2025, 12, 1)),
        (date(2026, 1, 31), 3, date(2025, 11, 1)),
        (date(2026, 12, 1), 12, date(2026, 1, 1)),
    ],
)
def test_months_count_back_from_this_one(today: date, months: int, first: date) -> None:
    assert _first(today, months) == first


def test_a_bar_is_as_high_as_its_share() -> None:
    months = [Score("a", "2026-10", on_time=3, missing=1), Score("a", "2026-11", on_time=4)]
    [three_quarters, whole] = ET.fromstring(str(rate_chart(months))).iter("rect")
    assert float(three_quarters.attrib["height"]) == 0.75 * float(whole.attrib["height"])
    assert three_quarters.findtext("title") == "2026-10: 75.0%"


def test_arrivals_stand_above_and_below_the_due_line() -> None:
    months = [
        Score("a", "2026-10", p50=timedelta(minutes=-30), p95=timedelta(minutes=-5)),
        Score("a", "2026-11", p50=timedelta(minutes=10), p95=timedelta(minutes=60)),
    ]
    svg = ET.fromstring(str(arrival_chart(months)))
    [due] = [each for each in svg.iter("line") if each.get("class") == "due-line"]
    early, late = [float(each.attrib["cy"]) for each in svg.iter("circle")]
    assert late < float(due.attrib["y1"]) < early


def test_charts_of_nothing_are_empty_and_no_error() -> None:
    for chart in (rate_chart, arrival_chart):
        assert ET.fromstring(str(chart([]))).attrib["role"] == "img"
        assert ET.fromstring(str(chart([Score("a", "2026-11")]))).attrib["role"] == "img"


def test_a_time_from_due_is_said_with_its_side() -> None:
    assert from_due(timedelta(minutes=-50)).replace("\N{NO-BREAK SPACE}", " ") == "50 min before"
    assert from_due(timedelta(0)) == "due"
    assert from_due(None) == "–"
