"""Backfills by period keys: planned, started one by one, gone on with after a failure, watched."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from board_powers import Lent
from board_server import LocalServer, everybody
from board_world import NOW, BoardWorld
from hypothesis import given
from hypothesis import strategies as st

from wharf.board import build_app
from wharf.contracts import Period
from wharf.decisions import Desk, Person, plan_backfill, start_backfill, started_periods
from wharf.decisions.backfills import progress
from wharf.decisions.offers import settle_offer
from wharf.errors import DecisionRefused
from wharf.ledger import backfills, batches, proposals
from wharf.ledger.proposals import Proposal
from wharf.ledger.rows import BatchRow, PublishEvent
from wharf.watch.asked import asked_runs

ADA = Person("ada", "board", has_login=True)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> BoardWorld:
    made = BoardWorld(tmp_path_factory.mktemp("backfills"))
    made.feed("acme.prices")
    made.feed(
        "acme.weekly",
        first="2026-W44",
        period="{kind: week}",
        due="T+5d 12:00",
        cutoff="T+6d 00:00",
    )
    made.feed("acme.office", period="{kind: business_day, calendar: office_days}")
    made.product("risk", "{acme.prices: {read: same}}")
    made.promise()
    with made.ledger.write() as tx:
        for day, status in (("2026-11-16", "PUBLISHED"), ("2026-11-17", "QUARANTINED")):
            row = BatchRow(day, "raw.acme_prices", day, "acme.prices", status, NOW, NOW)
            batches.record_batch(tx, row)
            if status == "PUBLISHED":
                event = PublishEvent(row.table, day, day, "publish", 7, NOW, "run")
                batches.record_publish(tx, event)
    return made


@pytest.fixture(scope="module")
def desk(prepared: BoardWorld) -> Desk:
    promises = prepared.promise()
    return Desk.of(prepared.ledger, promises.project, promises.feeds)


def choices(desk: Desk, subject: str, first: str, last: str, **more: str) -> list[tuple[str, str]]:
    plan = plan_backfill(desk, subject, first, last, NOW, **more)  # type: ignore[arg-type]
    return [(each.period, each.choice) for each in plan.periods]


def test_what_is_done_gets_a_run_only_when_asked_for(desk: Desk) -> None:
    days = ("acme.prices", "2026-11-16", "2026-11-18")
    keys = ["2026-11-16", "2026-11-17", "2026-11-18"]
    for reprocess, wanted in (
        ("none", ["done", "done", "start"]),
        ("failed", ["done", "start", "start"]),
        ("completed", ["start", "start", "start"]),
    ):
        assert choices(desk, *days, reprocess=reprocess) == list(zip(keys, wanted, strict=True))


def test_closed_periods_are_skipped_and_shown(desk: Desk) -> None:
    plan = plan_backfill(desk, "acme.office", "2026-11-10", "2026-11-16", NOW)
    assert [each.choice for each in plan.periods] == [
        "start", "closed", "start", "start", "closed", "closed", "start",
    ]  # fmt: skip
    assert plan.periods[1].why == "holiday in office_days"
    assert "Saturday" in plan.periods[4].why


def test_ends_are_inclusive_and_any_date_inside_a_period_names_it(desk: Desk) -> None:
    weeks = choices(desk, "acme.weekly", "2026-11-04", "2026-W46")
    assert [key for key, _ in weeks] == ["2026-W45", "2026-W46"]
    assert choices(desk, "risk", "2026-10-31", "2026-11-02") == [
        ("2026-10-31", "outside"), ("2026-11-01", "start"), ("2026-11-02", "start"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (("acme.prices", "2026-11-20", "2026-11-21"), "in the future"),
        (("acme.weekly", "2026-W47", "2026-W48"), "in the future"),
        (("acme.prices", "2026-11-20", "2026-11-19"), "is before"),
        (("acme.prices", "last week", "2026-11-19"), "not a day"),
        (("acme.prices", "2020-01-01", "2026-11-19"), "more than 800"),
        (("nobody", "2026-11-18", "2026-11-19"), "no feed or product"),
    ],
)
def test_what_cannot_be_backfilled_is_refused(
    desk: Desk, fields: tuple[str, str, str], why: str
) -> None:
    with pytest.raises(DecisionRefused, match=why):
        plan_backfill(desk, *fields, NOW)
    with pytest.raises(DecisionRefused, match="reprocess"):
        plan_backfill(desk, "acme.prices", "2026-11-18", "2026-11-19", NOW, reprocess="twice")


@given(st.integers(0, 700), st.integers(0, 700))
def test_a_plan_names_every_period_between_once(desk: Desk, back: int, span: int) -> None:
    last = NOW.date() - timedelta(days=back)
    first = last - timedelta(days=span)
    plan = plan_backfill(desk, "acme.prices", first.isoformat(), last.isoformat(), NOW)
    keys = [each.period for each in plan.periods]
    assert keys == sorted(set(keys))
    assert len(keys) == span + 1
    assert (keys[0], keys[-1]) == (first.isoformat(), last.isoformat())
    assert all(Period.parse("day", key).first <= NOW.date() for key in keys)


def test_a_backfill_goes_on_where_airflow_went_away(desk: Desk, prepared: BoardWorld) -> None:
    lent = Lent(prepared.root)
    plan = plan_backfill(desk, "acme.prices", "2026-11-05", "2026-11-08", NOW, follow="affected")
    with pytest.raises(DecisionRefused, match="reason"):
        start_backfill(desk, plan, "", ADA, NOW)
    row = start_backfill(desk, plan, "corrections", ADA, NOW)
    runs = started_periods(desk, row, lent.start, NOW)
    assert [next(runs), next(runs)] == [("2026-11-05", ""), ("2026-11-06", "")]
    lent.is_down = True
    assert next(runs) == ("2026-11-07", "Airflow does not answer")
    assert list(runs) == []
    wanted = asked_runs(prepared.ledger, prepared.promise(), set(), NOW)
    assert [(each.key, each.cause) for each in wanted] == [
        ("2026-11-07", row.cause), ("2026-11-08", row.cause),
    ]  # fmt: skip
    lent.is_down = False
    assert [each for each, _ in started_periods(desk, row, lent.start, NOW)] == [
        "2026-11-07", "2026-11-08",
    ]  # fmt: skip
    assert list(started_periods(desk, row, lent.start, NOW)) == []
    assert len(lent.started) == 4
    run_id = f"wharf__2026-11-05__{row.cause}"
    with prepared.ledger.write() as tx:
        made = BatchRow("new", "raw.acme_prices", "2026-11-05", "acme.prices", "AUDITED", NOW, NOW,
                        run_id=run_id)  # fmt: skip
        batches.record_batch(tx, made)
        found = backfills.backfill_of_run(tx, run_id)
        assert found is not None
        assert found.seq == row.seq
        assert backfills.backfill_of_run(tx, "scheduled__2026-11-05") is None
        told = progress(tx, desk, row)
    assert [each.status for each in told] == ["audited", "started", "started", "started"]


def test_a_proposal_gets_one_word(desk: Desk, prepared: BoardWorld) -> None:
    lent = Lent(prepared.root)
    with prepared.ledger.write() as tx:
        row = Proposal("risk", "2026-11-10", "m1", "c1", "prices were restated", NOW)
        first = proposals.record_proposal(tx, row)
        assert proposals.record_proposal(tx, row) == first
        second = proposals.record_proposal(
            tx, Proposal("risk", "2026-11-11", "m2", "c2", "prices were restated", NOW)
        )
    with pytest.raises(DecisionRefused, match="accept or decline"):
        settle_offer(desk, first.seq, "maybe", "x", ADA, NOW)
    with pytest.raises(DecisionRefused, match="reason"):
        settle_offer(desk, first.seq, "accept", "", ADA, NOW)
    done = settle_offer(desk, first.seq, "accept", "they asked", ADA, NOW, lent.start)
    assert (done.verdict, done.decided_by, done.body["reason"]) == ("accepted", "ada", "they asked")
    assert lent.started == [("product__risk", "2026-11-10", f"proposal-{first.seq}")]
    with pytest.raises(DecisionRefused, match="ada accepted it already"):
        settle_offer(desk, first.seq, "decline", "no", ADA, NOW)
    settle_offer(desk, second.seq, "accept", "by the command line", ADA, NOW)
    wanted = [each for each in asked_runs(prepared.ledger, prepared.promise(), set(), NOW)
              if each.cause.startswith("proposal")]  # fmt: skip
    assert [(each.key, each.cause) for each in wanted] == [("2026-11-11", f"proposal-{second.seq}")]


@pytest.fixture
def board(tmp_path: Path) -> Iterator[tuple[httpx.Client, Lent, BoardWorld]]:
    world = BoardWorld(tmp_path)
    world.feed("acme.prices")
    world.product("risk", "{acme.prices: {read: same}}")
    world.promise()
    lent = Lent(tmp_path, may={"ada": {"feed__acme__prices"}, "bo": {"*"}})
    moments = itertools.count()

    def clock() -> datetime:
        return NOW + timedelta(milliseconds=next(moments))

    app = build_app(world.settings, everybody, clock, lent.powers)
    with LocalServer(app) as server, httpx.Client(base_url=server.url) as client:
        yield client, lent, world


def test_rest_plans_starts_and_watches_a_backfill(
    board: tuple[httpx.Client, Lent, BoardWorld],
) -> None:
    client, lent, _ = board
    client.headers["Authorization"] = "Bearer ada"
    body = {"subject": "acme.prices", "first": "2026-11-17", "last": "2026-11-19",
            "reason": "corrections"}  # fmt: skip
    plan = client.post("/api/backfills", json={**body, "dry_run": True})
    assert plan.json()["wanted"] == ["2026-11-17", "2026-11-18", "2026-11-19"]
    assert client.get("/api/backfills/1").status_code == 404
    made = client.post("/api/backfills", json=body)
    assert (made.status_code, made.json()["backfill"]) == (201, 1)
    until = time.monotonic() + 30
    while len(lent.started) < 3:
        assert time.monotonic() < until, "the runs are started after the answer"
        time.sleep(0.05)
    time.sleep(0.2)
    told = client.get("/api/backfills/1").json()
    assert [each["status"] for each in told["periods"]] == ["started"] * 3
    assert [cause for _, _, cause in lent.started] == ["backfill-1"] * 3
    risk = client.post("/api/backfills", json={**body, "subject": "risk"})
    assert (risk.status_code, "not decide" in risk.text) == (403, True)
    late = client.post("/api/backfills", json={**body, "last": "2026-11-21"})
    assert (late.status_code, late.json()["field"]) == (422, "to")


def test_products_follow_a_backfill_only_of_who_may_run_them(
    board: tuple[httpx.Client, Lent, BoardWorld],
) -> None:
    client, lent, world = board
    world.product("report", "{risk: {read: same}}")
    world.promise()
    body = {"subject": "acme.prices", "first": "2026-11-19", "last": "2026-11-19",
            "reason": "corrections", "dry_run": True}  # fmt: skip
    lent.may["cy"] = {"feed__acme__prices", "product__risk"}
    for name, follow, code in (
        ("ada", "none", 201), ("ada", "affected", 403), ("ada", "all", 403),
        ("cy", "all", 403), ("bo", "all", 201),
    ):  # fmt: skip
        bearer = {"Authorization": f"Bearer {name}"}
        given = {**body, "follow": follow}
        assert client.post("/api/backfills", json=given, headers=bearer).status_code == code


def test_a_dry_run_in_other_words_starts_nothing(
    board: tuple[httpx.Client, Lent, BoardWorld],
) -> None:
    client, lent, _ = board
    bearer = {"Authorization": "Bearer bo"}
    body = {"subject": "acme.prices", "first": "2026-11-19", "last": "2026-11-19", "reason": "x"}
    for more in ({"dry_run": 1}, {"dry_run": "yes"}, {"dryrun": True}):
        answer = client.post("/api/backfills", json={**body, **more}, headers=bearer)
        assert (answer.status_code, answer.json()["field"]) == (422, next(iter(more)))
    assert client.get("/api/backfills/1", headers=bearer).status_code == 404
    assert lent.started == []


def test_rest_settles_a_proposal_by_who_may_run_the_product(
    board: tuple[httpx.Client, Lent, BoardWorld],
) -> None:
    client, lent, world = board
    with world.ledger.write() as tx:
        proposals.record_proposal(tx, Proposal("risk", "2026-11-10", "m", "c", "<b>why</b>", NOW))
    page = client.get("/proposals", headers={"X-User": "bo"}).text
    assert "&lt;b&gt;why&lt;/b&gt;" in page
    assert client.get("/proposals", headers={"X-User": "ada"}).text.count("<form") == 0
    said = {"verdict": "decline", "reason": "too late"}
    for name, code in (("ada", 403), ("bo", 201), ("bo", 422)):
        bearer = {"Authorization": f"Bearer {name}"}
        assert client.post("/api/proposals/1", json=said, headers=bearer).status_code == code
    assert lent.started == []
    assert client.get("/api/proposals", headers={"X-User": "bo"}).json() == {"proposals": []}


def test_rest_takes_a_file_up_to_the_limit(
    board: tuple[httpx.Client, Lent, BoardWorld],
) -> None:
    client, lent, world = board
    object.__setattr__(world.settings, "upload_limit", 100_000)
    bearer = {"Authorization": "Bearer ada"}
    fields = {"feed": "acme.prices", "period": "2026-11-20"}
    big = {"file": ("x.csv", b"id\n" + b"1\n" * 200_000)}
    assert client.post("/api/deliveries", data=fields, files=big, headers=bearer).status_code == 413
    small = {"file": ("x.csv", b"id\n1\n")}
    assert client.post("/api/deliveries", data=fields, files=small).status_code == 401
    made = client.post("/api/deliveries", data=fields, files=small, headers=bearer)
    assert made.status_code == 201
    assert made.json()["verdict"] == "NEW"
    assert lent.started[0][0] == "feed__acme__prices"
    assert list((world.settings.home / "work").iterdir()) == [], "nothing is left behind"
    again = client.post("/api/deliveries", data=fields, files=small, headers=bearer)
    assert "nothing is left to do" in again.json()["next_step"]
    wrong = client.post(
        "/api/deliveries", data={**fields, "part": "z"}, files=small, headers=bearer
    )
    assert (wrong.status_code, wrong.json()["field"]) == (422, "part")
    assert client.post("/api/deliveries", json=fields, headers=bearer).status_code == 415
