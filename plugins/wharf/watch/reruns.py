"""Products to make again because an input of theirs would now be another batch.

Each tick reads what happened since the last one that left nothing wanting, and decides again only
what that may have changed; where nothing happened it asks for four numbers.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime, timedelta

from wharf import products
from wharf.batches.keep import RETENTION
from wharf.intake import Intake
from wharf.ledger import changes, wants
from wharf.ledger.changes import Change
from wharf.watch.offers import offer
from wharf.watch.promises import Promises
from wharf.watch.starts import Wanted
from wharf.watch.touched import touched_by

READER = "reruns"
# What could not be started for so long is not asked for any more, until an input changes again.
GIVEN_UP_AFTER = timedelta(days=1)
# A year published anew must not hold a tick up: the next one proposes the rest.
MOST_OFFERS = 10


def wanted_reruns(
    ctx: Intake, promises: Promises, running: Set[tuple[str, str]], now: datetime
) -> list[Wanted]:
    """Runs for product periods whose manifest would now come out differently.

    What is past its cut-off becomes a proposal. The bookmark moves only when nothing is left
    wanting, so that a run which could not be started is found again.

    Args:
        ctx: The installation.
        promises: Contracts in force.
        running: (DAG id, period key) of all queued and running runs; they are waited for.
        now: The instant to decide at.
    """
    context = products.Context.of(ctx, promises.project)
    with ctx.ledger.read() as tx:
        marks = changes.bookmarks(tx, READER)
        upto = changes.newest(tx)
        if marks == upto:
            return []
        seen: list[Change] = []
        if marks is not None:
            changed, upto = changes.changes_since(tx, marks)
            # Nothing is made again because its input's time is over.
            seen = [each for each in changed if each.by != RETENTION]
        touched = touched_by(tx, context, promises.feeds, seen, now, all_open=marks is None)
        # The ids of causes are kept by the ledger: what was asked for once is settled.
        known = wants.causes_of(tx, {(f"product__{each.product}", each.period) for each in touched})
    left, offers = False, 0
    found: list[Wanted] = []
    for each in touched:
        key = (f"product__{each.product}", each.period)
        if each.cause is not None and each.cause in known.get(key, ()):
            continue
        begun = min((change.at for change in each.changes), default=None)
        is_settling = begun is not None and now - begun < ctx.settings.rerun_wait
        if is_settling or (each.cause is None and offers == MOST_OFFERS):
            left = True
        elif each.cause is None:
            offers += offer(context, each, now)
        elif key in running:
            left = True
        elif begun is None or now - begun < GIVEN_UP_AFTER:
            left = True
            found.append(Wanted(*key, each.cause))
    if not left:
        with ctx.ledger.write() as tx:
            changes.set_bookmarks(tx, READER, upto)
    return found
