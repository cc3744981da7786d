"""The board's templates: everything is escaped, and a name that is not given is an error."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from wharf.board import charts, strips, table, words


def make_templates() -> Environment:
    """Build the environment of the board's pages, with the words they say."""
    made = Environment(
        loader=PackageLoader("wharf.board"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for each in (
        words.span, words.minute, words.second, words.weekday, words.day_and_month,
        words.timeliness, words.delivery, words.condition, words.finding, words.capitalize_first,
        words.percent, words.local, words.size, words.change,
    ):  # fmt: skip
        made.filters[each.__name__] = each
    made.filters["number"] = lambda value: f"{value:,}"
    made.globals.update(
        can_act=False,
        strip=strips.strip,
        strip_summary=strips.summary,
        ruler=strips.ruler,
        row_cells=table.row_cells,
        earlier_cells=table.earlier_cells,
        breakable=table.breakable,
        now_tag=table.now_tag,
        roll_cells=table.roll_cells,
        address=table.address,
        rate_chart=charts.rate_chart,
        arrival_chart=charts.arrival_chart,
        room_chart=charts.room_chart,
        from_due=charts.from_due,
    )
    return made
