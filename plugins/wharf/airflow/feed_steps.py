"""The bodies of a feed's tasks: each one calls the function of `wharf.intake` of the same name."""

from __future__ import annotations

import logging
from datetime import datetime

from airflow.sdk.exceptions import AirflowSkipException

from wharf import intake
from wharf.airflow.feed_runs import FeedRun, announce
from wharf.errors import DeliveryMissing
from wharf.intake import Intake
from wharf.ledger import Ledger, arrivals, deliveries
from wharf.watch.look import look_for

log = logging.getLogger(__name__)


def stage(place: Intake, run: FeedRun, now: datetime) -> str:
    """Land what arrived, then stage it.

    Returns:
        The batch id.

    Raises:
        AirflowSkipException: The cut-off is past and the source has nothing.
    """
    promise = announce(place.ledger, run, now)
    if not _ever_seen(place.ledger, run):
        log.info("%s", look_for(place, run.feed, run.period, now))
    try:
        for each in intake.land_delivery(place, run.feed, run.period, now=now):
            log.info("landed %r: %s, version %s", each.path, each.verdict, each.version)
        return intake.stage_batch(place, run.feed, run.period, now=now, run_id=run.run_id)
    except DeliveryMissing as error:
        if promise.cutoff_at <= now:
            raise AirflowSkipException(f"{error}; the cut-off was {promise.cutoff_at}") from error
        raise


def audit(place: Intake, run: FeedRun, batch_id: str, now: datetime) -> None:
    """Audit a staged batch."""
    intake.audit_batch(place, run.feed, batch_id, now=now)


def publish(place: Intake, run: FeedRun, batch_id: str, now: datetime) -> int:
    """Point readers at an audited batch.

    Returns:
        The table's snapshot id.
    """
    by = f"airflow:{run.run_id}"
    return intake.publish_batch(place, run.feed, batch_id, now=now, by=by)


def _ever_seen(ledger: Ledger, run: FeedRun) -> bool:
    with ledger.read() as tx:
        return bool(
            deliveries.deliveries_of(tx, run.feed.feed, run.period.key)
            or arrivals.arrivals_of(tx, run.feed.feed, run.period.key)
        )
