"""First lines that look like something else: titles, comments and rows of another width."""

from __future__ import annotations

from pathlib import Path

from wharf.reading import Trial, try_file


def tried(folder: Path, content: str) -> Trial:
    file, work = folder / "delivered.csv", folder / "work"
    file.write_text(content, newline="")
    work.mkdir()
    return try_file(file, work)


def test_comments_before_and_between_rows_are_neither_header_nor_rows(tmp_path: Path) -> None:
    trial = tried(tmp_path, "# made by hand\n# twice\nid;name\n# first\n1;ann\n2;ben\n# end\n")
    assert (trial.columns, trial.header_line) == (("id", "name"), 3)
    assert (trial.rows_staged, trial.rows_quarantined) == (2, 0)


def test_more_comments_than_rows_do_not_make_one_column(tmp_path: Path) -> None:
    trial = tried(tmp_path, "a,b,c\n# x\n1,2,3\n# y\n# z\n4,5,6\n# end")
    assert trial.columns == ("a", "b", "c")
    assert (trial.rows_staged, trial.rows_quarantined) == (2, 0)


def test_a_first_row_with_an_open_quote_is_quarantined_and_no_title(tmp_path: Path) -> None:
    rows = "".join(f"{n}\t{n * 7}\t2024-01-01\tplain\n" for n in range(40))
    trial = tried(tmp_path, '7\t9\t2024-01-01\t"open\n' + rows)
    assert (trial.header_line, len(trial.columns)) == (None, 4)
    assert (trial.rows_in_file, trial.rows_staged, trial.rows_quarantined) == (41, 40, 1)


def test_a_longer_first_row_above_two_shorter_ones_is_not_lost(tmp_path: Path) -> None:
    trial = tried(tmp_path, 'ann;x;y;2.5\nben;x\ncid;"\nann;x;"')
    assert trial.rows_in_file == 2
    assert trial.rows_staged + trial.rows_quarantined == 2


def test_a_title_one_field_short_is_no_header_where_names_stand_below_it(tmp_path: Path) -> None:
    trial = tried(tmp_path, "some words\nmore words,.\nsize,name,day\n3.5,ann,2024-01-02\n")
    assert (trial.columns, trial.header_line) == (("size", "name", "day"), 3)
    assert (trial.rows_staged, trial.rows_quarantined) == (1, 0)


def test_a_header_one_field_short_stays_the_header_of_rows_with_names(tmp_path: Path) -> None:
    trial = tried(tmp_path, "size,weight\nann,1.5,2\nben,2.5,3\ncid,4.5,5\n")
    assert trial.header_line == 1


def test_lines_that_only_their_places_divide_are_kept_whole(tmp_path: Path) -> None:
    lines = [
        f"AB##{n:05}   {'of, ' if n % 7 else 'and '}town {n % 3}".ljust(120) for n in range(60)
    ]
    trial = tried(tmp_path, "".join(f"{line}\r\n" for line in lines))
    assert (trial.header_line, trial.columns) == (None, ("column_1",))
    assert (trial.rows_staged, trial.rows_quarantined) == (60, 0)
    assert any("one length" in note for note in trial.notes)


def test_the_last_row_of_a_table_is_no_header_below_one_with_a_gap(tmp_path: Path) -> None:
    trial = tried(tmp_path, "area,share,change,\n,,since May,since June\nA,B,C,D\n")
    assert (trial.header_line, trial.rows_in_file) == (1, 2)
