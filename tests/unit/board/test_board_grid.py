from __future__ import annotations

from datetime import date, timedelta

from board_world import NOW, BoardWorld

from wharf.board.cells import Cell, Line
from wharf.board.grid import Grid
from wharf.board.marks import ALL
from wharf.board.page import Page, cells_at, turn_to
from wharf.board.promised import PromisedReader
from wharf.board.views import Views
from wharf.board.wanted import Wanted
from wharf.ledger import batches, expected, facts

TODAY, YESTERDAY = "2026-11-20", "2026-11-19"


def grid_of(world: BoardWorld, days: int = 14) -> Grid:
    return Views(world.settings, lambda: world.now).grid(days)


def page_of(world: BoardWorld, **wanted: object) -> Page:
    view = Wanted(**wanted)  # type: ignore[arg-type]
    with world.ledger.read() as tx:
        return turn_to(tx, grid_of(world, view.days), view)


def line_of(grid: Grid, feed: str) -> Line:
    return next(line for line in grid.lines if line.feed == feed)


def cell_of(world: BoardWorld, feed: str, period: str) -> Cell:
    with world.ledger.read() as tx:
        return cells_at(tx, grid_of(world), [(feed, period)])[feed, period]


def code_of(grid: Grid, feed: str, period: str) -> str:
    line = line_of(grid, feed)
    shown = {p: code for at in range(len(line.codes)) for p, code in line.periods_at(at)}
    return {**dict(line.earlier), **shown}[period]


def test_what_is_late_stands_above_what_is_not(crowded_grid: Grid) -> None:
    order = [line.feed for line in crowded_grid.lines]
    late = {line.feed for line in crowded_grid.lines if set("lL") & set(line.codes)}
    assert set(order[: len(late)]) == late
    assert order[-1] in {"acme.positions", "registrar.deeds", "week.survey"}


def test_every_state_has_its_letter(crowded_grid: Grid) -> None:
    said = {
        "signalpath.locations": "L",
        "cobalt.orders": "q",
        "blind.sensor": "u",
        "garnet.claims": "r",
        "acme.positions": "o",
        "acme.prices": "l",
        "fjord.catches": "e",
    }
    assert {feed: code_of(crowded_grid, feed, TODAY) for feed in said} == said
    assert code_of(crowded_grid, "acme.prices", YESTERDAY) == "m"
    assert code_of(crowded_grid, "borealis.weather", YESTERDAY) == "c"


def test_a_cell_says_its_state_in_words(crowded: BoardWorld) -> None:
    late = cell_of(crowded, "signalpath.locations", TODAY)
    assert (late.mark.sign, late.words) == ("!", "late 2\N{NO-BREAK SPACE}h")
    came = cell_of(crowded, "borealis.weather", YESTERDAY)
    assert (came.mark.sign, came.words) == ("◷", f"came 95{chr(160)}min late")
    held = cell_of(crowded, "cobalt.orders", TODAY)
    assert (held.mark.sign, held.words, held.mark.tone) == ("▣", "on time", "quarantined")


def test_a_cell_of_a_closed_day_says_why(crowded: BoardWorld) -> None:
    closed = cell_of(crowded, "registrar.deeds", "2026-11-11")
    assert (closed.words, closed.reason) == ("closed", "holiday in office_days")
    weekend = cell_of(crowded, "registrar.deeds", "2026-11-14")
    assert (weekend.words, weekend.reason) == ("closed", "Saturday is no open day in office_days")


def test_a_cell_that_a_person_excused_says_who_and_why(crowded: BoardWorld) -> None:
    waived = cell_of(crowded, "evergreen.inventory", YESTERDAY)
    assert waived.words == "excused"
    assert waived.reason == "waived by jo@example.org: stocktaking, agreed by phone"
    suspended = cell_of(crowded, "fjord.catches", TODAY)
    assert suspended.reason.startswith("feed suspended by jo@example.org: the fleet")


def test_counts_tell_how_many_are_late_missing_and_in_quarantine(crowded_grid: Grid) -> None:
    codes = "".join(line.all_codes for line in crowded_grid.lines)
    for tone, letters in (("late", "lL"), ("missing", "mM"), ("unknown", "uU")):
        assert crowded_grid.counts[tone] == sum(codes.count(each) for each in letters) > 0
    assert crowded_grid.counts["quarantined"] == 2, "one of the two is late as well"
    assert crowded_grid.total == len(codes)


def test_what_is_shown_is_what_evaluating_every_row_gives(crowded: BoardWorld) -> None:
    feeds, grid = crowded.feeds(), grid_of(crowded)
    with crowded.ledger.read() as tx:
        rows = [row for row in expected.in_horizon(tx, grid.since) if row.opens_at <= NOW]
        shown = cells_at(tx, grid, [(row.feed, row.period) for row in rows])
        for row in rows:
            state, cell = facts.state_of(tx, feeds[row.feed], row, NOW), shown[row.feed, row.period]
            assert (cell.timeliness, cell.delivery) == (state.timeliness, state.delivery), row
            assert cell.reason == state.reason
            late = state.late_for(NOW).total_seconds()
            assert (cell.late_by_s or 0) == late
            if grid.columns[0].isoformat() <= row.period_first and row.feed != "month.census":
                assert code_of(grid, row.feed, row.period) == cell.mark.code


def test_states_go_on_with_time_though_no_tick_runs(world: BoardWorld) -> None:
    world.feed("acme.prices")
    world.watch()
    world.now += timedelta(hours=12)
    line = line_of(grid_of(world), "acme.prices")
    assert line.codes.strip().endswith("mm"), "the cut-off went by and nobody recorded it"


def test_a_batch_that_changed_after_the_tick_counts_at_once(world: BoardWorld) -> None:
    world.feed("acme.prices")
    world.promise()
    batch_id = world.came("acme.prices", YESTERDAY, NOW - timedelta(days=1, hours=3))
    world.watch()
    assert cell_of(world, "acme.prices", YESTERDAY).delivery == "PUBLISHED"
    world.now += timedelta(seconds=5)
    with world.ledger.write() as tx:
        batches.set_status(tx, batch_id, "ROLLED_BACK", world.now)
        expected.make_due(tx, "acme.prices", [YESTERDAY], world.now)
    cell = cell_of(world, "acme.prices", YESTERDAY)
    assert cell.delivery == "COMPLETE"
    assert "rolled back" in cell.reason


def test_a_month_stands_where_it_is_due_and_stays_while_it_is_late(crowded_grid: Grid) -> None:
    census = line_of(crowded_grid, "month.census")
    column = crowded_grid.columns.index(date(2026, 11, 10))
    assert census.codes.strip() == "l"
    assert census.periods_at(column) == [("2026-10", "l")]


def test_what_is_late_since_before_the_days_shown_is_not_forgotten(crowded: BoardWorld) -> None:
    grid = grid_of(crowded, days=3)
    census = line_of(grid, "month.census")
    assert (census.codes.strip(), census.earlier) == ("", [("2026-10", "l")])
    assert grid.columns == (date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 20))
    assert grid.has_earlier


def test_of_many_old_gaps_the_last_few_stand_in_the_line(world: BoardWorld) -> None:
    world.feed("acme.prices", cutoff="T+60d 00:00")
    world.feed("acme.orders")
    world.watch()
    page = page_of(world, days=7)
    [line] = [line for line in page.lines if line.feed == "acme.prices"]
    assert [period for period, _ in line.earlier] == [f"2026-11-{n:02d}" for n in range(5, 14)]
    assert [period for period, _ in line.last_earlier] == [f"2026-11-{n}" for n in (11, 12, 13)]
    assert page.grid.counts["late"] == 16 + 1, "all of them count"
    assert page_of(world, days=7, view="list", state="late").found == 17


def test_a_feed_without_periods_in_the_days_shown_shows_its_last_two(world: BoardWorld) -> None:
    old = {"due": "E+1d 12:00", "warn": "E+1d 11:00", "cutoff": "E+2d 00:00"}
    world.feed("borough.sales", first="2013", period="{kind: year}", opens="E+1d 06:00", **old)
    world.now = NOW.replace(year=2015, month=1, day=3)
    world.promise()
    world.now = NOW
    grid = grid_of(world)
    assert line_of(grid, "borough.sales").earlier == [("2014", "m")]
    assert grid.columns == ()


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
    grid = grid_of(world)
    hours = line_of(grid, "tide.levels").periods_at(grid.columns.index(date(2026, 11, 20)))
    assert len(hours) > 10
    assert hours[0][1] == "l"
    assert dict(hours)["2026-11-20T0300Z"] == "o"
    weights = [ALL[code].weight for _, code in hours]
    assert weights == sorted(weights, reverse=True)
    assert grid.total == len(hours)


def test_the_share_on_time_leaves_out_what_nobody_judges(crowded_grid: Grid) -> None:
    assert line_of(crowded_grid, "acme.positions").rate == 1.0
    assert line_of(crowded_grid, "gone.retired").rate == 0.0
    excused = line_of(crowded_grid, "evergreen.inventory")
    assert excused.rate == excused.codes.count("o") / (excused.codes.count("o") + 1)


def test_an_old_gap_says_less_than_how_the_newest_period_stands() -> None:
    def line(codes: str) -> Line:
        days = [date(2026, 11, 1) + timedelta(days=n) for n in range(len(codes))]
        return Line("a.b", "a", "A", "", codes, days, {}, {}, [])

    assert line("oomoooooo").telling == ("2026-11-09", "o")
    assert line("ooooooomo").telling == ("2026-11-08", "m")
    assert line("oloooooooooo").telling == ("2026-11-02", "l"), "it is still late"
    assert line("   ").telling is None


def test_a_supplier_is_as_bad_as_the_worst_of_its_feeds(crowded: BoardWorld) -> None:
    page = page_of(crowded, group="supplier", days=35)
    cobalt = next(group for group in page.groups if group.id == "cobalt")
    assert [line.feed for line in cobalt.lines] == ["cobalt.returns", "cobalt.orders"]
    assert cobalt.codes.endswith("cl")
    assert cobalt.weight == cobalt.lines[0].weight
    assert page.lines == [], "closed suppliers show no feeds"


def test_an_opened_supplier_shows_its_feeds(crowded: BoardWorld) -> None:
    page = page_of(crowded, group="supplier", open="cobalt,acme")
    assert {line.supplier_id for line in page.lines} == {"cobalt", "acme"}
    everything = page_of(crowded, group="supplier", open="all")
    assert len(everything.lines) == 20


def test_the_list_holds_what_needs_a_look_worst_first(crowded: BoardWorld) -> None:
    page = page_of(crowded, view="list", state="trouble")
    weights = [cell.mark.weight for cell in page.rows]
    assert weights == sorted(weights, reverse=True)
    assert {cell.mark.tone for cell in page.rows} == {
        "late", "missing", "quarantined", "unknown", "at-risk",
    }  # fmt: skip
    assert (
        page.found
        == len(page.rows)
        == sum(ALL[code].weight > 1 for line in page.grid.lines for code in line.all_codes)
    )
    held = page_of(crowded, view="list", state="quarantined")
    assert {cell.feed for cell in held.rows} == {"signalpath.locations", "cobalt.orders"}


def test_words_filter_by_supplier_feed_and_description(crowded: BoardWorld) -> None:
    assert {line.feed for line in page_of(crowded, q="COBALT ltd").lines} == {
        "cobalt.orders", "cobalt.returns",
    }  # fmt: skip
    assert [line.feed for line in page_of(crowded, q="mobile devices").lines] == [
        "signalpath.locations"
    ]
    assert page_of(crowded, q="cobalt weather").found == 0
    assert {line.feed for line in page_of(crowded, supplier="acme").lines} == {
        "acme.prices", "acme.positions",
    }  # fmt: skip


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
    assert not grid_of(world).pulse.is_watched
    world.watch()
    assert grid_of(world).pulse.is_watched
    world.now += timedelta(minutes=6)
    assert not grid_of(world).pulse.is_watched


def test_a_connection_that_fails_for_long_is_told(crowded_grid: Grid) -> None:
    [blind] = crowded_grid.pulse.blind
    assert (blind.connection, blind.error, blind.good_at) == (
        "blind_inbox", "connection refused", None,
    )  # fmt: skip
