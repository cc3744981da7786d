from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf import alerts
from wharf.alerts.notice import Notice
from wharf.alerts.supplier_mail import (
    BadRow,
    File,
    Received,
    bad_rows_csv,
    mail_about,
    mails_for,
)
from wharf.contracts import Feed
from wharf.contracts.spec import build, parse_yaml

FEED = """
feed: acme.positions
active: {from: "2026-11-16"}
table: raw.acme_positions
supplier: {id: acme, name: Acme Clearing, contacts: CONTACTS}
source: {kind: local, connection: c, path: "pos_{period:%Y%m%d}.csv"}
format: {kind: csv}
columns: {id: {type: string}, name: {type: string, sensitive: SENSITIVE}}
period: {kind: day}
timeliness: {tz: Europe/Amsterdam, opens: "T-1d 22:00", due: "T+0 06:30", cutoff: "T+2d 18:00"}
"""
AT = datetime(2026, 11, 20, 5, 50, tzinfo=UTC)
LATE = Notice(
    key="wharf:prod:late:acme.positions:2026-11-20",
    number=1,
    env="prod",
    action="open",
    kind="late",
    level="L1",
    supplier="acme",
    feed="acme.positions",
    period="2026-11-20",
    at=AT,
    what="acme.positions 2026-11-20 is late",
    numbers={
        "due_at": "2026-11-20T05:30:00+00:00",
        "delivery": "PARTIAL",
        "parts_present": 2,
        "parts_expected": 3,
    },
    tz="Europe/Amsterdam",
)
BATCH = Received(
    subject="20261120T060412345Z-7f3a9c",
    period="2026-11-20",
    at=AT,
    due_at=datetime(2026, 11, 20, 5, 30, tzinfo=UTC),
    accepted=True,
    arrived_at=datetime(2026, 11, 20, 5, 12, tzinfo=UTC),
    files=(File("pos_20261120.csv", 34_122, "ab" * 32),),
    rows=812,
)
BAD = replace(
    BATCH,
    accepted=False,
    rows_bad=2,
    reasons=("2 of 812 rows cannot be read",),
    bad_rows=(
        BadRow("pos_20261120.csv", 7, "amount", "no decimal", "a,=1+1"),
        BadRow("pos_20261120.csv", 9, "amount", "no decimal", "=HYPERLINK(1),x"),
    ),
)


def feed(contacts: str = "{late: ops@acme.example}", sensitive: str = "false") -> Feed:
    text = FEED.replace("SENSITIVE", sensitive)
    text = (
        text.replace("CONTACTS", contacts) if contacts else text.replace(", contacts: CONTACTS", "")
    )
    return build(Feed, parse_yaml(text, "positions.yaml"), "positions.yaml")


def test_chaser_names_feed_period_due_and_last_good() -> None:
    (mail,) = mails_for(LATE, feed(), set(), "2026-11-19")
    assert mail.key == "supplier:acme.positions:2026-11-20:L1"
    assert mail.notice.to == ("ops@acme.example",)
    message = alerts.render(mail.notice)
    assert message.subject == "acme.positions 2026-11-20: not received yet"
    for told in (
        "Dear Acme Clearing",
        "Feed:      acme.positions",
        "Period:    2026-11-20",
        "Due:       2026-11-20 06:30 CET (05:30 UTC), 20 minutes ago",
        "So far:    2 of 3 parts",
        "Last good: 2026-11-19",
        "at most 2 of them",
    ):
        assert told in message.text


@pytest.mark.parametrize(
    ("notice", "contacts"),
    [
        pytest.param(LATE, "", id="nobody to write to"),
        pytest.param(replace(LATE, level="L0"), "{late: a@acme.example}", id="not loud enough"),
        pytest.param(LATE, "{late: a@acme.example, after: L2}", id="only from L2 on"),
        pytest.param(LATE, "{late: a@acme.example, max_per_period: 0}", id="never"),
        pytest.param(replace(LATE, action="lower"), "{late: a@acme.example}", id="better news"),
        pytest.param(replace(LATE, action="resolve"), "{late: a@acme.example}", id="resolved"),
        pytest.param(replace(LATE, action="repeat"), "{late: a@acme.example}", id="repetition"),
        pytest.param(replace(LATE, kind="quality"), "{late: a@acme.example}", id="not late"),
        pytest.param(
            replace(LATE, numbers={**LATE.numbers, "delivery": "COMPLETE"}),
            "{late: a@acme.example}",
            id="it came",
        ),
    ],
)
def test_no_chaser_where_none_is_called_for(notice: Notice, contacts: str) -> None:
    assert mails_for(notice, feed(contacts), set()) == []


def test_supplier_is_chased_once_for_each_level_and_not_too_often() -> None:
    sent: set[str] = set()
    for level in ("L1", "L1", "L2", "L2", "L3"):
        sent |= {mail.key for mail in mails_for(replace(LATE, level=level), feed(), sent)}
    assert sent == {
        "supplier:acme.positions:2026-11-20:L1",
        "supplier:acme.positions:2026-11-20:L2",
    }


def test_chasers_of_one_period_are_one_thread() -> None:
    (first,) = mails_for(LATE, feed(), set())
    (second,) = mails_for(replace(LATE, level="L2"), feed(), {first.key})
    assert first.notice.thread == second.notice.thread
    assert (first.notice.number, second.notice.number) == (1, 2)


def test_receipt_says_what_was_accepted_where_the_supplier_wants_one() -> None:
    assert mail_about(BATCH, feed(), "prod", set()) == []
    wants = feed("{late: a@acme.example, receipt: true}")
    (mail,) = mail_about(BATCH, wants, "prod", set())
    text = alerts.render(mail.notice).text
    assert f"pos_20261120.csv: 34,122 bytes, sha256 {'ab' * 32}" in text
    assert "Rows:    812" in text
    assert "Arrived: 2026-11-20 06:12 CET (05:12 UTC)" in text
    assert mail_about(BATCH, wants, "prod", {mail.key}) == []


def test_rejection_says_why_and_brings_the_bad_rows() -> None:
    (mail,) = mail_about(BAD, feed(), "prod", set(), "2026-11-19")
    message = alerts.render(mail.notice)
    assert message.subject == "acme.positions 2026-11-20: could not be accepted"
    assert "812, 2 of them cannot be used" in message.text
    assert "2 of 812 rows cannot be read" in message.text
    assert "Last good: 2026-11-19" in message.text
    assert "are attached." in message.text
    (attached,) = message.attachments
    rows = list(csv.reader(io.StringIO(attached.text)))
    assert rows == [
        ["file", "line", "column", "reason", "row"],
        ["pos_20261120.csv", "7", "amount", "no decimal", "a,=1+1"],
        ["pos_20261120.csv", "9", "amount", "no decimal", "'=HYPERLINK(1),x"],
    ]


def test_rejection_of_a_feed_with_sensitive_columns_shows_no_content() -> None:
    (mail,) = mail_about(BAD, feed(sensitive="true"), "prod", set())
    message = alerts.render(mail.notice)
    (attached,) = message.attachments
    assert "HYPERLINK" not in attached.text
    assert "no decimal" in attached.text
    assert "without their content" in message.text


def test_rejection_can_be_switched_off() -> None:
    assert mail_about(BAD, feed("{late: a@acme.example, rejection: false}"), "prod", set()) == []


def test_each_rejected_batch_is_told_once() -> None:
    (first,) = mail_about(BAD, feed(), "prod", set())
    assert mail_about(BAD, feed(), "prod", {first.key}) == []
    other = replace(BAD, subject="20261120T070412345Z-000000")
    assert len(mail_about(other, feed(), "prod", {first.key})) == 1


def test_mail_tells_nothing_of_our_own_affairs() -> None:
    told = replace(
        LATE,
        consumers=(alerts.Consumer("risk_daily", 1, AT, "last good"),),
        links=(alerts.Link("board", "https://wharf.example/board"),),
        actions=("wharf promise acme.positions",),
    )
    (mail,) = mails_for(told, feed(), set())
    message = alerts.render(mail.notice)
    for ours in ("risk_daily", "wharf.example", "wharf promise", "L1"):
        assert ours not in message.text
        assert ours not in message.html


def test_mail_survives_the_outbox() -> None:
    import json

    for (mail,) in (mails_for(LATE, feed(), set()), mail_about(BAD, feed(), "prod", set())):
        stored = json.loads(json.dumps(mail.notice.to_json()))
        assert alerts.render(Notice.from_json(stored)) == alerts.render(mail.notice)


@given(st.text(), st.integers(1, 800))
def test_bad_rows_are_a_small_table_of_harmless_cells(text: str, count: int) -> None:
    rows = [BadRow(text, 1, text, text, text)] * count
    written = bad_rows_csv(rows, hides=False)
    assert len(written) < 110_000
    for cells in csv.reader(io.StringIO(written)):
        assert len(cells) in {1, 5}
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


@given(st.text(max_size=400))
def test_hostile_words_stay_words(text: str) -> None:
    (mail,) = mail_about(
        replace(BAD, reasons=(text,), files=(File(text, 1, "00"),)), feed(), "prod", set()
    )
    message = alerts.render(mail.notice)
    assert message.subject.isprintable()
    assert all(line.isprintable() for line in message.text.split("\n"))
    assert "<script" not in message.html.lower()
    message.html.encode()
