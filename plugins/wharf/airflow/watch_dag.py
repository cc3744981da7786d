"""The DAG `watch`: each minute one task looks at the sources and one evaluates what should be."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator

from wharf.airflow.repeating import MINUTE, repeat_within
from wharf.airflow.words import airflow_words
from wharf.airflow.workplace import now, open_place, settings_for

if TYPE_CHECKING:
    from airflow.sdk import Context

# The run of the next minute begins about this long after the one before has ended.
LAST_CALL = timedelta(seconds=2)


def build_watch_dag(*, project: Path) -> DAG:
    """Make the DAG `watch`; it is never paused upon creation, since without it nobody is told.

    Args:
        project: The project that the DAG file lies in.
    """
    with DAG(
        "watch",
        description="Looks at the sources, evaluates what should have come, starts runs, tells.",
        schedule="* * * * *",
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        dagrun_timeout=timedelta(minutes=15),
        default_args={"owner": "wharf", "retries": 0},
        tags=["watch"],
        doc_md=__doc__,
    ) as dag:
        # Beside each other, never in a row: an unreachable source must not stop the evaluation.
        Look(task_id="look", project=project)
        Tick(task_id="tick", project=project)
    return dag


class WatchTask(BaseOperator):
    """A task that repeats within its minute.

    Args:
        project: The project that the DAG file lies in.
    """

    def __init__(self, *, project: Path, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.project = project

    def repeat(self, every: timedelta, body: Callable[[datetime], object]) -> int:
        """Call the body for a minute; a run that began late lets the next one begin late.

        Returns:
            How often it was called.
        """
        begun = now()
        with airflow_words():
            return repeat_within(
                body,
                every=every,
                until=begun + MINUTE - LAST_CALL,
                clock=now,
                sleep=time.sleep,
            )


class Look(WatchTask):
    """Lists every connection that has open rows, once for all its feeds."""

    def execute(self, context: Context) -> int:
        """Gives how many looks it made."""
        from wharf.watch.look import look
        from wharf.watch.promises import PromiseReader

        place, reader = open_place(self.project), PromiseReader(self.project)

        def once(at: datetime) -> object:
            return look(place, reader.read(place.ledger, at).feeds, at)

        return self.repeat(settings_for(self.project).look_every, once)


class Tick(WatchTask):
    """Evaluates the rows that may have changed, sends what is to be said, starts runs."""

    def execute(self, context: Context) -> int:
        """Gives how many ticks it made."""
        from wharf.airflow.runs import RunsByConnection
        from wharf.watch.heartbeat import give_sign_of_life, look_at_components
        from wharf.watch.promises import PromiseReader
        from wharf.watch.tick import tick

        place, reader = open_place(self.project), PromiseReader(self.project)
        runs = RunsByConnection(place.resolve)

        def once(at: datetime) -> object:
            promises = reader.read(place.ledger, at)
            silent = look_at_components(place, runs.heartbeats, at)
            done = tick(place, promises, at, start_run=runs, running_keys=runs.running_keys)
            give_sign_of_life(place, "; ".join(filter(None, (*silent, done.problem))))
            return done

        return self.repeat(settings_for(self.project).tick_every, once)
