"""One late delivery, told as it happens: from the evening it opens to the morning it is resolved.

Acme's positions of Friday come in three parts by Monday 06:30, with twenty minutes of grace; a risk
report decides without them at 07:30. Look, tick, intake, dbt, Slack, pager and mail are real.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta

import pytest
from timeline_world import ZONE, Bank, at

from wharf.errors import AuditFailed
from wharf.ledger import past_arrivals, scorecard
from wharf.ledger.past_arrivals import Imported
from wharf.products import reruns
from wharf.timeliness.calendars import open_days
from wharf.timeliness.points import clock_points
from wharf.timeliness.scorecard import score

THURSDAY, FRIDAY, MONDAY = "2026-11-19", "2026-11-20", "2026-11-23"
GOOD = "account,amount\n" + "".join(f"{number},10.50\n" for number in range(1000))
BAD = "account,amount\n" + "".join(f"{number},-1.00\n" for number in range(812))

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    with ExitStack() as stack:
        yield Bank(tmp_path_factory.mktemp("bank")).serving(stack)


def test_before_it_begins_acme_has_come_at_eight_to_six_for_two_months(bank: Bank) -> None:
    bank.tick()
    feed = bank.feed("positions")
    days = open_days(bank.promises.project.calendars["nl_banking"], "business_day")
    past = []
    for ago in range(60):
        period = feed.parse_period(str(at(FRIDAY, "12:00").date() - timedelta(days=ago + 2)))
        if days.is_open(period.first):
            due = clock_points(feed, period, days).due_at
            minutes = (0, 0, 0, -4, 3, -2, 2, -6, 18, 1)[ago % 10]
            came = due.astimezone(ZONE).replace(hour=5, minute=52) + timedelta(minutes=minutes)
            past.append(Imported(feed.feed, period.key, came))
    with bank.place.ledger.write() as tx:
        assert past_arrivals.import_past(tx, past).new == len(past) > 30
    for name in ("pos_20261119_a", "pos_20261119_b", "pos_20261119_c", "trades_20261119"):
        bank.send(f"{name}.csv", GOOD)
    bank.send("rates_20261119.csv", GOOD)
    bank.send("pos_20261119.ok", "")
    bank.tick()
    for name in ("positions", "trades", "rates"):
        batch = bank.stage(name, THURSDAY)
        bank.audit(name, batch)
        assert bank.publish(name, THURSDAY, batch).delivery == "PUBLISHED"
    bank.make("risk_daily", THURSDAY)
    bank.make("trades_daily", THURSDAY)


def test_at_22_00_on_friday_the_row_opens(bank: Bank) -> None:
    bank.now = at(FRIDAY, "21:50")
    bank.tick()
    bank.until(FRIDAY, "22:00")
    assert bank.state("positions", FRIDAY).timeliness == "DUE"


def test_at_05_52_it_usually_comes_and_nothing_happens(bank: Bank) -> None:
    bank.now = at(MONDAY, "05:40")
    bank.tick()
    bank.until(MONDAY, "05:52")
    assert bank.state("positions", FRIDAY).timeliness == "DUE"
    quiet(bank)


def test_at_06_10_it_is_at_risk_and_nobody_is_told(bank: Bank) -> None:
    bank.until(MONDAY, "06:12")
    assert bank.state("positions", FRIDAY).timeliness == "AT_RISK"
    quiet(bank)


def test_at_06_50_it_is_late_slack_hears_and_acme_gets_a_mail(bank: Bank) -> None:
    bank.until(MONDAY, "06:49")
    quiet(bank)
    bank.until(MONDAY, "06:50")
    assert bank.state("positions", FRIDAY).timeliness == "LATE"
    bank.until(MONDAY, "06:53", every=timedelta(minutes=1))
    [told] = bank.slack.texts
    assert "acme.positions 2026-11-20 is late" in told
    assert "usually by 05:52" in told
    assert "risk_daily" in told
    incident = bank.incident("positions", FRIDAY, "late")
    assert incident.dedup_key == "wharf:prod:late:acme.positions:2026-11-20"
    assert incident.level == "L1"
    [chaser] = bank.mailbox.mails
    assert chaser.recipients == ("ops@acme.example",)
    assert "acme.positions" in chaser.text
    assert bank.pager.texts == []


def test_at_06_55_two_more_make_it_one_incident_of_acme(bank: Bank) -> None:
    bank.until(MONDAY, "06:55")
    bank.until(MONDAY, "06:59", every=timedelta(minutes=1))
    [same_thread] = [each["text"] for each in bank.slack.parents]
    for name in ("positions", "trades", "rates"):
        assert f"acme.{name} 2026-11-20" in same_thread
    late = [bank.incident(name, FRIDAY, "late") for name in ("positions", "trades", "rates")]
    assert len({each.parent_id for each in late}) == 1
    assert late[0].parent_id is not None
    assert {each.level for each in late} == {"L1"}, "last_good is allowed, so nobody is paged"


def test_at_07_30_the_risk_report_goes_on_with_what_it_has(bank: Bank) -> None:
    bank.until(MONDAY, "07:30")
    manifest = bank.make("risk_daily", FRIDAY)
    [read] = manifest.body["inputs"]
    assert read["policy"] == "last_good"
    assert read["pins"][0]["period"] == THURSDAY
    assert bank.pager.texts == []


def test_at_08_05_it_is_complete_and_the_message_says_so(bank: Bank) -> None:
    bank.until(MONDAY, "08:04")
    for part, rows in {"a": GOOD, "b": BAD, "c": GOOD}.items():
        bank.send(f"pos_20261120_{part}.csv", rows)
    bank.send("pos_20261120.ok", "")
    bank.until(MONDAY, "08:05")
    state = bank.state("positions", FRIDAY)
    assert state.timeliness == "LATE_ARRIVED"
    assert state.late_by == timedelta(minutes=95)
    assert any("95 min late" in text and "validating" in text for text in bank.slack.texts)


def test_at_08_09_part_b_is_wrong_and_the_lateness_stays_open(bank: Bank) -> None:
    batch = bank.stage("positions", FRIDAY)
    bank.until(MONDAY, "08:09")
    with pytest.raises(AuditFailed):
        bank.audit("positions", batch)
    bank.tick()
    assert bank.state("positions", FRIDAY).delivery == "QUARANTINED"
    assert bank.incident("positions", FRIDAY, "late").resolved_at is None
    assert bank.incident("positions", FRIDAY, "quality").resolved_at is None


def test_at_09_40_acme_sends_part_b_again(bank: Bank) -> None:
    bank.until(MONDAY, "09:39")
    bank.send("pos_20261120_b.csv", GOOD)
    bank.until(MONDAY, "09:40")
    assert bank.started[-1][:2] == ("feed__acme__positions", FRIDAY)


def test_at_09_44_it_is_published_and_everything_is_resolved(bank: Bank) -> None:
    batch = bank.stage("positions", FRIDAY)
    bank.audit("positions", batch)
    bank.until(MONDAY, "09:44")
    state = bank.publish("positions", FRIDAY, batch)
    assert state.delivery == "PUBLISHED"
    again = [(each.product, each.period) for each in reruns(bank.context, bank.now)]
    assert again == [("risk_daily", FRIDAY)]
    bank.tick()
    assert bank.started[-1][:2] == ("product__risk_daily", FRIDAY)
    assert bank.make("risk_daily", FRIDAY).body["inputs"][0]["policy"] == "published"
    late = bank.incident("positions", FRIDAY, "late")
    assert late.resolved_at == bank.now
    assert bank.incident("positions", FRIDAY, "quality").resolved_at == bank.now
    ended = "\n".join(each for each in bank.slack.texts if "published 194 min late" in each)
    assert "1 product served stale for 134 min" in ended
    assert "0 missed periods" in ended


def test_nothing_was_said_twice_and_acme_got_one_breach_on_its_card(bank: Bank) -> None:
    assert len({each.key for each in bank.sent()}) == len(bank.sent())
    assert {each.status for each in bank.sent()} <= {"SENT", "HELD", "DROPPED"}
    chased = [each for each in bank.mailbox.mails if each.recipients == ("ops@acme.example",)]
    assert sum("positions" in each.subject for each in chased) <= 2
    with bank.place.ledger.read() as tx:
        found = scorecard.outcomes(tx, ["acme.positions"], date(2026, 11, 1), date(2026, 11, 30))
    card = score([each for each in found if each.period in {THURSDAY, FRIDAY}])
    assert card is not None
    assert card.breaches == 1


def quiet(bank: Bank) -> None:
    """Nobody was told anything."""
    assert bank.slack.texts == []
    assert bank.pager.texts == []
    assert bank.mailbox.mails == []
