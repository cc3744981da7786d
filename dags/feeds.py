"""One Airflow DAG for each feed file in dags/feeds/."""

from pathlib import Path

from wharf.airflow.feed_dag import build_feed_dag
from wharf.airflow.loading import feeds_to_build

PROJECT = Path(__file__).parents[1]

for feed in feeds_to_build(PROJECT):
    build_feed_dag(feed, project=PROJECT)
