"""One Airflow DAG for each product file in dags/products/."""

from pathlib import Path

from wharf.airflow.loading import products_to_build
from wharf.airflow.product_dag import build_product_dag

PROJECT = Path(__file__).parents[1]

for product in products_to_build(PROJECT):
    build_product_dag(product, project=PROJECT)
