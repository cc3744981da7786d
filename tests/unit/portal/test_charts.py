from __future__ import annotations

import re
from collections.abc import Iterator

import duckdb
import pytest

from wharf.contracts.product import Plot
from wharf.errors import ProductError
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
    drawn = chart(connection, query)
    assert "rotate(320" in drawn.narrow
    assert len([text for text in texts(drawn.narrow) if text.startswith("a long name")]) == 20


def test_names_stand_in_the_order_of_the_query(connection: duckdb.DuckDBPyConnection) -> None:
    query = "select unnest(['late', 'early', 'never']) as x_name, 1 as how_many"
    names = [text for text in texts(chart(connection, query).wide) if text in query]
    assert names[:3] == ["late", "early", "never"]


def test_an_empty_answer_is_an_empty_chart(connection: duckdb.DuckDBPyConnection) -> None:
    drawn = chart(connection, "select 'a' as x_name, 1 as how_many where false")
    assert drawn.rows == []
    assert "<svg" in drawn.wide


def test_a_column_may_have_any_name(connection: duckdb.DuckDBPyConnection) -> None:
    query = """select 'a' as "x.na[me]'s", 7 as "count(*)" """
    plot = Plot(title="t", query=query, x="x.na[me]'s", y="count(*)")
    drawn = draw(connection, plot)
    assert "undefined" not in drawn.wide
    assert "a" in texts(drawn.wide)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select 'a' as x_name, 1 as other", "names how_many; its query gives x_name, other"),
        ("select nothing", "'A & B': Binder Error"),
    ],
)
def test_a_plot_that_cannot_be_drawn_says_what_to_change(
    connection: duckdb.DuckDBPyConnection, query: str, said: str
) -> None:
    with pytest.raises(ProductError, match=re.escape(said)):
        chart(connection, query)
