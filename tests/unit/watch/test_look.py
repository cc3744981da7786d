"""Looks: one listing for each connection, and what they mean for rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from tests.harbour import CONTRACT, GOOD, Harbour

from wharf.demo.receivers import FileServer
from wharf.errors import SourceError
from wharf.ledger import arrivals, expected, wants
from wharf.ledger.rows import ExpectedDelivery
from wharf.settings import Connection
from wharf.sources import Fetched, Refused, Seen
from wharf.watch.listing import Asked, list_all

SHORT = timedelta(seconds=0.3)


@dataclass
class Host:
    """A source that answers, fails, or does not answer until the test has ended."""

    error: Exception | None = None
    hangs: Event | None = None
    refused: Sequence[Refused] = field(default_factory=tuple)

    def list(self, patterns: Sequence[str]) -> list[Seen]:
        if self.hangs is not None:
            self.hangs.wait(30)
        if self.error is not None:
            raise self.error
        return [Seen(pattern, 1, None, "f") for pattern in patterns]

    def fetch(self, path: str, to: Path) -> Fetched:
        raise NotImplementedError


def test_hosts_that_hang_are_given_up_and_hold_no_other_up() -> None:
    end = Event()
    hosts = {f"h{n}": Asked(Host(hangs=end), ["x"]) for n in range(3)}
    hosts |= {f"q{n}": Asked(Host(), [f"{n}.csv"]) for n in range(5)}
    found = dict(list_all(hosts, at_once=2, within=SHORT))
    end.set()
    assert [found[f"q{n}"][0].path for n in range(5)] == [f"{n}.csv" for n in range(5)]
    for n in range(3):
        assert isinstance(found[f"h{n}"], SourceError)
        assert "did not end within 0.3 s" in str(found[f"h{n}"])


def test_a_failed_look_is_an_answer_and_a_fault_of_ours_is_not_hidden() -> None:
    failing = {"c": Asked(Host(error=SourceError("c: no route to host")), [])}
    assert str(dict(list_all(failing))["c"]) == "c: no route to host"
    with pytest.raises(ZeroDivisionError):
        list(list_all({"c": Asked(Host(error=ZeroDivisionError()), [])}))


def row_of(harbour: Harbour) -> ExpectedDelivery:
    with harbour.place.ledger.read() as tx:
        row = expected.find_expected(tx, "acme.prices", harbour.day)
    assert row is not None
    return row


def test_what_could_not_be_judged_while_looks_failed_is_judged_after_the_next_good_one(
    tmp_path: Path,
) -> None:
    harbour = Harbour(tmp_path)
    harbour.look()
    harbour.tick()
    harbour.wait(hours=4, minutes=45)
    harbour.inbox.rmdir()
    for _ in range(20):
        harbour.look()
        harbour.tick()
        harbour.wait(minutes=1)
    assert row_of(harbour).timeliness == "UNKNOWN"
    assert [each for each in harbour.incidents() if each.kind == "late"] == []
    harbour.inbox.mkdir()
    harbour.look()
    harbour.tick()
    assert row_of(harbour).timeliness == "LATE"


def test_failing_looks_make_a_late_row_unknown_once_they_fail_for_long_enough(
    tmp_path: Path,
) -> None:
    harbour = Harbour(tmp_path)
    harbour.look()
    harbour.tick()
    harbour.wait(hours=4, minutes=55)
    harbour.inbox.rmdir()
    states = []
    for _ in range(18):
        harbour.look()
        harbour.tick()
        states.append(row_of(harbour).timeliness)
        harbour.wait(minutes=1)
    assert states[6] == "LATE"
    assert states[-1] == "UNKNOWN"


def test_a_file_counts_as_soon_as_a_second_look_shows_it_unchanged(tmp_path: Path) -> None:
    text = CONTRACT.replace('*.csv"}', '*.csv", stable_for: 60s}')
    assert text != CONTRACT
    harbour = Harbour(tmp_path, contract=text)
    harbour.look()
    harbour.tick()
    harbour.deliver(GOOD)
    harbour.look()
    harbour.wait(seconds=60)
    harbour.tick()
    assert row_of(harbour).delivery == "SEEN"
    harbour.wait(seconds=5)
    harbour.look()
    harbour.tick()
    assert row_of(harbour).delivery == "COMPLETE"


def test_a_row_that_had_its_run_is_not_thought_of_again(tmp_path: Path) -> None:
    harbour = Harbour(tmp_path)
    harbour.look()
    harbour.tick()
    for _ in range(2):
        harbour.wait(minutes=1)
        harbour.look()
        harbour.tick()
    with harbour.place.ledger.read() as tx:
        assert wants.without_run(tx, harbour.now, 100) == []
    assert ("feed__acme__prices", harbour.day) in {(dag, key) for dag, key, _ in harbour.started}


def test_an_arrival_is_thought_of_until_it_is_landed(tmp_path: Path) -> None:
    harbour = Harbour(tmp_path)
    harbour.deliver(GOOD)
    harbour.look()
    harbour.tick()
    [row] = _waiting(harbour)
    assert row.period == harbour.day
    for _, step in harbour.steps():
        step()
    harbour.tick()
    assert _waiting(harbour) == []


def _waiting(harbour: Harbour) -> list[ExpectedDelivery]:
    with harbour.place.ledger.read() as tx:
        return wants.with_fresh_arrival(tx, harbour.now)


def test_a_thousand_looks_leave_the_last_good_one_and_all_that_failed(tmp_path: Path) -> None:
    harbour = Harbour(tmp_path)
    harbour.look()
    before = harbour.now + timedelta(days=1)
    with harbour.place.ledger.write() as tx:
        [poll] = arrivals.polls_of(tx, "acme_inbox")
        for number in range(100):
            at = harbour.now + timedelta(minutes=number)
            fails = number in {50, 51}
            arrivals.append_poll(tx, type(poll)("acme_inbox", at, ok=not fails))
        assert arrivals.trim_polls(tx, before, 10) == 10
        while arrivals.trim_polls(tx, before, 10):
            pass
        left = arrivals.polls_of(tx, "acme_inbox")
    assert [each.ok for each in left] == [True, True, False, False, True, True]


def test_a_web_server_is_asked_for_periods_past_their_cut_off_until_they_were_judged_once(
    tmp_path: Path,
) -> None:
    at_the_web = CONTRACT.replace("kind: local", "kind: http").replace(
        "%Y%m%d}*.csv", "%Y%m%d}.csv"
    )
    harbour = Harbour(tmp_path, contract=at_the_web)
    harbour.deliver(GOOD)
    harbour.wait(days=5)
    with FileServer(harbour.inbox) as web:
        harbour.place = replace(
            harbour.place, resolve=lambda name: Connection(name, "http", web.address)
        )
        harbour.tick()
        harbour.look()
        harbour.tick()
        assert row_of(harbour).delivery == "COMPLETE"
        harbour.deliver(GOOD + "c,3.00\n")
        harbour.look()
    with harbour.place.ledger.read() as tx:
        assert len(arrivals.arrivals_of(tx, "acme.prices", harbour.day)) == 1
