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
    """
    result = connection.execute(plot.query)
    columns = [each[0] for each in result.description or ()]
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
            "field": plot.x,
            "type": kind,
            "axis": _x_axis(plot, data, kind, width),
            "scale": {"zero": False, "nice": False} if kind == "quantitative" else {},
        },
        "y": {
            "field": plot.y,
            "type": "quantitative",
            "axis": _y_axis(plot, data),
            "scale": {"zero": plot.mark == "bar"},
        },
    }
    if plot.colour:
        encoding["color"] = {
            "field": plot.colour, "type": "nominal", "legend": None,
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


def _colours(groups: list[str]) -> list[str]:
    return [COLOURS[number % len(COLOURS)] for number in range(len(groups))]


def _x_axis(plot: Plot, data: list[dict[str, Any]], kind: str, width: int) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": label(plot.x), "grid": False}
    if kind == "ordinal":
        return axis | {"labelAngle": _angle(len({str(row[plot.x]) for row in data}), width)}
    if all(isinstance(row[plot.x], int) and abs(row[plot.x]) < 10_000 for row in data):
        return axis | {"format": "d", "tickMinStep": 1}  # years and hours have no thousands
    return axis


def _y_axis(plot: Plot, data: list[dict[str, Any]]) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": label(plot.y), "tickCount": 5}
    if data and all(isinstance(row[plot.y], int) for row in data):
        return axis | {"format": ",d", "tickMinStep": 1}
    return axis


def _angle(labels: int, width: int) -> int:
    """Slanted where level labels would not fit beside each other."""
    return -40 if labels > width // 75 else 0


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
