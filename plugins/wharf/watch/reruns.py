"""Products to make again because an input of theirs would now be another batch."""

from __future__ import annotations

import hashlib
from collections.abc import Set
from datetime import datetime

from wharf import products
from wharf.intake import Intake
from wharf.watch.promises import Promises
from wharf.watch.starts import Wanted


def wanted_reruns(
    ctx: Intake, promises: Promises, running: Set[tuple[str, str]], now: datetime
) -> list[Wanted]:
    """Runs for open product periods whose manifest would now come out differently."""
    context = products.Context(ctx.settings, promises.project, ctx.ledger, ctx.lake, ctx.batches)
    return [
        Wanted(f"product__{each.product}", each.period, f"rerun-{_digest(each)}")
        for each in products.reruns(context, now)
        if (f"product__{each.product}", each.period) not in running
    ]


def _digest(rerun: products.Rerun) -> str:
    """The same change asks for one run, however often it is found."""
    return hashlib.sha256(f"{rerun.manifest_id} {rerun.reason}".encode()).hexdigest()[:12]
