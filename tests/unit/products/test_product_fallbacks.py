"""A person lets a product read an earlier batch: at once, for that product, and until it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from product_world import D4, D5, NOON, Place

from wharf.decisions import Desk, Person, decide, read_wish, revoke
from wharf.errors import DecisionRefused
from wharf.ledger import decisions
from wharf.ledger.rows import Decision
from wharf.products import Manifest, Waiting, gather

ADA = Person("ada", "board", has_login=True)


def allow(place: Place, consumer: str = "parcel_facts", max_age: str = "2d") -> Decision:
    desk = Desk.of(place.ctx.ledger, place.ctx.project)
    fields = {"kind": "use_last_good", "feed": "dune.parcels", "period": D5, "until": "4h",
              "reason": "they come tomorrow", "consumer": consumer, "max_age": max_age}  # fmt: skip
    return decide(desk, read_wish(desk, fields, NOON), ADA, NOON)


def dune_of(place: Place, hours: float = 0) -> tuple[str, str | None, str] | None:
    answer = gather(place.ctx, "parcel_facts", D5, now=NOON + timedelta(hours=hours))
    if isinstance(answer, Waiting):
        return None
    manifest = Manifest.from_row(answer)  # type: ignore[arg-type]
    [dune] = [each for each in manifest.inputs if each.name == "dune.parcels"]
    return dune.policy, dune.period, dune.reason


@pytest.fixture
def waiting(place: Place) -> Place:
    for county in ("alder", "birch", "cedar"):
        place.deliver(county, D5)
    place.deliver("dune", D4)
    assert dune_of(place) is None, "it waits"
    return place


def test_the_product_goes_on_at_once_and_says_who_allowed_it(waiting: Place) -> None:
    allow(waiting)
    found = dune_of(waiting)
    assert found is not None
    assert found[:2] == ("last_good", D4)
    assert "ada allowed an earlier batch: they come tomorrow" in found[2]


def test_it_waits_again_when_the_word_has_ended_or_is_taken_back(waiting: Place) -> None:
    made = allow(waiting)
    assert dune_of(waiting, hours=4) is None
    desk = Desk.of(waiting.ctx.ledger, waiting.ctx.project)
    revoke(desk, made.seq, "they came", ADA, NOON + timedelta(minutes=1))
    assert dune_of(waiting, hours=1) is None


def test_a_batch_that_is_too_old_is_not_read(waiting: Place) -> None:
    allow(waiting, max_age="0d")
    assert dune_of(waiting) is None


def test_only_products_that_read_the_feed_themselves_are_named(waiting: Place) -> None:
    with pytest.raises(DecisionRefused, match="no product that reads dune"):
        allow(waiting, consumer="parcel_use")
    with waiting.ctx.ledger.read() as tx:
        assert decisions.decisions_of(tx, "dune.parcels") == []
