"""The four tasks of a feed's run, as Airflow executes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from wharf.airflow.run_period import facts_of, period_of
from wharf.airflow.words import airflow_words
from wharf.airflow.workplace import now, open_place, settings_for, shared_ledger
from wharf.contracts import Feed

if TYPE_CHECKING:
    from airflow.sdk import Context

    from wharf.airflow.feed_runs import FeedRun


class FeedTask(BaseOperator):
    """One task of a feed's run.

    Args:
        feed: The contract.
        project: The project that the DAG file lies in.
    """

    ui_color = "#e8f1f5"

    def __init__(self, *, feed: Feed, project: Path, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.feed = feed
        self.project = project

    def run_of(self, context: Context) -> FeedRun:
        """The run that this task is part of.

        Raises:
            PeriodError: The run names no period of this feed.
        """
        from wharf.airflow.feed_runs import FeedRun

        facts = facts_of(context)
        return FeedRun(self.feed, period_of(facts, self.feed, now()), self.project, facts.run_id)

    def batch_id(self, context: Context) -> str:
        """The batch that this run staged."""
        return str(context["ti"].xcom_pull(task_ids="stage"))


class AwaitDelivery(FeedTask):
    """Waits, without a worker, until the ledger says that the run may go on.

    Ends skipped where nothing is expected, or nothing came before the cut-off.
    """

    def execute(self, context: Context) -> None:
        """Go on at once when the delivery is there, else wait."""
        from wharf.airflow.feed_runs import announce

        with airflow_words():
            run = self.run_of(context)
            if facts_of(context).is_scheduled and not self.feed.is_active(run.period):
                raise AirflowSkipException(f"{run.period} is outside the contract's active periods")
            announce(shared_ledger(), run, now())
            self._go_on_or_wait(run)

    def resume(self, context: Context, event: str) -> None:
        """Look again, since the time between the trigger and this worker may have changed it."""
        self.log.info("woken: %s", event)
        with airflow_words():
            self._go_on_or_wait(self.run_of(context))

    def _go_on_or_wait(self, run: FeedRun) -> None:
        from wharf.airflow.loading import own_file
        from wharf.airflow.triggers import DeliveryTrigger
        from wharf.watch.readiness import Closed, NotYet, Past, readiness

        match readiness(shared_ledger(), run.feed, run.period, now()):
            case Closed(reason):
                raise AirflowSkipException(
                    f"{run.feed.feed}: nothing expected for {run.period}: {reason}"
                )
            case Past(missing):
                raise AirflowSkipException(
                    f"{run.feed.feed}: {run.period} is past its cut-off: {missing}"
                )
            case NotYet(_, reason):
                self.log.info("waiting for %s %s: %s", run.feed.feed, run.period, reason)
                every = settings_for(run.project).look_every.total_seconds()
                text = own_file(run.project, run.feed).text
                trigger = DeliveryTrigger(text, run.period.key, every)
                self.defer(trigger=trigger, method_name="resume")


class Stage(FeedTask):
    """Lands what arrived and stages it as a batch that no reader sees."""

    def execute(self, context: Context) -> str:
        """Gives the batch id."""
        from wharf.airflow.feed_steps import stage

        with airflow_words():
            return stage(open_place(self.project), self.run_of(context), now())


class Audit(FeedTask):
    """Audits the staged batch; a critical finding ends the run with the batch in quarantine."""

    def execute(self, context: Context) -> None:
        """Fails at once when something critical is found."""
        from wharf.airflow.feed_steps import audit

        with airflow_words():
            run, batch_id = self.run_of(context), self.batch_id(context)
            audit(open_place(self.project), run, batch_id, now())


class Publish(FeedTask):
    """Points readers at the audited batch."""

    def execute(self, context: Context) -> int:
        """Gives the table's snapshot id."""
        from wharf.airflow.feed_steps import publish

        with airflow_words():
            run, batch_id = self.run_of(context), self.batch_id(context)
            snapshot = publish(open_place(self.project), run, batch_id, now())
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"batch_id": batch_id, "period": run.period.key}
        return snapshot
