"""Names every broken contract file on Airflow's home page. It makes no DAG; all others go on."""

from pathlib import Path

from wharf.airflow.loading import refuse_invalid

refuse_invalid(Path(__file__).parents[1])
