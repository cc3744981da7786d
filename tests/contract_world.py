"""A feed whose contract and calendar are edited, and what the ledger then expects of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harbour import CONTRACT, Harbour
from sqlalchemy import event

from wharf.ledger import expected
from wharf.ledger.rows import ExpectedDelivery, StateEvent
from wharf.watch.expect import expect_horizon

OFFICE = "calendar: office\nweekmask: mon tue wed thu fri\n"
COUNTED = CONTRACT.replace("period: {kind: day}", "period: {kind: day, calendar: office}")
PRICES = "dags/feeds/acme/prices.yaml"


def write(harbour: Harbour, path: str, text: str) -> None:
    file = harbour.root / "project" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def remove(harbour: Harbour, path: str) -> None:
    (harbour.root / "project" / path).unlink()


def expect(harbour: Harbour) -> int:
    return expect_horizon(harbour.place.ledger, harbour.promises, harbour.now)


def rows(harbour: Harbour, feed: str = "acme.prices") -> dict[str, ExpectedDelivery]:
    with harbour.place.ledger.read() as tx:
        return {row.period: row for row in expected.expected_of(tx, feed)}


def history(harbour: Harbour, period: str) -> list[StateEvent]:
    row = rows(harbour)[period]
    with harbour.place.ledger.read() as tx:
        return expected.events_of(tx, row.id)


@contextmanager
def counted_statements(harbour: Harbour) -> Iterator[list[str]]:
    told: list[str] = []

    def note(_c: object, _cu: object, statement: str, *_: object) -> None:
        told.append(statement)

    engine = harbour.place.ledger.engine
    event.listen(engine, "before_cursor_execute", note)
    yield told
    event.remove(engine, "before_cursor_execute", note)
