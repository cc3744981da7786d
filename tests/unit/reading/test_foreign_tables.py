"""Tables as publishers write them, of which nobody said how: header, escapes, delimiters, kinds."""

from __future__ import annotations

from pathlib import Path

import pytest

from wharf.reading import Trial, try_file


def tried(folder: Path, content: str) -> Trial:
    file, work = folder / "delivered", folder / "work"
    file.write_text(content, encoding="utf-8", newline="")
    work.mkdir()
    return try_file(file, work)


@pytest.mark.parametrize(
    ("content", "line", "rows"),
    [
        ("country,2019,2020,2021\nNL,1,2,3\nDE,4,5,6\nFR,7,8,9\n", 1, 3),
        ("Trade by year,,\n\ncountry,2019/20,2020/21\nNL,1,2\nDE,4,5\n", 3, 2),
        ("NL,1990,2001\nDE,1991,2002\nFR,1995,2003\n", None, 3),
        ("08:00\n09:30\n10:15\n", None, 3),
        ("1 Jan 2020,3\n2 Jan 2020,4\n", None, 2),
        ("id,name\n1,a\nid,name\n2,b\n", 1, 3),
    ],
    ids=["years", "years below a title", "years as values", "times", "dates in words", "repeated"],
)
def test_the_header_is_told_from_data(
    tmp_path: Path, content: str, line: int | None, rows: int
) -> None:
    trial = tried(tmp_path, content)

    assert (trial.header_line, trial.rows_in_file) == (line, rows)


@pytest.mark.parametrize(
    "content",
    ["a,a,a\nx,y,z\nu,v,w\n", ",name,name,name\n1,x,u,b\n2,y,v,d\n", "Sum,Sum\n1,2\n3,4\n"],
    ids=["one name", "one name, one empty", "sums"],
)
def test_a_file_whose_names_say_too_little_is_read_by_line_and_place(
    tmp_path: Path, content: str
) -> None:
    trial = tried(tmp_path, content)

    assert (trial.outcome, trial.rows_staged, trial.header_line) == ("loaded", 2, 1)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_end_behind_a_backslash_goes_on_with_its_row(tmp_path: Path, end: str) -> None:
    lines = ["id\tnote\tx", "1\ta\\", "b\t5", "2\ttab\\\tinside\t6", "3\tplain\t7"]
    trial = tried(tmp_path, end.join([*lines, ""]))

    assert (trial.outcome, trial.rows_in_file, trial.escape) == ("loaded", 3, "\\")


def test_escaped_line_ends_and_delimiters_make_no_ragged_rows(tmp_path: Path) -> None:
    rows = [f'task/{n},def f(a\\, b):\\\n\t""" Add\\, or so.\\\n\treturn a\n' for n in range(5)]
    trial = tried(tmp_path, "".join(["task,text\n", *rows]))

    assert (trial.delimiter, trial.escape, trial.rows_in_file) == (",", "\\", 5)
    assert trial.rows_staged == 5


def test_quotes_inside_of_fields_do_not_hide_the_delimiter(tmp_path: Path) -> None:
    rows = [f'{n};"pedro "the" great"\n' for n in range(1, 7)]
    trial = tried(tmp_path, "".join(rows))

    assert (trial.delimiter, trial.rows_in_file, len(trial.columns)) == (";", 6, 2)


def test_a_remark_that_holds_the_delimiter_is_a_remark(tmp_path: Path) -> None:
    lines = ["# made by hand", "a;b", "# not yet", "1;2", "# 20;7", "# later", "3;4"]
    trial = tried(tmp_path, "\n".join([*lines, ""]))

    assert (trial.comment, trial.header_line, trial.rows_staged) == ("#", 2, 2)


def test_rows_of_numbers_are_no_single_number(tmp_path: Path) -> None:
    trial = tried(tmp_path, "10,100,1000\n10,100,2000\n10,100,3000\n")

    assert (trial.delimiter, trial.rows_staged, len(trial.columns)) == (",", 3, 3)


def test_a_folder_that_ends_with_a_backslash_escapes_nothing(tmp_path: Path) -> None:
    trial = tried(tmp_path, "disk,folder,size\nC,C:\\temp\\,1\nD,D:\\data\\,2\nE,E:\\x\\,3\n")

    assert (trial.outcome, trial.rows_staged, trial.escape) == ("loaded", 3, "")


def test_a_comma_here_and_there_makes_no_columns_of_sentences(tmp_path: Path) -> None:
    trial = tried(tmp_path, "text\nHello there\nGood morning, all\nBye\nSee you, soon\nWell\n")

    assert (trial.outcome, trial.rows_staged, trial.columns) == ("loaded", 5, ("text",))


def test_a_delimiter_of_two_bytes_may_stand_between_blanks(tmp_path: Path) -> None:
    trial = tried(tmp_path, "a || b\n1 || 2\n3 || 4\n")

    assert (trial.delimiter, trial.columns, trial.rows_staged) == ("||", ("a", "b"), 2)


def test_signs_at_the_end_of_one_column_are_no_delimiter(tmp_path: Path) -> None:
    lines = [f'{n},b{n}x,"aGVs{n}bG8==",{n * 3}' for n in range(9)]
    trial = tried(tmp_path, "\n".join(["id,name,packed,amount", *lines, ""]))

    assert (trial.delimiter, len(trial.columns), trial.rows_staged) == (",", 4, 9)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("- id: 1\n  name: english\n- id: 2\n  name: dutch\n", "YAML"),
        ("- [id, name]\n- [1, english]\n", "YAML"),
        ('digraph "two words"{\n  a [shape=box,label=b]\n  c [shape=box,label=d]\n}\n', "graph"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, content: str, what: str) -> None:
    trial = tried(tmp_path, content)

    assert trial.outcome == "refused"
    assert what in trial.reason
