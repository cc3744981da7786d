"""The suppliers' folders: files appear whole, in order, with their own times, and only once."""

from __future__ import annotations

import json
import shutil
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from wharf.demo.script import Condition
from wharf.demo.world import World
from wharf.errors import DemoError
from wharf.settings import parse_connection
from wharf.sources import open_source

TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def never(feed: str, period: str, condition: Condition) -> bool:
    return False


def always(feed: str, period: str, condition: Condition) -> bool:
    return True


def files(home: Path) -> dict[str, tuple[int, float]]:
    folder = home / "demo" / "suppliers"
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    world = World.open(home, TODAY)
    world.advance(always, NOW)
    return home


def test_the_whole_world_is_made_within_seconds(tmp_path: Path) -> None:
    started = time.monotonic()
    World.open(tmp_path, TODAY).advance(always, NOW)
    assert time.monotonic() - started < 30
    assert len(files(tmp_path)) > 35


def test_what_waits_for_the_ledger_is_not_there_at_first(tmp_path: Path) -> None:
    world = World.open(tmp_path, TODAY)
    world.advance(never, NOW)
    waiting = {(one.feed, one.period): one.waits_for for one in world.outstanding()}
    assert waiting == {
        ("alder.parcels", "2026-11-17"): Condition("published", 1),
        ("alder.parcels", "2026-11-18"): Condition("published", 1),
        ("cedar.parcels", "2026-11-18"): Condition("refused", 1),
        ("signalpath.locations", "2026-11-19"): Condition("arrival", 2),
        ("ember.permits", "2026-11-21"): Condition("message", 1),
    }
    there = files(tmp_path)
    assert "signalpath/signals_20261119_b.csv.gz" in there
    assert "signalpath/signals_20261119_c.csv.gz" not in there
    assert not any(name.startswith("ember/") for name in there)


def test_each_version_waits_for_the_one_before(tmp_path: Path) -> None:
    world = World.open(tmp_path, TODAY)
    world.advance(never, NOW)
    name = tmp_path / "demo/suppliers/alder/out/parcels_20261118.csv"
    seen = [name.read_bytes()]
    for published in (1, 2):

        def holds(feed: str, period: str, condition: Condition, n: int = published) -> bool:
            return condition.kind == "published" and condition.count <= n

        world.advance(holds, NOW)
        seen.append(name.read_bytes())
    assert seen[0] == seen[2] != seen[1]
    assert seen[0].count(b"\n") - seen[1].count(b"\n") == 20


def test_a_supplier_goes_on_after_the_demo_was_stopped_between_two_steps(tmp_path: Path) -> None:
    World.open(tmp_path, TODAY).advance(never, NOW)
    again = World.open(tmp_path, TODAY)
    assert again.advance(never, NOW) == []
    assert sorted(again.advance(always, NOW)) == [
        "alder: out/parcels_20261117_resend.csv",
        "alder: out/parcels_20261118.csv",
        "alder: out/parcels_20261118.csv",
        "cedar: parcels-2026-11-18.jsonl.gz",
        "ember: permits_20261121.csv",
        "signalpath: signals_20261119.ok",
        "signalpath: signals_20261119_c.csv.gz",
    ]
    assert again.outstanding() == []


def test_a_second_run_on_the_same_day_finds_everything_done(played: Path) -> None:
    before = files(played)
    again = World.open(played, TODAY)
    assert again.outstanding() == []
    assert again.advance(always, NOW + timedelta(hours=1)) == []
    assert files(played) == before


def test_files_bear_the_times_at_which_they_were_submitted(played: Path) -> None:
    times = {
        f"{script.supplier}/{file.path}": file.submitted
        for script in World.open(played, TODAY).scripts
        for step in script.steps
        for file in step.files
    }
    for name, (_, mtime) in files(played).items():
        assert mtime == (times[name] or NOW).timestamp(), name


def test_nothing_unfinished_is_left_lying(played: Path) -> None:
    assert not [name for name in files(played) if "/." in name or name.endswith(".part")]


def test_two_homes_get_the_same_bytes(played: Path, tmp_path: Path) -> None:
    World.open(tmp_path, TODAY).advance(always, NOW)
    for name in files(played):
        one, other = (home / "demo/suppliers" / name for home in (played, tmp_path))
        assert one.read_bytes() == other.read_bytes(), name


def test_a_run_the_next_day_adds_one_plain_day_and_keeps_the_rest(
    played: Path, tmp_path: Path
) -> None:
    played = Path(shutil.copytree(played, tmp_path / "home"))
    first = World.open(played, TODAY)
    before, told = files(played), first.expected()
    tomorrow = TODAY + timedelta(days=1)
    later = World.open(played, tomorrow)
    later.advance(always, NOW + timedelta(days=1))
    assert {key: value for key, value in later.expected().items() if key in told} == told
    new = {key: value for key, value in later.expected().items() if key not in told}
    assert {feed for feed, period in new if period == str(TODAY)} == {
        "alder.parcels", "birch.parcels", "cedar.parcels", "dune.parcels", "signalpath.locations",
    }  # fmt: skip
    assert new["alder.parcels", str(TODAY)].timeliness == "ON_TIME"
    assert new["dune.parcels", str(TODAY)].timeliness == "NOT_EXPECTED"  # a Saturday
    assert new["ember.permits", str(tomorrow)].messages == ("late", "resolved")
    assert {name: status for name, status in files(played).items() if name in before} == before
    assert later.stamps.holidays == first.stamps.holidays
    assert later.stamps.spans["feeds/alder/parcels.yaml"].first == date(2026, 11, 16)
    assert later.stamps.spans["feeds/alder/parcels.yaml"].last == TODAY


def test_some_days_between_two_runs_are_all_delivered(tmp_path: Path) -> None:
    World.open(tmp_path, TODAY)
    later = World.open(tmp_path, TODAY + timedelta(days=4))
    periods = sorted({period for feed, period in later.expected() if feed == "alder.parcels"})
    assert periods == [str(date(2026, 11, 16) + timedelta(days=number)) for number in range(9)]
    between = later.expected()["ember.permits", "2026-11-23"]
    assert (between.timeliness, between.messages) == ("LATE_ARRIVED", None)
    assert later.expected()["dune.parcels", "2026-11-23"].delivery == "PUBLISHED"


def test_after_a_long_pause_the_promise_begins_anew(tmp_path: Path) -> None:
    World.open(tmp_path, TODAY)
    later = World.open(tmp_path, TODAY + timedelta(days=60))
    span = later.stamps.spans["feeds/cedar/parcels.yaml"]
    assert (span.first, span.last) == (later.days.d1, later.days.d5)
    new = {period for feed, period in later.expected() if feed == "cedar.parcels"}
    assert len(new) == 10
    assert later.stamps.spans["products/parcel_use.yaml"].first == date(2026, 11, 20)


def test_a_clock_that_went_back_is_refused(tmp_path: Path) -> None:
    World.open(tmp_path, TODAY)
    with pytest.raises(DemoError, match=r"knows days up to 2026-11-20, but today is 2026-11-01"):
        World.open(tmp_path, date(2026, 11, 1))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 1}', '{"version": 99, "scripts": []}']
)
def test_a_damaged_memory_is_refused_with_a_way_out(tmp_path: Path, text: str) -> None:
    World.open(tmp_path, TODAY)
    (tmp_path / "demo" / "world.json").write_text(text)
    with pytest.raises(DemoError, match="another WHARF_HOME"):
        World.open(tmp_path, TODAY)


def test_stamps_name_files_of_the_project_and_the_days_of_the_story(played: Path) -> None:
    stamps = World.open(played, TODAY).stamps
    feeds = [name for name in stamps.spans if name.startswith("feeds/")]
    assert len(feeds) == 6
    assert all((Path(__file__).parents[3] / "dags" / name).is_file() for name in feeds)
    ember = stamps.spans["feeds/ember/permits.yaml"]
    assert ember.first == TODAY


def test_connections_reach_the_suppliers_folders(played: Path) -> None:
    world = World.open(played, TODAY)
    connections = world.connections("http://127.0.0.1:1")
    assert sorted(connections) == [
        "alder_inbox", "birch_web", "cedar_inbox", "dune_inbox", "ember_inbox", "signalpath_inbox",
    ]  # fmt: skip
    source = open_source(parse_connection("alder_inbox", connections["alder_inbox"]))
    found = source.list(["out/parcels_20261117*.csv"])
    assert [seen.path for seen in found] == [
        "out/parcels_20261117.csv", "out/parcels_20261117_resend.csv",
    ]  # fmt: skip


def test_the_memory_is_plain_json(played: Path) -> None:
    memory = json.loads((played / "demo" / "world.json").read_text())
    assert memory["start"] == "2026-11-16"
    assert {"scripts", "holidays", "first", "covered", "version"} <= set(memory)
