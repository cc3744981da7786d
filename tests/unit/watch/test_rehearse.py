"""A rehearsal: contracts played on a past, as a person at the command line sees it."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from harbour import CONTRACT

from wharf.cli.rehearse import rehearse
from wharf.errors import ArrivalsError, ContractError

HEAD = "feed,period,file,submitted_utc,arrived_utc,status,bytes"
UNTIL = "2026-11-24"
SIXTEENTH = "acme.prices,2026-11-16,prices_20261116.csv"
Rows = list[Mapping[str, str]]


class Stage:
    """A folder with one contract and a past to write."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.feeds = root / "contracts"
        self.out = root / "out"
        self.write("prices.yaml", CONTRACT.replace("2026-11-16", "2026-11-16"))

    def write(self, name: str, text: str) -> None:
        path = self.feeds / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def play(self, *lines: str, head: str = HEAD, until: str = UNTIL, more: str = "") -> Result:
        past = self.root / "arrivals.csv"
        past.write_text("\n".join([head, *lines]) + "\n")
        command = ["--feeds", self.feeds, "--arrivals", past, "--until", until, "--out", self.out]
        return CliRunner().invoke(rehearse, [*map(str, command), *more.split()])

    def rows(self, name: str) -> Rows:
        with (self.out / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def states(self, *lines: str, **how: str) -> dict[str, str]:
        result = self.play(*lines, **how)
        assert result.exit_code == 0, result.output
        return {row["period"]: row["state"] for row in self.rows("expected_deliveries")}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def line(day: int, at: str, status: str = "A", size: str = "9", submitted: str = "") -> str:
    file = f"prices_202611{day}.csv"
    return f"acme.prices,2026-11-{day},{file},{submitted},2026-11-{at}Z,{status},{size}"


def test_each_period_ends_as_its_arrivals_make_it(stage: Stage) -> None:
    states = stage.states(
        line(16, "16T11:00"),  # due at 12:00
        line(17, "17T13:30"),
        line(19, "18T23:00"),  # before it opens, with its own key
        line(20, "21T09:00"),  # after the cut-off
    )
    assert states == {
        "2026-11-16": "ON_TIME",
        "2026-11-17": "LATE_ARRIVED",
        "2026-11-18": "MISSING",
        "2026-11-19": "ON_TIME",
        "2026-11-20": "LATE_ARRIVED",
        "2026-11-21": "MISSING",
        "2026-11-22": "MISSING",
        "2026-11-23": "MISSING",
        **{f"2026-11-{day}": "SCHEDULED" for day in range(24, 31)},
        "2026-12-01": "SCHEDULED",
    }


def test_a_row_tells_all_of_its_times(stage: Stage) -> None:
    stage.play(
        line(16, "16T13:00", size="0"),
        line(16, "16T13:00:03", "M", submitted="2026-11-16T11:59:30Z"),
        line(16, "17T08:00", "M"),
    )
    assert stage.rows("expected_deliveries")[0] == {
        "feed": "acme.prices",
        "period": "2026-11-16",
        "state": "LATE_ARRIVED",
        "due_utc": "2026-11-16T12:00:00Z",
        "late_at_utc": "2026-11-16T12:00:00Z",
        "cutoff_utc": "2026-11-17T00:00:00Z",
        "submitted_utc": "2026-11-16T11:59:30Z",
        "first_seen_utc": "2026-11-16T13:00:00Z",
        "arrived_utc": "2026-11-16T13:00:03Z",
        "late_by_submitted_s": "-30",
        "late_by_arrived_s": "3603",
        "late_by_submission": "0",
        "late_by_arrival": "1",
        "versions": "3",
        "withdrawals": "0",
    }


def test_yesterdays_file_today_does_not_clear_today(stage: Stage) -> None:
    states = stage.states(line(16, "16T09:00"), line(16, "17T09:00", "M"))
    assert states["2026-11-17"] == "MISSING"


def test_a_file_without_a_byte_is_a_version_and_never_an_arrival(stage: Stage) -> None:
    assert stage.states(line(16, "16T09:00", size="0"))["2026-11-16"] == "MISSING"
    assert stage.rows("expected_deliveries")[0]["versions"] == "1"


def test_a_file_of_unknown_size_counts_as_one_that_is_big_enough(stage: Stage) -> None:
    assert stage.states(line(16, "16T09:00", size=""))["2026-11-16"] == "ON_TIME"


WITHDRAWN = (line(16, "16T09:00"), line(16, "16T10:00", "D"), line(16, "16T14:00"))


def test_a_withdrawal_before_due_opens_the_delivery_again(stage: Stage) -> None:
    stage.write("prices.yaml", CONTRACT.replace('.csv"}', '.csv", absence: withdrawn}'))
    assert stage.states(*WITHDRAWN)["2026-11-16"] == "LATE_ARRIVED"
    [row] = stage.rows("expected_deliveries")[:1]
    assert (row["versions"], row["withdrawals"]) == ("2", "1")


def test_a_withdrawal_means_nothing_where_the_contract_gives_it_no_meaning(stage: Stage) -> None:
    assert stage.states(*WITHDRAWN)["2026-11-16"] == "ON_TIME"
    assert stage.rows("expected_deliveries")[0]["withdrawals"] == "1"


def test_people_hear_of_a_late_delivery_and_of_its_end(stage: Stage) -> None:
    stage.play(line(16, "16T13:30"), until="2026-11-17")
    told = stage.rows("notifications")
    assert (told[0]["action"], told[-1]["action"]) == ("open", "resolve")
    assert {row["status"] for row in told} == {"SENT"}
    first, last = told[0]["sent_utc"], told[-1]["sent_utc"]
    assert "2026-11-16T12:00:00Z" <= first <= "2026-11-16T12:03:00Z"
    assert "2026-11-16T13:30:00Z" <= last <= "2026-11-16T13:33:00Z"
    kinds = [row["now"] for row in stage.rows("transitions") if row["kind"] == "state"]
    assert kinds == ["DUE/NONE", "LATE/NONE", "LATE_ARRIVED/COMPLETE", "LATE_ARRIVED/PUBLISHED"]


def test_nothing_is_told_of_deliveries_in_time(stage: Stage) -> None:
    result = stage.play(line(16, "16T11:00"), until="2026-11-17")
    assert stage.rows("notifications") == []
    assert "messages  0" in result.output
    assert "no message would have been sent" in (stage.out / "summary.html").read_text()


def test_messages_go_where_the_routing_says(stage: Stage) -> None:
    stage.write(
        "alerts.yaml",
        "channels:\n"
        "  - {name: desk, kind: webhook, connection: desk}\n"
        "  - {name: quiet, kind: webhook, connection: desk, suppliers: [other]}\n",
    )
    stage.play(line(16, "16T13:30"), until="2026-11-17")
    assert {row["channel"] for row in stage.rows("notifications")} == {"desk"}


def test_lines_that_belong_to_nothing_are_listed_with_the_reason(stage: Stage) -> None:
    result = stage.play(
        line(16, "16T11:00"),
        line(12, "12T11:00"),
        line(17, "25T11:00"),
        line(16, "16T11:00").replace("acme.prices", "acme.price"),
        line(29, "16T11:00").replace("2026-11-29", "2027-11-29"),
    )
    found = {row["line"]: row["why"] for row in stage.rows("not_counted")}
    assert found == {
        "3": "its period 2026-11-12 is before active.from 2026-11-16",
        "4": "it arrived after 2026-11-24 00:00Z",
        "5": "no contract is for it; did you mean acme.prices?",
        "6": "its period 2027-11-29 opens long after the rehearsal's end",
    }
    assert "before active.from: 1 lines" in result.output


def test_an_arrival_on_a_closed_day_is_counted(stage: Stage) -> None:
    stage.write("calendars/weekdays.yaml", "calendar: weekdays\nweekmask: mon tue wed thu fri\n")
    stage.write(
        "prices.yaml",
        CONTRACT.replace("{kind: day}", "{kind: day, calendar: weekdays}"),
    )
    result = stage.play(line(16, "16T11:00"), line(21, "21T11:00"))
    states = {row["period"]: row for row in stage.rows("expected_deliveries")}
    assert states["2026-11-21"]["state"] == "NOT_EXPECTED"
    assert states["2026-11-21"]["versions"] == "1"
    assert "closed" in result.output


def test_a_promise_of_tomorrow_is_tried_on_yesterday(stage: Stage) -> None:
    stage.write("prices.yaml", CONTRACT.replace("2026-11-16", "2027-01-01"))
    refused = stage.play(line(16, "16T11:00"))
    assert isinstance(refused.exception, ArrivalsError)
    assert "nothing is expected by 2026-11-24 00:00Z; see active.from" in str(refused.exception)
    states = stage.states(line(16, "16T11:00"), more="--since 2026-11-16")
    assert states["2026-11-16"] == "ON_TIME"
    assert stage.rows("not_counted") == []


def test_parts_are_told_apart_by_their_names(stage: Stage) -> None:
    stage.write(
        "prices.yaml",
        CONTRACT.replace('*.csv"', '_{part}.csv", parts: [a, b]'),
    )
    states = stage.states(
        *(line(16, f"16T{hour}:00").replace(".csv", f"_{part}.csv") for part, hour in
          (("a", 10), ("b", 11), ("c", 11))),
        line(17, "17T10:00").replace(".csv", "_a.csv"),
    )  # fmt: skip
    assert (states["2026-11-16"], states["2026-11-17"]) == ("ON_TIME", "MISSING")
    [stray] = stage.rows("not_counted")
    assert stray["file"] == "prices_20261116_c.csv"


def test_a_project_is_rehearsed_from_any_of_its_folders(tmp_path: Path) -> None:
    project = Stage(tmp_path)
    project.feeds = tmp_path / "project"
    weekly = CONTRACT.replace("{kind: day}", "{kind: day, calendar: all}")
    project.write("dags/feeds/acme/prices.yaml", weekly)
    project.write("dags/calendars/all.yaml", "calendar: all\n")
    for folder in ("", "dags", "dags/feeds"):
        project.feeds = tmp_path / "project" / folder
        assert project.states(line(16, "16T11:00"))["2026-11-16"] == "ON_TIME"


def test_calendars_may_lie_beside_the_folder_of_feeds(stage: Stage) -> None:
    stage.write("prices.yaml", CONTRACT.replace("{kind: day}", "{kind: day, calendar: all}"))
    stage.write("../calendars/all.yaml", "calendar: all\n")
    assert stage.states(line(16, "16T11:00"))["2026-11-16"] == "ON_TIME"


BROKEN = {
    "an unknown calendar": (
        CONTRACT.replace("{kind: day}", "{kind: day, calendar: moon}"),
        "prices.yaml: period.calendar is 'moon'",
    ),
    "a wrong value": (CONTRACT.replace("kind: local", "kind: ftp"), "prices.yaml: source.kind is"),
    "no contract": ("feeds: acme.prices\n", "prices.yaml: is no contract: it has none of 'feed:'"),
    "no name": ("feed: '../../etc/passwd'\n", "prices.yaml: feed"),
    "no YAML": ("feed: [\n", "prices.yaml: not valid YAML"),
}


@pytest.mark.parametrize(("text", "told"), BROKEN.values(), ids=BROKEN)
def test_a_broken_contract_is_named_where_it_lies(text: str, told: str, stage: Stage) -> None:
    stage.write("prices.yaml", text)
    result = stage.play(line(16, "16T11:00"))
    assert isinstance(result.exception, ContractError)
    assert told in str(result.exception)


def test_one_feed_in_two_files_is_refused(stage: Stage) -> None:
    stage.write("again/prices.yaml", CONTRACT)
    assert "says the same as again/prices.yaml" in str(stage.play(line(16, "16T11:00")).exception)


def test_a_folder_without_feeds_is_refused(stage: Stage) -> None:
    (stage.feeds / "prices.yaml").unlink()
    assert "no feed file here" in str(stage.play(line(16, "16T11:00")).exception)


def test_a_past_of_other_feeds_is_refused(stage: Stage) -> None:
    told = str(stage.play(line(16, "16T11:00").replace("acme.prices", "other.feed")).exception)
    assert "no line is of a feed here; it has 'other.feed'; the contracts are for" in told


def test_a_period_that_is_none_is_refused_by_line(stage: Stage) -> None:
    told = str(stage.play(line(16, "16T11:00").replace("2026-11-16,", "2026-W99,")).exception)
    assert "line 2: period: '2026-W99' is not a day; write it as 2026-11-20" in told


@pytest.mark.parametrize("until", ["2026-11-24T00:00", "soon", "2026-13-01"])
def test_an_end_that_is_no_instant_is_refused(until: str, stage: Stage) -> None:
    result = stage.play(line(16, "16T11:00"), until=until)
    assert result.exit_code == 2
    assert "is no time such as 2026-11-20" in result.output


def test_hostile_names_stay_text(stage: Stage) -> None:
    hostile = "=HYPERLINK(0)<script>alert(1)</script>"
    stage.play(
        line(16, "16T11:00"),
        line(16, "16T11:00").replace("acme.prices", hostile),
        line(16, "16T13:00", "M").replace("prices_2026", f"{hostile}_2026"),
    )
    assert stage.rows("not_counted")[0]["feed"] == f"'{hostile}"
    assert "<script" not in (stage.out / "summary.html").read_text()


def test_the_page_needs_nothing_else(stage: Stage) -> None:
    stage.play(line(16, "16T13:00"))
    text = (stage.out / "summary.html").read_text()
    assert not re.findall(r'(?:src|href)="(?!data:|[a-z_]+\.csv")', text)
    assert "default-src 'none'" in text


def test_hints_say_what_the_figures_may_hide(stage: Stage) -> None:
    result = stage.play(line(18, "18T11:00"), line(18, "18T11:00"), line(19, "19T11:00"))
    assert "2 of the deliveries that did not come were due before the first line" in result.output
    assert "were due after the last line, 2026-11-19" in result.output
    assert "1 lines repeat an earlier one word for word" in result.output


def test_a_year_of_older_arrivals_tells_nobody(stage: Stage) -> None:
    days = [date(2026, 11, 15) - timedelta(days=number) for number in range(365)]
    older = [f"acme.prices,{day},prices_{day:%Y%m%d}.csv,,2026-11-16T08:00Z,A,9" for day in days]
    stage.play(*older, line(16, "16T09:00"), until="2026-11-17")
    assert stage.rows("notifications") == []
    assert len(stage.rows("not_counted")) == 365


def test_a_file_that_must_stand_still_counts_from_its_arrival(stage: Stage) -> None:
    stage.write("prices.yaml", CONTRACT.replace('.csv"}', '.csv", stable_for: 10m}'))
    assert stage.states(line(16, "16T11:55"))["2026-11-16"] == "ON_TIME"
    moved = [row["at_utc"] for row in stage.rows("transitions") if row["now"] == "ON_TIME/COMPLETE"]
    assert moved == ["2026-11-16T12:05:00Z"]


def test_other_terms_are_suggested_where_the_past_is_long_enough(stage: Stage) -> None:
    stage.write("prices.yaml", CONTRACT.replace("2026-11-16", "2026-10-01"))
    days = [date(2026, 10, 1) + timedelta(days=number) for number in range(40)]
    result = stage.play(
        *(f"acme.prices,{day},prices_{day:%Y%m%d}.csv,,{day}T13:10Z,A,9" for day in days),
        until="2026-11-10",
        more="--suggest",
    )
    assert "suggests  acme.prices: loosen due T+0 12:00 to T+0 13:" in result.output
    assert "loosen due" in (stage.out / "summary.html").read_text()
