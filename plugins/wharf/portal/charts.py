"""Charts as inline SVG, drawn at build time; colours are the page's own variables."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from wharf.contracts.product import Plot
from wharf.errors import ProductError
from wharf.portal.words import label

WIDTHS = {"wide": 660, "narrow": 300}
COLOURS = tuple(f"var(--c{number})" for number in range(1, 13))
_STYLE = re.compile(r'\s(?:style|aria-[a-z]+|role)="[^"]*"')


@dataclass(frozen=True)
class Chart:
    """One drawn chart: its SVG in two widths, its legend and the numbers behind it."""

    title: str
    wide: str
    narrow: str
    legend: Sequence[tuple[str, str]]
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def draw(connection: duckdb.DuckDBPyConnection, plot: Plot) -> Chart:
    """Run a plot's query and draw it.

    Args:
        connection: DuckDB with the product's table as a view.
        plot: What to draw; `x`, `y` and `colour` name columns of its query.

    Raises:
        ProductError: The query fails, or does not give the columns that the plot names.
    """
    try:
        result = connection.execute(plot.query)
    except duckdb.Error as error:
        problem = str(error).partition("\n")[0]
        raise ProductError(f"plot {plot.title!r}: {problem}; change its query") from error
    columns = [each[0] for each in result.description or ()]
    if absent := {plot.x, plot.y, plot.colour or plot.x} - {*columns}:
        raise ProductError(
            f"plot {plot.title!r} names {', '.join(sorted(absent))}; "
            f"its query gives {', '.join(columns)}"
        )
    rows = [[_plain(value) for value in row] for row in result.fetchall()]
    groups = _groups(columns, rows, plot.colour)
    data = [dict(zip(columns, row, strict=True)) for row in rows]
    drawn = {
        name: _svg(_spec(plot, data, groups, width), plot.title) for name, width in WIDTHS.items()
    }
    return Chart(
        title=plot.title,
        wide=drawn["wide"],
        narrow=drawn["narrow"],
        legend=[(group, f"c{number % len(COLOURS) + 1}") for number, group in enumerate(groups)],
        columns=columns,
        rows=rows[:200],
    )


def _groups(columns: Sequence[str], rows: Sequence[Sequence[Any]], colour: str | None) -> list[str]:
    if colour is None:
        return []
    place = columns.index(colour)
    return sorted({str(row[place]) for row in rows})


def _spec(plot: Plot, data: list[dict[str, Any]], groups: list[str], width: int) -> dict[str, Any]:
    axis = {
        "labelColor": "var(--ink2)", "titleColor": "var(--ink2)", "domainColor": "var(--edge)",
        "tickColor": "var(--edge)", "gridColor": "var(--edge)", "labelFontSize": 11,
        "titleFontSize": 11, "titleFontWeight": "normal", "titlePadding": 8, "labelLimit": 120,
        "labelOverlap": True,
    }  # fmt: skip
    numeric = bool(data) and all(isinstance(row[plot.x], int | float) for row in data)
    kind = "quantitative" if numeric and plot.mark != "bar" else "ordinal"
    encoding: dict[str, Any] = {
        "x": {
            "field": _field(plot.x),
            "type": kind,
            "sort": None,
            "axis": _x_axis(plot, data, kind, width),
            "scale": {"zero": False, "nice": False} if kind == "quantitative" else {},
        },
        "y": {
            "field": _field(plot.y),
            "type": "quantitative",
            "axis": _y_axis(plot, data),
            "scale": {"zero": plot.mark == "bar"},
        },
    }
    if plot.colour:
        encoding["color"] = {
            "field": _field(plot.colour), "type": "nominal", "legend": None,
            "scale": {"domain": groups, "range": _colours(groups)},
        }  # fmt: skip
    else:
        encoding["color"] = {"value": COLOURS[0]}
    mark: dict[str, Any] = {"type": plot.mark}
    if plot.mark == "line":
        mark |= {"strokeWidth": 2}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "transparent", "width": width, "height": 260 if width > 400 else 220,
        "data": {"values": data}, "mark": mark, "encoding": encoding,
        "config": {"axis": axis, "view": {"stroke": None}},
    }  # fmt: skip


def _field(column: str) -> str:
    """A column's name as Vega-Lite reads it: dots and brackets are no paths."""
    return re.sub(r"([\\.\[\]'])", r"\\\1", column)


def _colours(groups: list[str]) -> list[str]:
    return [COLOURS[number % len(COLOURS)] for number in range(len(groups))]


def _x_axis(plot: Plot, data: list[dict[str, Any]], kind: str, width: int) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": label(plot.x), "grid": False}
    if kind == "ordinal":
        room = width / max(len({str(row[plot.x]) for row in data}), 1)
        # Level names need about 75 pixels each, slanted ones 14; below that some are left out.
        return axis | {"labelAngle": 0 if room >= 75 else -40, "labelOverlap": room < 14}
    if all(isinstance(row[plot.x], int) and abs(row[plot.x]) < 10_000 for row in data):
        return axis | {"format": "d", "tickMinStep": 1}  # years and hours have no thousands
    return axis


def _y_axis(plot: Plot, data: list[dict[str, Any]]) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": label(plot.y), "tickCount": 5}
    if data and all(isinstance(row[plot.y], int) for row in data):
        return axis | {"format": ",d", "tickMinStep": 1}
    return axis


def _svg(spec: dict[str, Any], title: str) -> str:
    """Draw, then replace the per-mark descriptions by one title for the whole picture."""
    import vl_convert

    svg = vl_convert.vegalite_to_svg(json.dumps(spec, default=str))
    svg = _STYLE.sub("", svg)
    label = f"<title>{html.escape(title)}</title>"
    return re.sub(r"<svg([^>]*)>", rf'<svg\1 role="img">{label}', svg, count=1)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return float(value) if hasattr(value, "as_tuple") else str(value)
