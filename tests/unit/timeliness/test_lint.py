from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wharf.contracts import load_project
from wharf.timeliness.lint import Finding, lint, secrets_in

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FEED = """
feed: acme.positions
active: {from: "2026-11-01"}
table: raw.acme_positions
supplier: {id: acme}
source: {kind: local, connection: acme_inbox, path: "pos_{period:%Y%m%d}.csv"}
format: {kind: csv}
columns: {}
period: {kind: business_day, calendar: office}
timeliness: {tz: UTC, opens: "T 06:00", due: "T+1bd 06:30", grace: 20m, cutoff: "T+3bd 18:00"}
"""
PRODUCT = """
product: risk
tier: 1
active: {from: "2026-11-01"}
period: {kind: business_day, calendar: office}
timeliness: {tz: UTC, decide_at: "T+1bd 07:30", due: "T+1bd 08:00", cutoff: "T+3bd 18:00"}
inputs: {acme.positions: {read: same, on_missing: [wait, fail]}}
steps: [{dbt: "tag:risk"}]
"""
OFFICE = "calendar: office\nweekmask: mon tue wed thu fri\n"


def found(
    root: Path,
    *,
    feed: str = FEED,
    product: str = PRODUCT,
    office: str = OFFICE,
    processing: timedelta | None = None,
    **more: str,
) -> list[Finding]:
    files = {
        "feeds/acme/positions": feed, "products/risk": product, "calendars/office": office, **more,
    }  # fmt: skip
    for name, text in files.items():
        file = root / "dags" / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    project = load_project(root)
    assert not project.invalid, project.invalid
    return lint(project, NOW, {"acme.positions": processing} if processing else None)


def test_a_sound_project_has_no_finding(tmp_path: Path) -> None:
    assert found(tmp_path, processing=timedelta(minutes=40)) == []


@pytest.mark.parametrize(
    ("was", "is_", "told"),
    [
        pytest.param(
            'opens: "T 06:00"', 'opens: "T+2bd 06:00"',
            "timeliness: for 2026-11-02, expected (2026-11-03 06:30Z) comes before opens; "
            "move one of the two",
            id="opens after due",
        ),
        pytest.param(
            "due:", 'warn: "T+1bd 07:00", due:',
            "timeliness: for 2026-11-02, due (2026-11-03 06:30Z) comes before warn; "
            "move one of the two",
            id="warns after due",
        ),
        pytest.param(
            "due:", 'warn: "T+1bd 05:00", expected: "T+1bd 06:00", due:',
            "timeliness: for 2026-11-02, warn (2026-11-03 05:00Z) comes before expected; "
            "move one of the two",
            id="expected after warn",
        ),
        pytest.param(
            'cutoff: "T+3bd 18:00"', 'cutoff: "T+1bd 06:45"',
            "timeliness: for 2026-11-02, cutoff (2026-11-03 06:45Z) comes not after due + grace; "
            "move one of the two",
            id="cut-off within the grace",
        ),
    ],
)  # fmt: skip
def test_clock_points_in_the_wrong_order_are_an_error_told_once(
    tmp_path: Path, was: str, is_: str, told: str
) -> None:
    [finding] = found(tmp_path, feed=FEED.replace(was, is_).replace("11-01", "11-02"))
    assert (finding.level, finding.file) == ("error", "dags/feeds/acme/positions.yaml")
    assert finding.text == told


def test_an_order_that_only_some_weeks_break_is_found(tmp_path: Path) -> None:
    text = FEED.replace('due: "T+1bd 06:30"', 'due: "T+1bd 06:30"').replace(
        'cutoff: "T+3bd 18:00"', 'cutoff: "T+2d 18:00"'
    )
    [finding] = found(tmp_path, feed=text)
    assert "for 2026-11-06, cutoff" in finding.text


@pytest.mark.parametrize(
    ("keys", "level", "told"),
    [
        pytest.param("until: '2026-11-19'", "error", "until: the calendar ended on 2026-11-19",
                     id="ended by its own word"),
        pytest.param("until: '2027-01-18'", "warning",
                     "until: the calendar ends on 2027-01-18, in 59 days", id="ends soon"),
        pytest.param("holidays: ['2026-12-25']", "warning",
                     "holidays: the calendar ends on 2026-12-31, in 41 days", id="a short list"),
        pytest.param("holidays: ['2025-12-25']", "error",
                     "holidays: the calendar ended on 2025-12-31", id="last year's list"),
        pytest.param("public_holidays: {country: ZZ}", "error", "Country ZZ not available",
                     id="unknown country"),
    ],
)  # fmt: skip
def test_a_calendar_that_does_not_cover_the_days_ahead_is_told(
    tmp_path: Path, keys: str, level: str, told: str
) -> None:
    findings = found(tmp_path, office=OFFICE + keys)
    [finding] = [each for each in findings if each.file == "dags/calendars/office.yaml"]
    assert finding.level == level
    assert told in finding.text


@pytest.mark.parametrize(
    "keys", ["until: '2027-01-19'", "holidays: ['2027-01-01']", "public_holidays: {country: NL}"]
)
def test_a_calendar_that_lasts_60_days_is_fine(tmp_path: Path, keys: str) -> None:
    assert found(tmp_path, office=OFFICE + keys) == []


def test_a_half_day_that_changes_nothing_is_told_and_so_is_one_that_never_comes(
    tmp_path: Path,
) -> None:
    [idle] = found(tmp_path, office=OFFICE + "half_days: ['2026-12-24']")
    assert idle.level == "warning"
    assert "2026-12-24 is a half-day in office, and nothing changes on it" in idle.text
    special = FEED.replace("grace: 20m,", 'grace: 20m, on_half_day: {due: "T+1bd 06:00"},')
    [never] = found(tmp_path, feed=special)
    assert "has no half-day in the coming year" in never.text
    assert found(tmp_path, feed=special, office=OFFICE + "half_days: ['2026-12-24']") == []


def test_tier_1_may_not_decide_before_its_supplier_is_due(tmp_path: Path) -> None:
    early = PRODUCT.replace("T+1bd 07:30", "T+1bd 06:00")
    [finding] = found(tmp_path, product=early)
    assert (finding.level, finding.file) == ("error", "dags/products/risk.yaml")
    assert finding.text == (
        "timeliness.decide_at: for 2026-11-02 it is 2026-11-03 06:00Z, before acme.positions is "
        "due (2026-11-03 06:30Z); decide later"
    )
    assert found(tmp_path, product=early.replace("tier: 1", "tier: 2")) == []
    assert found(tmp_path, product=early.replace("read: same", "read: latest")) == []


def test_tier_1_should_leave_the_time_that_publishing_takes(tmp_path: Path) -> None:
    assert found(tmp_path, processing=timedelta(minutes=60)) == []
    [finding] = found(tmp_path, processing=timedelta(minutes=61))
    assert finding.level == "warning"
    assert "takes up to 61 min to be published" in finding.text


@pytest.mark.parametrize(
    ("edge", "level", "told"),
    [
        ("{read: same}", "warning", "inputs.acme.positions: no on_missing is written"),
        ("{read: same, on_missing: []}", "error", "inputs.acme.positions.on_missing is empty"),
    ],
    ids=["unwritten", "empty"],
)
def test_every_edge_has_a_policy(tmp_path: Path, edge: str, level: str, told: str) -> None:
    text = PRODUCT.replace("{read: same, on_missing: [wait, fail]}", edge)
    [finding] = found(tmp_path, product=text)
    assert finding.level == level
    assert finding.text.startswith(told)


def test_periods_of_another_kind_cannot_be_read_as_the_same(tmp_path: Path) -> None:
    monthly = PRODUCT.replace("kind: business_day", "kind: month").replace("2026-11-01", "2026-11")
    [finding] = found(tmp_path, product=monthly)
    assert finding.text == (
        "inputs.acme.positions.read is 'same', but its periods are business_days and this "
        "product's are months; use latest"
    )
    daily = PRODUCT.replace("kind: business_day", "kind: day")
    assert found(tmp_path, product=daily) == []


def test_paths_that_cannot_be_told_apart_are_an_error(tmp_path: Path) -> None:
    [finding] = found(tmp_path, feed=FEED.replace("%Y%m%d", "%Y%m"))
    assert finding.level == "error"
    assert "reads back as" in finding.text


def test_terms_out_of_order_and_terms_that_begin_too_late_are_told(tmp_path: Path) -> None:
    terms = '{{from: "{}", tz: UTC, opens: "T 06:00", due: "T 07:00", cutoff: "T 18:00"}}'
    head, _, _ = FEED.partition("timeliness:")

    def of(*starts: str) -> str:
        return head + "timeliness: [" + ", ".join(terms.format(each) for each in starts) + "]"

    [disorder] = found(tmp_path, feed=of("2026-11-10", "2026-11-01"), product=LOOSE)
    assert (disorder.level, "in the order of their `from`" in disorder.text) == ("error", True)
    [late] = found(tmp_path, feed=of("2026-11-05", "2026-11-10"), product=LOOSE)
    assert late.level == "warning"
    assert "timeliness.0.from is '2026-11-05', after active.from '2026-11-01'" in late.text
    assert found(tmp_path, feed=of("2026-11-01", "2026-11-10"), product=LOOSE) == []


LOOSE = PRODUCT.replace("tier: 1", "tier: 3")


def test_more_open_periods_than_airflow_should_hold_runs_for_are_told(tmp_path: Path) -> None:
    long = FEED.replace('cutoff: "T+3bd 18:00"', 'cutoff: "T+200d 18:00"')
    long = long.replace('from: "2026-11-01"', 'from: "2026-01-01"')
    [finding] = found(tmp_path, feed=long)
    assert finding.level == "warning"
    assert "periods are open at once, each with a run that waits" in finding.text


def test_a_former_name_with_a_file_of_its_own_is_an_error(tmp_path: Path) -> None:
    other = FEED.replace("acme.positions", "acme.trades").replace("raw.acme_p", "raw.acme_t")
    other += "formerly: [acme.positions]\n"
    [finding] = found(tmp_path, **{"feeds/acme/trades": other})
    assert (finding.file, finding.level) == ("dags/feeds/acme/trades.yaml", "error")
    assert "formerly names 'acme.positions', which has a file of its own" in finding.text


# What looks like a secret is put together here, so that no scanner takes this file for a leak.
@pytest.mark.parametrize(
    "line",
    [
        "# password" + ": hunter2",
        "api_key" + " = 0123456789",
        "about: ask for token" + ": abc",
        "path: https://ann:secret" + "@files.acme.example/x",
        "path: 'in/x.csv?" + "sig=abcdef0123456789'",
        "about: AKIA" + "ABCDEFGHIJKLMNOP",
        "about: https://hooks.slack.com" + "/services/T0/B0/x",
        "about: -----BEGIN RSA " + "PRIVATE KEY-----",
    ],
    ids=["comment", "key", "text", "address", "signed", "aws", "slack", "pem"],
)
def test_what_looks_like_a_secret_is_an_error_that_names_its_line_and_not_the_secret(
    tmp_path: Path, line: str
) -> None:
    assert secrets_in(line) == [1]
    [finding] = found(tmp_path, office=OFFICE + "# " + line)
    assert (finding.level, finding.file) == ("error", "dags/calendars/office.yaml")
    assert finding.text == (
        "line 3 seems to hold a password, token or key; keep it in an Airflow connection and "
        "name that connection here"
    )


@pytest.mark.parametrize(
    "line",
    [
        "  token: {type: string}",
        "  password:",
        "connection: acme_inbox",
        "key: [account_id]",
        "about: The secretary of the keyholders of tokens.",
        "path: https://files.acme.example/x?period={period}",
    ],
    ids=["column", "empty", "connection", "key", "words", "address"],
)
def test_ordinary_lines_are_no_secrets(line: str) -> None:
    assert secrets_in(line) == []


def test_findings_come_in_the_order_of_files_and_speak_for_themselves(tmp_path: Path) -> None:
    findings = found(
        tmp_path,
        feed=FEED.replace("%Y%m%d", "%Y%m"),
        office=OFFICE + "until: '2026-11-19'",
        product=PRODUCT.replace("T+1bd 07:30", "T+1bd 06:00"),
    )
    assert [each.file for each in findings] == sorted(each.file for each in findings)
    assert str(findings[0]).startswith("dags/calendars/office.yaml: until: the calendar ended")


def test_what_hangs_on_a_broken_calendar_is_not_guessed(tmp_path: Path) -> None:
    found(tmp_path)
    (tmp_path / "dags/calendars/office.yaml").write_text(OFFICE + "union: [office]")
    feed = FEED.replace('cutoff: "T+3bd 18:00"', 'cutoff: "T 18:00"').replace("%Y%m%d", "%Y%m")
    (tmp_path / "dags/feeds/acme/positions.yaml").write_text(feed)
    project = load_project(tmp_path)
    assert [each.file for each in project.invalid] == ["dags/calendars/office.yaml"]
    findings = lint(project, NOW)
    assert findings
    assert all("reads back as" in each.text for each in findings)
