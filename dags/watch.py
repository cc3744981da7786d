"""The Airflow DAG that looks at the sources and evaluates what should have come, each minute."""

from pathlib import Path

from wharf.airflow.watch_dag import build_watch_dag

build_watch_dag(project=Path(__file__).parents[1])
