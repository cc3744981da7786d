from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb
import pytest

from wharf.contracts.product import Plot
from wharf.portal.charts import Chart, draw


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def chart(
    connection: duckdb.DuckDBPyConnection, query: str, mark: str = "bar", colour: str | None = None
) -> Chart:
    plot = Plot.model_validate(
        {"title": "A & B", "query": query, "mark": mark, "x": "x_name", "y": "how_many",
         "colour": colour}
    )  # fmt: skip
    return draw(connection, plot)


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_axes_are_named_in_words(connection: duckdb.DuckDBPyConnection) -> None:
    drawn = chart(connection, "select 'a' as x_name, 3 as how_many")
    assert {"x name", "how many"} <= set(texts(drawn.wide))
    assert "<title>A &amp; B</title>" in drawn.wide


def test_counts_have_whole_numbers_at_their_axis(connection: duckdb.DuckDBPyConnection) -> None:
    drawn = chart(connection, "select unnest(['a', 'b']) as x_name, 1 as how_many")
    assert not [text for text in texts(drawn.wide) if "." in text]


def test_years_have_no_thousands(connection: duckdb.DuckDBPyConnection) -> None:
    query = "select 1900 + i as x_name, 1000 * i as how_many from range(100) t(i)"
    drawn = chart(connection, query, mark="line")
    assert "1920" in texts(drawn.wide)
    assert "80,000" in texts(drawn.wide)


def test_a_chart_has_no_style_and_no_script(connection: duckdb.DuckDBPyConnection) -> None:
    drawn = chart(connection, "select '<script>x</script>' as x_name, 1 as how_many")
    for svg in (drawn.wide, drawn.narrow):
        assert " style=" not in svg
        assert "<script" not in svg
        assert 'role="img"' in svg


def test_twelve_groups_have_twelve_colours(connection: duckdb.DuckDBPyConnection) -> None:
    query = "select 'g' || i as grouped, 'a' as x_name, 1 as how_many from range(12) t(i)"
    drawn = chart(connection, query, colour="grouped")
    assert len({colour for _, colour in drawn.legend}) == 12
    assert set(re.findall(r"var\(--(c\d+)\)", drawn.wide)) == {f"c{n}" for n in range(1, 13)}


def test_names_that_do_not_fit_are_slanted(connection: duckdb.DuckDBPyConnection) -> None:
    query = "select 'a long name ' || i as x_name, 1 as how_many from range(20) t(i)"
    assert "rotate(-40" in chart(connection, query).narrow


def test_an_empty_answer_is_an_empty_chart(connection: duckdb.DuckDBPyConnection) -> None:
    drawn = chart(connection, "select 'a' as x_name, 1 as how_many where false")
    assert drawn.rows == []
    assert "<svg" in drawn.wide
