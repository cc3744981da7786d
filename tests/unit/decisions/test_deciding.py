"""Decisions over a real ledger and lake: what they make of deliveries, and how they end."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from harbour import CONTRACT, DAY, GOOD, Harbour

from wharf.decisions import Desk, Person, Wish, decide, decide_window, describe, read_wish, revoke
from wharf.decisions.decide import window_feeds
from wharf.decisions.handing_in import hand_in, try_out
from wharf.decisions.publishing import approve, force_publish
from wharf.errors import AuditFailed, DecisionRefused, DeliveryMissing
from wharf.ledger import batches, decisions, deliveries, expected
from wharf.ledger.rows import Decision
from wharf.timeliness.facts import State
from wharf.watch.asked import asked_runs
from wharf.watch.evaluate import evaluate_due
from wharf.watch.readiness import NotYet, Ready, readiness
from wharf.watch.starts import Wanted

ADA = Person("ada", "board", has_login=True)
BO = Person("bo", "rest", has_login=True)
SHELL = Person("cli:ada", "cli")
PARTS = CONTRACT.replace(
    'path: "prices_{period:%Y%m%d}*.csv"',
    'path: "prices_{period:%Y%m%d}_{part}.csv", parts: [a, b, c]',
)
BAD = "id,price\na,-1.50\n"


@pytest.fixture
def harbour(tmp_path: Path) -> Harbour:
    return Harbour(tmp_path)


@pytest.fixture
def parted(tmp_path: Path) -> Harbour:
    return Harbour(tmp_path, contract=PARTS)


def at(clock: str, day: int = 20) -> datetime:
    hour, minute = clock.split(":")
    return DAY.replace(day=day, hour=int(hour), minute=int(minute))


def desk(harbour: Harbour) -> Desk:
    promises = harbour.promises
    return Desk.of(harbour.place.ledger, promises.project, promises.feeds)


def make(harbour: Harbour, kind: str, person: Person = ADA, **fields: str) -> Decision:
    about = {} if kind == "suspend" or "first" in fields else {"period": harbour.day}
    given = {"kind": kind, "feed": "acme.prices", "reason": "they called", "until": "2h", **about}
    here = desk(harbour)
    return decide(here, read_wish(here, {**given, **fields}, harbour.now), person, harbour.now)


def publication(harbour: Harbour, batch_id: str, reason: str) -> Wish:
    fields = {"kind": "force_publish", "feed": "acme.prices", "period": harbour.day}
    more = {"until": "4h", "reason": reason, "batch_id": batch_id}
    return read_wish(desk(harbour), {**fields, **more}, harbour.now)


def state_at(harbour: Harbour, when: datetime) -> State:
    """What the tick makes of it at an instant, by itself."""
    harbour.now = when
    evaluate_due(harbour.place.ledger, harbour.promises, harbour.settings, when)
    with harbour.place.ledger.read() as tx:
        row = expected.find_expected(tx, "acme.prices", harbour.day)
    assert row is not None
    state = harbour.state()
    assert (row.timeliness, row.delivery) == (state.timeliness, state.delivery), "not re-derived"
    return state


def test_a_waiver_that_ends_gives_the_row_back_at_its_end(harbour: Harbour) -> None:
    harbour.now = at("13:00")
    harbour.look()
    assert state_at(harbour, at("13:00")).timeliness == "LATE"
    make(harbour, "waive")
    assert state_at(harbour, at("13:01")).timeliness == "NOT_EXPECTED"
    assert state_at(harbour, at("14:59")).timeliness == "NOT_EXPECTED"
    assert state_at(harbour, at("15:00")).timeliness == "LATE"


def test_a_waiver_that_outlasts_the_cutoff_settles_it_for_good(harbour: Harbour) -> None:
    harbour.now = at("13:00")
    harbour.look()
    waived = make(harbour, "waive", until="2026-11-21T00:00")
    assert state_at(harbour, at("13:01")).timeliness == "NOT_EXPECTED"
    assert state_at(harbour, at("10:00", 30)).timeliness == "NOT_EXPECTED"
    revoke(desk(harbour), waived.seq, "it was needed after all", BO, harbour.now)
    assert state_at(harbour, at("10:01", 30)).timeliness == "MISSING"


def test_a_range_waives_its_periods_and_those_whose_rows_are_made_later(harbour: Harbour) -> None:
    make(harbour, "waive", first="2026-11-19", last="2026-11-20", until="2026-12-31")
    harbour.now = at("13:00")
    harbour.look()
    assert state_at(harbour, at("13:00")).timeliness == "NOT_EXPECTED"
    harbour.day = "2026-11-21"
    harbour.now = at("13:00", 21)
    harbour.look()
    assert state_at(harbour, at("13:00", 21)).timeliness == "LATE"


def test_a_promise_puts_the_alarm_off_and_ends_with_it(harbour: Harbour) -> None:
    harbour.now = at("13:00")
    harbour.look()
    make(harbour, "promise", until="2026-11-20T15:00")
    promised = state_at(harbour, at("13:01"))
    assert (promised.timeliness, promised.due_at) == ("AT_RISK", at("12:00"))
    assert state_at(harbour, at("15:00")).timeliness == "LATE"


def test_taking_care_ends_by_itself(harbour: Harbour) -> None:
    harbour.now = at("13:00")
    harbour.look()
    make(harbour, "ack")
    make(harbour, "snooze", until="1h")
    state = state_at(harbour, at("13:01"))
    assert (state.acked_until, state.snoozed_until) == (at("15:00"), at("14:00"))
    state = state_at(harbour, at("14:00"))
    assert (state.acked_until, state.snoozed_until) == (at("15:00"), None)
    assert state_at(harbour, at("15:00")).acked_until is None


def test_a_suspended_feed_expects_again_what_falls_due_after(harbour: Harbour) -> None:
    make(harbour, "suspend", until="2026-11-20T18:00")
    harbour.look()
    assert state_at(harbour, at("19:00")).timeliness == "NOT_EXPECTED"
    harbour.day = "2026-11-21"
    harbour.now = at("13:00", 21)
    harbour.look()
    assert state_at(harbour, at("13:00", 21)).timeliness == "LATE"


def test_a_maintenance_window_excuses_what_falls_due_within(harbour: Harbour) -> None:
    harbour.now = at("13:00")
    harbour.look()
    here = desk(harbour)
    feeds = window_feeds(here, "connection:acme_inbox")
    made = decide_window(
        here, feeds, "connection:acme_inbox", at("11:00"), at("14:00"), "move", ADA, harbour.now
    )
    assert [row.feed for row in made] == ["acme.prices"]
    assert state_at(harbour, at("13:01")).timeliness == "NOT_EXPECTED"
    assert state_at(harbour, at("20:00")).timeliness == "NOT_EXPECTED"
    revoke(here, made[0].seq, "cancelled", ADA, harbour.now)
    assert state_at(harbour, at("20:01")).timeliness == "LATE"
    with pytest.raises(DecisionRefused, match="before it begins"):
        decide_window(here, feeds, "all", at("23:00"), at("22:00"), "x", ADA, harbour.now)
    with pytest.raises(DecisionRefused, match="no feed belongs"):
        window_feeds(here, "supplier:nobody")
    with pytest.raises(DecisionRefused, match="use all"):
        window_feeds(here, "everything")


def test_accepted_parts_are_published_and_the_last_one_restates_them(parted: Harbour) -> None:
    parted.deliver("id,price\na,1.50\n", "prices_20261120_a.csv")
    parted.deliver("id,price\nb,2.25\n", "prices_20261120_b.csv")
    parted.look()
    assert isinstance(
        readiness(parted.place.ledger, parted.feed, parted.period, parted.now), NotYet
    )
    with pytest.raises(DeliveryMissing):
        parted.run()
    parted.wait(hours=6)
    parted.look()
    make(parted, "accept_partial")
    state = state_at(parted, at("13:01"))
    assert (state.timeliness, state.delivery) == ("LATE_ARRIVED", "COMPLETE")
    assert state.complete_at == at("13:00")
    assert "2 of 3 parts, accepted as they are by ada" in state.reason
    assert readiness(parted.place.ledger, parted.feed, parted.period, parted.now) == Ready()
    parted.run()
    assert [row[0] for row in parted.rows()] == ["a", "b"]
    parted.wait(hours=3)
    parted.deliver("id,price\nc,3.00\n", "prices_20261120_c.csv")
    parted.run()
    assert [row[0] for row in parted.rows()] == ["a", "b", "c"]
    assert parted.state().late_by == timedelta(minutes=60), "the acceptance decided it"


def test_an_acceptance_that_nobody_used_ends(parted: Harbour) -> None:
    parted.deliver("id,price\na,1.50\n", "prices_20261120_a.csv")
    parted.now = at("13:00")
    parted.look()
    make(parted, "accept_partial", until="1h")
    assert state_at(parted, at("13:59")).delivery == "COMPLETE"
    state = state_at(parted, at("14:00"))
    assert (state.timeliness, state.delivery) == ("LATE", "PARTIAL")
    with pytest.raises(DeliveryMissing):
        parted.run()


def test_a_failed_critical_check_is_overruled_by_two_people_only(harbour: Harbour) -> None:
    harbour.deliver(BAD)
    with pytest.raises(AuditFailed):
        harbour.run()
    [held] = harbour.batches()
    here, place = desk(harbour), harbour.place
    wish = publication(harbour, held.batch_id, "refunds are negative")
    with pytest.raises(DecisionRefused, match="two people"):
        force_publish(here, place.batches, wish, SHELL, harbour.now)
    asked = force_publish(here, place.batches, wish, ADA, harbour.now)
    assert harbour.rows() == []
    assert describe(asked, harbour.now)["status"] == "waits for a second person"
    for person, why in (
        (ADA, "asked for it yourself"),
        (Person("ADA", "rest", has_login=True), "asked for it yourself"),
        (SHELL, "must have signed in"),
        (Person("Anonymous", "board"), "must have signed in"),
    ):
        with pytest.raises(DecisionRefused, match=why):
            approve(here, place.batches, asked.seq, person, harbour.now)
    with pytest.raises(DecisionRefused, match="has ended"):
        approve(here, place.batches, asked.seq, BO, harbour.now + timedelta(hours=4))
    assert harbour.rows() == []
    done = approve(here, place.batches, asked.seq, BO, harbour.now)
    assert harbour.rows() == [("a", "-1.50")]
    assert describe(done, harbour.now)["status"] == "carried out"
    with place.ledger.read() as tx:
        [event] = batches.publishes_of(tx, "raw.acme_prices", harbour.day)
    assert (event.by, event.reason) == ("ada, approved by bo", "refunds are negative")
    with pytest.raises(DecisionRefused, match="carried out"):
        approve(here, place.batches, asked.seq, Person("cy", "board", has_login=True), harbour.now)
    with pytest.raises(DecisionRefused, match="carried out"):
        revoke(here, asked.seq, "no", ADA, harbour.now)


def test_one_person_publishes_again_what_was_rolled_back(harbour: Harbour) -> None:
    harbour.deliver(GOOD)
    harbour.run()
    [batch] = harbour.batches()
    harbour.place.batches.rollback(
        "raw.acme_prices", harbour.day, to=None, by="ada", reason="wrong", now=harbour.now
    )
    harbour.wait(minutes=1)
    here = desk(harbour)
    wish = publication(harbour, batch.batch_id, "it was right")
    done = force_publish(here, harbour.place.batches, wish, SHELL, harbour.now)
    assert done.detail["carried_out_at"]
    assert len(harbour.rows()) == 2


def test_a_restatement_marked_as_a_duplicate_counts_no_more(harbour: Harbour) -> None:
    harbour.deliver(GOOD)
    harbour.run()
    harbour.wait(minutes=5)
    harbour.deliver("id,price\na,9.99\n")
    harbour.look()
    harbour.steps()[0][1]()
    newer = harbour.deliveries()[-1]
    assert newer.version == 2
    make(harbour, "mark_duplicate", delivery=str(newer.seq))
    assert [(each.verdict, each.version) for each in harbour.deliveries()] == [
        ("NEW", 1), ("DUPLICATE", 1),
    ]  # fmt: skip
    harbour.wait(minutes=3)
    state_at(harbour, harbour.now)
    assert asked_runs(harbour.place.ledger, harbour.promises, set(), harbour.now) == []
    make(harbour, "mark_restatement", delivery=str(newer.seq))
    assert harbour.deliveries()[-1].version == 2
    assert asked_runs(harbour.place.ledger, harbour.promises, set(), harbour.now) == [
        Wanted("feed__acme__prices", harbour.day, f"delivery-{newer.seq}-2")
    ]
    for _, step in harbour.steps()[1:]:
        step()
    assert harbour.rows() == [("a", "9.99")]
    assert asked_runs(harbour.place.ledger, harbour.promises, set(), harbour.now) == []


def hand(harbour: Harbour, content: bytes, name: str, started: list[str], part: str = "") -> str:
    def start(dag_id: str, key: str, cause: str) -> bool:
        started.append(cause)
        return True

    folder = harbour.root / f"given-{len(list(harbour.root.iterdir()))}"
    folder.mkdir()
    handed = hand_in(
        harbour.place, desk(harbour), "acme.prices", harbour.day, part, name,
        io.BytesIO(content), folder, ADA, harbour.now, start,
    )  # fmt: skip
    return f"{handed.verdict} {handed.next_step}"


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd.csv", "..\\..\\boot.csv", "/abs/x.csv", "a\x00b.csv", "..", "\u202egnp.csv",
     "x" * 300 + ".csv"],
)  # fmt: skip
def test_the_name_of_a_file_handed_in_never_becomes_a_path(harbour: Harbour, name: str) -> None:
    harbour.look()
    started: list[str] = []
    assert "A run was started" in hand(harbour, GOOD.encode(), name, started)
    [landed] = harbour.deliveries()
    assert landed.path.startswith("handed-in/")
    assert landed.path.count("/") == 1
    assert ".." not in landed.path
    assert (
        Path(landed.uri.removeprefix("file://"))
        .resolve()
        .is_relative_to((harbour.root / "home/landing").resolve())
    )
    assert started == [f"delivery-{landed.seq}-1"]
    with harbour.place.ledger.read() as tx:
        [noted] = decisions.decisions_of(tx, "acme.prices", harbour.day)
    assert (noted.kind, noted.by, noted.detail["sha256"]) == ("hand_in", "ada", landed.sha256)


def test_a_file_handed_in_is_not_withdrawn_by_the_next_look(tmp_path: Path) -> None:
    harbour = Harbour(tmp_path, contract=CONTRACT.replace('*.csv"}', '*.csv", absence: withdrawn}'))
    harbour.look()
    hand(harbour, GOOD.encode(), "by mail.csv", [])
    harbour.wait(minutes=1)
    harbour.look()
    for _, step in harbour.steps():
        step()
    assert harbour.state().delivery == "PUBLISHED"
    assert len(harbour.rows()) == 2


def test_what_handing_in_refuses(parted: Harbour) -> None:
    with pytest.raises(DecisionRefused, match="nothing is expected"):
        hand(parted, b"id,price\n", "a.csv", [], part="a")
    parted.look()
    with pytest.raises(DecisionRefused, match="parts: a, b, c"):
        hand(parted, b"id,price\n", "a.csv", [])
    with pytest.raises(DecisionRefused, match="is empty"):
        hand(parted, b"", "a.csv", [], part="a")
    started: list[str] = []
    told = hand(parted, b"id,price\na,1\n", "a.csv", started, part="a")
    assert "when the delivery is whole" in told
    assert started == []


def test_the_tick_starts_a_run_for_what_was_handed_in_while_airflow_was_away(
    harbour: Harbour,
) -> None:
    harbour.look()
    folder = harbour.root / "given"
    folder.mkdir()
    here, content = desk(harbour), io.BytesIO(GOOD.encode())
    hand_in(
        harbour.place, here, "acme.prices", harbour.day, "", "x.csv", content, folder, ADA,
        harbour.now, None,
    )  # fmt: skip
    state_at(harbour, harbour.now + timedelta(minutes=3))
    key = ("feed__acme__prices", harbour.day)
    assert asked_runs(harbour.place.ledger, harbour.promises, {key}, harbour.now) == []
    harbour.tick()
    assert (*key, "delivery-1-1") in harbour.started
    before = list(harbour.started)
    harbour.tick()
    assert harbour.started == before


def test_trying_a_file_keeps_nothing(harbour: Harbour) -> None:
    harbour.look()
    here = desk(harbour)
    project = harbour.root / "project"
    for content, outcome in ((GOOD, "loaded"), (BAD, "quarantined"), ("nothing", "refused")):
        folder = harbour.root / f"try-{outcome}"
        folder.mkdir()
        tried = try_out(
            here, "acme.prices", "x.csv", io.BytesIO(content.encode()), folder, project, harbour.now
        )
        assert tried.outcome == outcome, tried
    with harbour.place.ledger.read() as tx:
        assert deliveries.deliveries_of(tx, "acme.prices", harbour.day) == []
        assert decisions.decisions_of(tx, "acme.prices") == []
