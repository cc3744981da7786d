from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from harbour import GOOD, Harbour

from wharf.cli.main import wharf
from wharf.errors import ArrivalsError
from wharf.ledger import learned

START = datetime(2026, 10, 1, 6, tzinfo=UTC)


@pytest.fixture
def harbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harbour:
    made = Harbour(tmp_path)
    monkeypatch.setenv("WHARF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WHARF_PROJECT", str(tmp_path / "project"))
    inbox = {"conn_type": "local", "extra": {"root": str(made.inbox)}}
    monkeypatch.setenv("AIRFLOW_CONN_ACME_INBOX", json.dumps(inbox))
    return made


def wharf_does(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(wharf, [str(each) for each in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def lines(count: int = 20) -> list[str]:
    """Past days, each delivered 65 minutes after its opening at 06:00."""
    days = (START + timedelta(days=number) for number in range(count))
    return [
        f"acme.prices,{day:%Y-%m-%d},{day + timedelta(minutes=65, seconds=day.day):%FT%TZ}"
        for day in days
    ]


def past_file(folder: Path, rows: list[str], header: str = "feed,period,arrived_utc") -> Path:
    file = folder / "past.csv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


def imported(harbour: Harbour) -> list[learned.Observed]:
    with harbour.place.ledger.read() as tx:
        return learned.observed(tx, "acme.prices", 5000)


def test_past_arrivals_are_imported_and_learned_from_at_once(
    harbour: Harbour, tmp_path: Path
) -> None:
    file = past_file(tmp_path, lines())
    result = wharf_does("arrivals", "import", file)
    assert "20 new, 0 changed, 0 known before" in result.output
    assert "acme.prices: usually by 07:06, p95 07:06 (n = 20)" in result.output
    assert harbour.incidents() == []
    shown = wharf_does("arrivals", "show", "acme.prices").output
    assert "usually by 07:06" in shown
    rows = [
        json.loads(line)
        for line in wharf_does("arrivals", "show", "acme.prices", "--json").output.splitlines()
    ]
    assert [(row["stratum"], row["n"]) for row in rows] == [("all", 20)]


def test_the_same_file_again_changes_nothing(harbour: Harbour, tmp_path: Path) -> None:
    file = past_file(tmp_path, lines())
    wharf_does("arrivals", "import", file)
    before = imported(harbour)
    assert "0 new, 0 changed, 20 known" in wharf_does("arrivals", "import", file).output
    assert imported(harbour) == before


def test_a_dry_run_keeps_nothing(harbour: Harbour, tmp_path: Path) -> None:
    result = wharf_does("arrivals", "import", "--dry-run", past_file(tmp_path, lines()))
    assert "20 periods of 1 feed" in result.output
    assert imported(harbour) == []


def test_every_bad_line_is_named_and_no_good_one_is_kept(harbour: Harbour, tmp_path: Path) -> None:
    rows = [
        *lines(3),
        "acme.price,2026-10-05,2026-10-05T07:00:00Z",
        "acme.prices,2026-W40,2026-10-05T07:00:00Z",
        "acme.prices,2026-10-05,yesterday",
        "acme.prices,2026-10-05,2026-10-05 07:00:00",
        "acme.prices,2026-10-05,2126-10-05T07:00:00Z",
        "acme.prices,2026-10-05",
    ]
    with pytest.raises(ArrivalsError) as caught:
        wharf_does("arrivals", "import", past_file(tmp_path, rows))
    told = str(caught.value).splitlines()
    words = "did you mean acme.prices?|is not a day|'yesterday'|its zone|still to come|has 2 cells"
    for line, wanted in zip(told, words.split("|"), strict=True):
        assert wanted in line
    assert [line.split()[2] for line in told] == [f"{number}:" for number in range(5, 11)]
    assert imported(harbour) == []


def test_a_file_without_its_columns_is_refused(harbour: Harbour, tmp_path: Path) -> None:
    with pytest.raises(
        ArrivalsError, match="lacks the columns period, arrived_utc; line 1 has feed"
    ):
        wharf_does("arrivals", "import", past_file(tmp_path, [], "feed"))


def test_a_file_made_for_a_rehearsal_is_imported_as_it_is(harbour: Harbour, tmp_path: Path) -> None:
    header = "feed,period,file,submitted_utc,arrived_utc,status,bytes"
    first = "acme.prices,2026-10-05,a.csv,,2026-10-05T08:00:00Z,M,9"
    rows = [
        first,
        "acme.prices,2026-10-05,a.csv,,2026-10-05T07:00:00+01:00,A,0",
        "acme.prices,2026-10-05,a.csv,2026-10-05T06:30:00Z,2026-10-05T07:00:00Z,A,7",
        "acme.prices,2026-10-05,a.csv,,2026-10-06T07:00:00Z,D,",
    ]
    file = past_file(tmp_path, rows, header)
    packed = tmp_path / "past.csv.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    result = wharf_does("arrivals", "import", packed)
    assert (
        "4 lines: 1 period of 1 feed; apart from these 1 of a period named before, 2 of"
        in result.output
    )
    assert [each.arrived_at.hour for each in imported(harbour)] == [7]


def test_a_long_file_says_how_far_it_is(
    harbour: Harbour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wharf.cli.arrivals.AT_ONCE", 8)
    result = wharf_does("arrivals", "import", past_file(tmp_path, lines()))
    assert "keeping   8 of 20" in result.output
    assert "keeping   20 of 20" in result.output
    assert len(imported(harbour)) == 20


def test_a_past_speaks_for_another_deadline(harbour: Harbour, tmp_path: Path) -> None:
    assert "nothing to change" in wharf_does("arrivals", "suggest").output
    wharf_does("arrivals", "import", past_file(tmp_path, lines()))
    told = wharf_does("arrivals", "suggest", "acme").output
    assert "tighten due T+0 12:00 to T+0 07:15" in told
    refused = wharf_does("arrivals", "suggest", "nobody")
    assert refused.exit_code == 2
    assert "neither a feed (acme.prices) nor a supplier (acme)" in refused.output


def test_status_tells_when_a_delivery_usually_comes(harbour: Harbour, tmp_path: Path) -> None:
    wharf_does("arrivals", "import", past_file(tmp_path, lines()))
    harbour.look()
    rows = [
        json.loads(line)
        for line in wharf_does("status", "--days", "3000", "--json").output.splitlines()
    ]
    assert [row["usual"] for row in rows] == ["usually by 07:06, p95 07:06"]


@pytest.fixture
def judged(harbour: Harbour) -> Harbour:
    """One day in time, one late, one missing, by the clock of the day after."""
    for day, hour in (("2026-11-16", 8), ("2026-11-17", 14), ("2026-11-18", 0)):
        harbour.day = day
        at = datetime.fromisoformat(day).replace(tzinfo=UTC)
        harbour.now = at + timedelta(hours=6)
        harbour.look()
        if hour:
            harbour.now = at + timedelta(hours=hour)
            harbour.deliver(GOOD, f"prices_{at:%Y%m%d}.csv")
            harbour.look()
        harbour.now = at + timedelta(days=2)
        harbour.state()
    return harbour


def test_the_scorecard_counts_by_supplier_and_month(judged: Harbour) -> None:
    told = wharf_does("scorecard", "--months", "120").output
    assert "acme" in told
    assert "33.3 %" in told
    rows = [
        json.loads(line)
        for line in wharf_does(
            "scorecard", "acme.prices", "--months", "120", "--json"
        ).output.splitlines()
    ]
    assert [row["month"] for row in rows] == ["", "2026-11"]
    month = rows[1]
    assert (month["on_time"], month["late_arrived"], month["missing"]) == (1, 1, 1)
    assert (month["breaches"], month["streak"], month["longest_streak"]) == (2, 2, 2)
    assert month["worst_s"] == 2 * 3600
    assert month["p50_s"] == -3600


def test_the_scorecard_exports_a_table(judged: Harbour) -> None:
    told = wharf_does("scorecard", "acme", "--months", "120", "--csv").output
    [whole, month] = csv.DictReader(io.StringIO(told))
    assert (whole["subject"], month["month"]) == ("acme.prices", "2026-11")
    assert month["on_time_rate"] == "0.3333"


def test_a_scorecard_of_nothing_says_so(harbour: Harbour) -> None:
    assert "nothing was due since" in wharf_does("scorecard").output
    assert wharf_does("scorecard", "--csv", "--json").exit_code == 2
