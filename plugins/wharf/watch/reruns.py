"""Products to make again because an input of theirs would now be another batch."""

from __future__ import annotations

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
    context = products.open_context(ctx, promises.project)
    return [
        Wanted(f"product__{each.product}", each.period, f"rerun-{each.cause}")
        for each in products.reruns(context, now=now)
        if (f"product__{each.product}", each.period) not in running
    ]
