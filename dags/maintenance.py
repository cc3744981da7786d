"""The nightly Airflow DAG that reports what is left lying about."""

from pathlib import Path

from wharf.airflow.maintenance_dag import build_maintenance_dag

build_maintenance_dag(project=Path(__file__).parents[1])
