"""Lines of quarantine without secret values: an escape must not move one into sight."""

from __future__ import annotations

from wharf.reading.shapes import Shape, masked

SHAPE = Shape("f.csv", "csv", ("name", "secret"), ",", '"', escape="\\")


def test_an_escaped_delimiter_does_not_begin_the_next_cell() -> None:
    shown = masked(SHAPE, "a\\,b,hush", {"secret"})

    assert shown is not None
    assert "a,b" in shown
    assert "hush" not in shown


def test_a_row_that_only_looks_whole_is_not_shown() -> None:
    assert masked(SHAPE, "a\\,hush", {"secret"}) is None
