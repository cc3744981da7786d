from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from datetime import timedelta

import httpx
import pytest
from board_server import LocalServer, everybody
from board_world import HOSTILE, NOW, BoardWorld

from wharf.board import build_app, metrics
from wharf.board.badge import draw_badge
from wharf.board.current import current_states
from wharf.board.status import VERSION
from wharf.board.views import Views
from wharf.ledger import arrivals
from wharf.ledger.rows import Arrival, Poll

TODAY = "2026-11-20"
SAMPLE = re.compile(r'^(wharf_[a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\]|\\.)*",?)*)\})? (-?[0-9.e+]+)$')
LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"')


@pytest.fixture(scope="module")
def status(client: httpx.Client) -> dict[str, object]:
    found: dict[str, object] = client.get("/status.json").json()
    return found


@pytest.fixture(scope="module")
def samples(client: httpx.Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels, read as Prometheus reads the format."""
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == metrics.MEDIA_TYPE
    found = {}
    for line in answer.text.splitlines():
        if not line.startswith("#"):
            match = SAMPLE.match(line)
            assert match, line
            key = match[1], tuple(LABEL.findall(match[2] or ""))
            assert key not in found, "one sample for each name and labels"
            found[key] = float(match[3])
    return found


def test_status_tells_the_state_of_every_feed(status: dict[str, object]) -> None:
    assert status["version"] == VERSION
    feeds = {each["feed"]: each for each in status["feeds"]}  # type: ignore[attr-defined]
    assert len(feeds) == 20
    late = feeds["signalpath.locations"]
    assert (late["timeliness"], late["delivery"], late["period"]) == ("LATE", "QUARANTINED", TODAY)
    assert late["late_by_s"] == 7500
    assert late["due_at"] == "2026-11-20T12:30:00+00:00"
    assert feeds["month.census"]["period"] == "2026-10"
    assert feeds["acme.positions"]["last_complete_at"] == "2026-11-20T11:03:00+00:00"
    assert feeds["gone.retired"]["contract_gone"] is True
    assert feeds["juniper.payments"]["contract_broken"] is True


def test_status_tells_whether_anybody_watches(status: dict[str, object]) -> None:
    assert (status["watched"], status["last_tick_age"], status["last_look_age"]) == (True, 20, 25)
    assert status["blind"] == [
        {"connection": "blind_inbox", "since": None, "error": "connection refused"}
    ]
    assert status["orphaned_contracts"] == {"gone.retired": "dags/feeds/gone/retired.yaml"}


def test_the_fields_of_status_are_the_documented_ones(
    status: dict[str, object], project_docs: str
) -> None:
    for name in (*status, *status["feeds"][0]):  # type: ignore[index]
        assert f"`{name}`" in project_docs, name


def test_status_of_an_empty_installation_is_well_formed(world: BoardWorld) -> None:
    with LocalServer(build_app(world.settings, everybody, lambda: NOW)) as server:
        told = httpx.get(f"{server.url}/status.json").json()
        assert (told["feeds"], told["watched"], told["last_tick_age"]) == ([], False, None)
        text = httpx.get(f"{server.url}/metrics").text
    assert "wharf_watched 0" in text
    assert "wharf_last_tick_age_seconds " not in text.replace("# HELP wharf_last", "").replace(
        "# TYPE wharf_last_tick_age_seconds ", ""
    )


def test_metrics_tell_who_is_late_and_for_how_long(samples: dict[object, float]) -> None:
    late = (("feed", "signalpath.locations"), ("supplier", "signalpath"))
    fine = (("feed", "acme.positions"), ("supplier", "acme"))
    assert samples["wharf_feed_late", late] == 1
    assert samples["wharf_feed_late_seconds", late] == 7500
    assert samples["wharf_feed_timeliness", (*late, ("state", "LATE"))] == 1
    assert samples["wharf_feed_late", fine] == 0
    assert samples["wharf_feed_last_delivery_age_seconds", fine] == (NOW - NOW.replace(
        hour=11, minute=3)).total_seconds()  # fmt: skip


def test_metrics_tell_how_the_watching_goes(samples: dict[object, float]) -> None:
    assert samples["wharf_last_tick_age_seconds", ()] == 20
    assert samples["wharf_last_look_age_seconds", ()] == 25
    assert samples["wharf_connection_blind", (("connection", "blind_inbox"),)] == 1
    assert samples["wharf_connection_blind", (("connection", "acme_inbox"),)] == 0
    assert samples["wharf_outbox_messages", (("status", "FAILED"),)] == 1
    assert samples["wharf_contracts_broken", ()] == 1
    assert any(name == "wharf_incidents_open" for name, _ in samples)  # type: ignore[misc]


def test_every_metric_is_documented_and_explained(client: httpx.Client, project_docs: str) -> None:
    text = client.get("/metrics").text
    names = set(re.findall(r"^# TYPE (\S+) gauge$", text, re.MULTILINE))
    assert names == set(re.findall(r"^# HELP (\S+) .+\.$", text, re.MULTILINE))
    assert len(names) > 12
    for name in names:
        assert f"`{name}`" in project_docs, name


def test_a_label_cannot_end_its_line() -> None:
    told = metrics.escape_label('a"b\\c\nd')
    assert told == r"a\"b\\c\nd"
    assert "\n" not in told


def test_only_what_came_while_we_looked_says_how_soon_we_see_it(world: BoardWorld) -> None:
    world.feed("acme.prices")
    world.promise()
    with world.ledger.write() as tx:
        arrivals.append_poll(tx, Poll("acme_inbox", NOW, ok=True))
        for name, sent in (("old", NOW - timedelta(days=9)), ("new", NOW + timedelta(minutes=1))):
            seen = NOW + timedelta(minutes=2)
            row = Arrival("acme.prices", TODAY, "", f"{name}.csv", 9, sent, seen, name)
            arrivals.append_arrivals(tx, [row])
    views = Views(world.settings, lambda: world.now)
    with views.reading() as (tx, promised, pulse):
        counted = metrics.count(tx, pulse)
        text = metrics.write_metrics(promised, pulse, [], counted)
    assert counted.delays == [60.0]
    assert 'wharf_detection_delay_seconds{quantile="0.95"} 60' in text


@pytest.mark.parametrize(
    ("feed", "said"),
    [
        ("acme.positions", "acme.positions 2026-11-20: ✓ on time"),
        ("acme.prices", "acme.prices 2026-11-20: ! late 3\N{NO-BREAK SPACE}h"),
        ("cobalt.orders", "cobalt.orders 2026-11-20: ▣ in quarantine"),
        ("blind.sensor", "blind.sensor 2026-11-20: ? unknown"),
    ],
)
def test_a_badge_says_the_state_in_its_title(client: httpx.Client, feed: str, said: str) -> None:
    answer = client.get(f"/badges/{feed}.svg")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cache-control"] == "private, max-age=60"
    svg = ET.fromstring(answer.text)
    assert svg.findtext("{http://www.w3.org/2000/svg}title") == said
    assert svg.attrib["aria-label"] == said


def test_a_badge_of_nobody_is_not_found_and_inert(client: httpx.Client) -> None:
    answer = client.get("/badges/%22%3E%3Cscript%3Ealert(1)")
    assert answer.status_code == 404
    assert not list(ET.fromstring(answer.text).iter("{http://www.w3.org/2000/svg}script"))


def test_a_feed_is_shown_by_its_worst_open_delivery_else_its_newest(crowded: BoardWorld) -> None:
    views = Views(crowded.settings, lambda: NOW)
    with views.reading() as (tx, promised, pulse):
        found = {each.feed.feed: each for each in current_states(tx, promised, pulse)}
        [one] = current_states(tx, promised, pulse, ["acme.positions", "nobody.nothing"])
    assert found["quiet.newcomer"].code == "l", "yesterday's gap is past its cut-off"
    assert one.feed.feed == "acme.positions"
    assert "acme.positions" in draw_badge(one)


def test_hostile_names_stay_text_for_machines(client: httpx.Client) -> None:
    told = client.get("/status.json")
    assert json.loads(told.text)
    hostile = next(each for each in told.json()["feeds"] if each["feed"] == "hostile.feed")
    assert HOSTILE in hostile["reason"], "JSON carries it as it is, and its media type says so"
    assert told.headers["content-type"] == "application/json"
    assert HOSTILE not in client.get("/metrics").text
