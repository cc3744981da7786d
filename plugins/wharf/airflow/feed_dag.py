"""The DAG of one feed: await_delivery -> stage -> audit -> publish."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG

from wharf.airflow.dags import (
    RETRIES,
    active_between,
    runs_at_once,
    table_asset,
    zone_of,
)
from wharf.airflow.deadlines import feed_deadlines
from wharf.airflow.feed_tasks import Audit, AwaitDelivery, Publish, Stage
from wharf.airflow.loading import calendar_for
from wharf.airflow.timetable import PeriodTimetable
from wharf.contracts import Feed


def build_feed_dag(feed: Feed, *, project: Path) -> DAG:
    """Make the DAG of a feed.

    Args:
        feed: The contract.
        project: The project that the DAG file lies in; tasks read it again from there.
    """
    calendar = calendar_for(project, feed)
    starts, ends = active_between(feed)
    with DAG(
        feed.dag_id,
        description=feed.about or f"{feed.feed}, each {feed.period.kind}, into {feed.table}",
        schedule=PeriodTimetable(feed.period.kind, timezone=zone_of(feed)),
        start_date=starts,
        end_date=ends,
        catchup=False,
        max_active_runs=runs_at_once(feed, calendar),
        default_args={"owner": feed.supplier_id, **RETRIES},
        deadline=feed_deadlines(feed, calendar),
        tags=["feed"],
        doc_md=_about(feed),
    ) as dag:
        awaited = AwaitDelivery(task_id="await_delivery", feed=feed, project=project)
        staged = Stage(task_id="stage", feed=feed, project=project)
        audited = Audit(task_id="audit", feed=feed, project=project)
        published = Publish(
            task_id="publish", feed=feed, project=project, outlets=[table_asset(feed.table)]
        )
        awaited >> staged >> audited >> published
    return dag


def _about(feed: Feed) -> str:
    terms = feed.timeliness[-1]
    return f"""{feed.about or feed.feed}

Supplier **{feed.supplier.name or feed.supplier_id}**, table `{feed.table}`,
connection `{feed.source.connection}`, path `{feed.source.path}`.

Opens {terms.opens}, due {terms.due}, cut-off {terms.cutoff}, {terms.tz}.
Contract: `dags/feeds/{feed.feed.replace(".", "/")}.yaml`.
[Open the supplier board](/plugin/suppliers)
"""
