from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from wharf.board.timeline import WIDTH, Point, draw_timeline, in_order
from wharf.timeliness.learned import Usual

OPENS = datetime(2026, 11, 20, 6, tzinfo=UTC)
HOSTILE = "</svg><script>alert(1)</script>"
POINTS = st.lists(
    st.builds(
        lambda label, minutes, side: Point(label, OPENS + timedelta(minutes=minutes), side),
        st.text(min_size=1, max_size=25),
        st.integers(-2000, 9000),
        st.sampled_from(["promise", "fact", "now"]),
    ),
    min_size=1,
    max_size=12,
)
SVG = "{http://www.w3.org/2000/svg}"


def drawn(points: list[Point], usual: Usual | None = None) -> ET.Element:
    text = str(draw_timeline(points, OPENS, usual, "America/Chicago"))
    return ET.fromstring("".join(each for each in text if each >= " "))


@given(POINTS)
def test_no_two_labels_on_one_side_lie_upon_each_other(points: list[Point]) -> None:
    places: dict[float, list[tuple[float, float]]] = {}
    for text in drawn(points).iter("text"):
        wide = len(text.text or "") * 6.2
        x, y = float(text.attrib["x"]), float(text.attrib["y"])
        left = x - wide if text.attrib["text-anchor"] == "end" else x
        for other_left, other_right in places.get(y, []):
            assert left >= other_right - 12 or left + wide <= other_left + 12
        places.setdefault(y, []).append((left, left + wide))


@given(POINTS)
def test_everything_stands_within_the_picture(points: list[Point]) -> None:
    svg = drawn(points)
    height = float(svg.attrib["viewBox"].split()[3])
    for mark in svg.iter():
        for name, limit in (("x1", WIDTH), ("cx", WIDTH), ("y1", height), ("y", height)):
            if name in mark.attrib:
                assert -10 <= float(mark.attrib[name]) <= limit


def test_times_are_told_on_the_feeds_clock_and_in_utc_behind_it() -> None:
    points = [Point("opens", OPENS, "promise"), Point("due", OPENS + timedelta(hours=6), "promise")]
    svg = drawn(points)
    assert [text.text for text in svg.iter("text")] == ["opens 00:00", "due 06:00"]
    assert [t.text for t in svg.iter("title")] == [
        "opens: 2026-11-20 06:00:00 UTC", "due: 2026-11-20 12:00:00 UTC",
    ]  # fmt: skip
    assert svg.attrib["role"] == "img"
    assert svg.attrib["aria-label"] == "opens Fri 00:00; due Fri 06:00"


def test_a_label_cannot_leave_the_picture() -> None:
    svg = drawn([Point(HOSTILE, OPENS, "fact", '" onload="x')])
    assert not list(svg.iter("script"))
    assert svg.find("g").attrib.keys() == {"class"}  # type: ignore[union-attr]


def test_the_usual_arrival_is_a_band_on_the_line() -> None:
    usual = Usual(20, timedelta(hours=1), timedelta(hours=2), timedelta(minutes=5))
    points = [Point("opens", OPENS, "promise"), Point("due", OPENS + timedelta(hours=6), "promise")]
    [band] = [each for each in drawn(points, usual).iter("rect") if each.get("class") == "usual"]
    assert 160 < float(band.attrib["x"]) < 190
    assert 150 < float(band.attrib["width"]) < 175


def test_at_one_instant_the_promise_comes_before_what_happened() -> None:
    fact, promise = Point("came", OPENS, "fact"), Point("due", OPENS, "promise")
    assert in_order([fact, promise]) == [promise, fact]
