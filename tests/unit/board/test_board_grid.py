from __future__ import annotations

import json
from datetime import date, timedelta

from board_world import NOW, BoardWorld

from wharf.board.cells import EARLIER, Cell, Grid, Line
from wharf.board.grid import build_grid
from wharf.board.promised import PromisedReader
from wharf.board.standing import standings
from wharf.ledger import batches, expected, facts

TODAY, YESTERDAY = "2026-11-20", "2026-11-19"


def grid_of(world: BoardWorld, days: int = 14) -> Grid:
    with world.ledger.read() as tx:
        promised = PromisedReader(world.settings.project).read(tx)
        return build_grid(tx, promised, world.now, days)


def line_of(grid: Grid, feed: str) -> Line:
    return next(line for line in grid.lines if line.feed == feed)


def cell_of(grid: Grid, feed: str, period: str) -> Cell:
    return next(cell for cell in line_of(grid, feed).all_cells if cell.period == period)


def test_what_is_late_stands_above_what_is_not(crowded_grid: Grid) -> None:
    order = [line.feed for line in crowded_grid.lines]
    late = {line.feed for line in crowded_grid.lines if "late" in line.tones.split()}
    assert set(order[: len(late)]) == late
    assert order[-1] in {"acme.positions", "registrar.deeds", "week.survey"}


def test_every_state_has_its_words_and_sign(crowded_grid: Grid) -> None:
    said = {
        (feed, period): (cell.sign, cell.words, cell.tone)
        for line in crowded_grid.lines
        for cell in line.all_cells
        for feed, period in [(cell.feed, cell.period)]
    }
    assert said["signalpath.locations", TODAY] == ("!", "late 2\N{NO-BREAK SPACE}h", "late")
    assert said["acme.prices", YESTERDAY] == ("✕", "missing", "missing")
    assert said["cobalt.orders", TODAY] == ("▣", "on time", "quarantined")
    assert said["blind.sensor", TODAY] == ("?", "unknown", "unknown")
    assert said["garnet.claims", TODAY] == ("△", "at risk", "at-risk")
    assert said["acme.positions", TODAY] == ("✓", "on time", "on-time")
    came_late = f"came 95{chr(160)}min late"
    assert said["borealis.weather", YESTERDAY] == ("◷", came_late, "late-arrived")


def test_a_cell_of_a_closed_day_says_why(crowded_grid: Grid) -> None:
    closed = cell_of(crowded_grid, "registrar.deeds", "2026-11-11")
    assert (closed.words, closed.reason) == ("closed", "holiday in office_days")
    weekend = cell_of(crowded_grid, "registrar.deeds", "2026-11-14")
    assert (weekend.words, weekend.reason) == ("closed", "Saturday is no open day in office_days")


def test_a_cell_that_a_person_excused_says_who_and_why(crowded_grid: Grid) -> None:
    waived = cell_of(crowded_grid, "evergreen.inventory", YESTERDAY)
    assert waived.words == "excused"
    assert waived.reason == "waived by jo@example.org: stocktaking, agreed by phone"
    suspended = cell_of(crowded_grid, "fjord.catches", TODAY)
    assert suspended.reason.startswith("feed suspended by jo@example.org: the fleet")


def test_counts_tell_how_many_are_late_missing_and_in_quarantine(crowded_grid: Grid) -> None:
    cells = [cell for line in crowded_grid.lines for cell in line.all_cells]
    for tone, state in (("late", "LATE"), ("missing", "MISSING"), ("unknown", "UNKNOWN")):
        assert crowded_grid.counts[tone] == sum(cell.timeliness == state for cell in cells) > 0
    assert crowded_grid.counts["quarantined"] == 2, "one of the two is late as well"
    assert crowded_grid.total == len(cells)


def test_what_the_tick_recorded_is_what_evaluating_gives(crowded: BoardWorld) -> None:
    feeds = crowded.feeds()
    with crowded.ledger.read() as tx:
        rows = expected.in_horizon(tx, NOW - timedelta(days=30))
        for each in standings(tx, feeds, rows, NOW):
            state = facts.state_of(tx, feeds[each.row.feed], each.row, NOW)
            late = state.late_for(NOW).total_seconds() or None
            assert (each.timeliness, each.delivery) == (state.timeliness, state.delivery)
            assert (each.reason, each.late_by_s) == (state.reason, late)


def test_a_batch_that_changed_after_the_tick_counts_at_once(world: BoardWorld) -> None:
    world.feed("acme.prices")
    world.promise()
    batch_id = world.came("acme.prices", YESTERDAY, NOW - timedelta(days=1, hours=3))
    world.watch()
    assert cell_of(grid_of(world), "acme.prices", YESTERDAY).delivery == "PUBLISHED"
    world.now += timedelta(seconds=5)
    with world.ledger.write() as tx:
        batches.set_status(tx, batch_id, "ROLLED_BACK", world.now)
    cell = cell_of(grid_of(world), "acme.prices", YESTERDAY)
    assert cell.delivery == "COMPLETE"
    assert "rolled back" in cell.reason


def test_a_month_stands_where_it_is_due_and_stays_while_it_is_late(crowded_grid: Grid) -> None:
    census = line_of(crowded_grid, "month.census")
    [cell] = census.all_cells
    assert (cell.period, cell.label, cell.timeliness) == ("2026-10", "2026-10", "LATE")
    assert cell.day == date(2026, 11, 10)


def test_what_is_late_since_before_the_days_shown_is_not_forgotten(crowded: BoardWorld) -> None:
    grid = grid_of(crowded, days=3)
    [cell] = line_of(grid, "month.census").all_cells
    assert (cell.day, cell.timeliness) == (EARLIER, "LATE")
    assert grid.columns == (EARLIER, date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 20))


def test_a_feed_without_periods_in_the_days_shown_shows_its_last_two(world: BoardWorld) -> None:
    old = {"due": "E+1d 12:00", "warn": "E+1d 11:00", "cutoff": "E+2d 00:00"}
    world.feed("borough.sales", first="2013", period="{kind: year}", opens="E+1d 06:00", **old)
    world.now = NOW.replace(year=2015, month=1, day=3)
    world.promise()
    world.now = NOW
    grid = grid_of(world)
    [cell] = line_of(grid, "borough.sales").all_cells
    assert (cell.period, cell.timeliness, cell.day) == ("2014", "MISSING", EARLIER)
    assert grid.columns == (EARLIER,)


def test_hours_share_the_column_of_their_day_worst_first(world: BoardWorld) -> None:
    world.feed(
        "tide.levels",
        first="2026-11-20T0000Z",
        period="{kind: hour}",
        opens="T+0 00:00",
        warn="T+0 01:00",
        due="T+0 02:00",
        cutoff="T+1d 00:00",
    )
    world.promise()
    world.came("tide.levels", "2026-11-20T0300Z", NOW.replace(hour=1))
    cells = line_of(grid_of(world), "tide.levels").cells[date(2026, 11, 20)]
    assert len(cells) > 10
    assert cells[0].timeliness == "LATE"
    assert {cell.period: cell.words for cell in cells}["2026-11-20T0300Z"] == "on time"
    weights = [cell.weight for cell in cells]
    assert weights == sorted(weights, reverse=True)


def test_broken_and_missing_contract_files_are_told_at_their_feed(crowded_grid: Grid) -> None:
    broken = [line.feed for line in crowded_grid.lines if line.is_broken]
    orphaned = {line.feed: line.orphaned for line in crowded_grid.lines if line.orphaned}
    assert broken == ["juniper.payments"]
    assert orphaned == {"gone.retired": "dags/feeds/gone/retired.yaml"}
    assert "cutof" in crowded_grid.promised.problems["dags/feeds/juniper/payments.yaml"]


def test_no_feed_is_orphaned_where_the_project_is_not_to_be_seen(crowded: BoardWorld) -> None:
    with crowded.ledger.read() as tx:
        promised = PromisedReader(crowded.root / "elsewhere").read(tx)
    assert promised.orphaned == {}
    assert "gone.retired" in promised.feeds


def test_contracts_are_parsed_again_only_when_one_changed(world: BoardWorld) -> None:
    world.feed("acme.prices")
    world.promise()
    reader = PromisedReader(world.settings.project)
    with world.ledger.read() as tx:
        first = reader.read(tx).project
        assert reader.read(tx).project is first
    world.feed("acme.prices", about="Changed.")
    world.promise()
    with world.ledger.read() as tx:
        assert reader.read(tx).feeds["acme.prices"].about == "Changed."


def test_silence_means_nothing_when_nobody_watches(world: BoardWorld) -> None:
    world.feed("acme.prices")
    assert not grid_of(world).is_watched
    world.watch()
    assert grid_of(world).is_watched
    world.now += timedelta(minutes=6)
    assert not grid_of(world).is_watched


def test_the_board_as_json_holds_every_cell(crowded_grid: Grid) -> None:
    told = json.loads(json.dumps(crowded_grid.describe()))
    assert len(told["cells"]) == crowded_grid.total
    assert told["counts"]["late"] == crowded_grid.counts["late"]
    assert told["watched"] is True
    assert told["orphaned_contracts"] == {"gone.retired": "dags/feeds/gone/retired.yaml"}
