"""One Airflow DAG for each scoring model file in dags/models/."""

from pathlib import Path

from wharf.airflow.loading import models_to_build
from wharf.airflow.model_dag import build_model_dag

PROJECT = Path(__file__).parents[1]

for model in models_to_build(PROJECT):
    build_model_dag(model, project=PROJECT)
