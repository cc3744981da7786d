"""Rules that hold for every DAG of this project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG

from wharf.airflow.dags import TAGS
from wharf.contracts import load_project

ROOT = Path(__file__).parents[2]
LOADERS = ("feeds", "feeds_invalid", "maintenance", "models", "products", "watch")

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pathspec"),
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def dags() -> dict[str, DAG]:
    bag = DagBag(ROOT / "dags", collect_dags=True)
    assert bag.import_errors == {}
    assert bag.dags
    return dict(bag.dags)


def test_the_loaders_are_the_six_that_a_project_has() -> None:
    assert sorted(path.stem for path in (ROOT / "dags").glob("*.py")) == sorted(LOADERS)


def test_there_is_one_dag_for_each_contract_and_two_of_our_own(dags: dict[str, DAG]) -> None:
    project = load_project(ROOT)
    specs = [*project.feeds.values(), *project.products.values(), *project.models.values()]
    assert sorted(dags) == sorted(["watch", "maintenance", *(spec.dag_id for spec in specs)])


def test_tags_come_from_the_closed_list(dags: dict[str, DAG]) -> None:
    assert {tag for dag in dags.values() for tag in dag.tags} == set(TAGS)
    assert all(len(dag.tags) == 1 for dag in dags.values())


def test_every_task_has_an_owner_and_a_number_of_retries(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        for task in dag.tasks:
            assert task.owner not in {"", "airflow"}, task
            assert "retries" in dag.default_args, task


def test_no_dag_catches_up_on_its_own(dags: dict[str, DAG]) -> None:
    assert not [dag.dag_id for dag in dags.values() if dag.catchup]


def test_feeds_and_products_have_deadlines_and_the_others_have_none(dags: dict[str, DAG]) -> None:
    with_deadline = {dag.dag_id for dag in dags.values() if dag.deadline}
    assert with_deadline == {name for name in dags if name.startswith(("feed__", "product__"))}


def test_only_the_watch_and_the_maintenance_begin_unpaused(dags: dict[str, DAG]) -> None:
    unpaused = {dag.dag_id for dag in dags.values() if dag.is_paused_upon_creation is False}
    assert unpaused == {"watch", "maintenance"}


def test_waiting_runs_never_block_the_next_ones(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        if dag.dag_id.startswith(("feed__", "product__")):
            assert dag.max_active_runs >= 9, dag.dag_id


def test_every_dag_says_what_it_is(dags: dict[str, DAG]) -> None:
    assert not [dag.dag_id for dag in dags.values() if not dag.doc_md or not dag.description]


def test_feeds_await_stage_audit_and_publish(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        if dag.dag_id.startswith("feed__"):
            order = [task.task_id for task in dag.topological_sort()]
            assert order == ["await_delivery", "stage", "audit", "publish"]


def test_products_gather_first_and_release_last(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        if dag.dag_id.startswith("product__"):
            order = [task.task_id for task in dag.topological_sort()]
            assert (order[0], order[-1]) == ("gather", "release")
            assert [task for task in dag.tasks if len(task.downstream_list) > 1] == []


def test_every_feed_has_a_suite() -> None:
    missing = [
        name
        for name in load_project(ROOT).feeds
        if not (ROOT / "expectations" / f"{name.replace('.', '/')}.json").exists()
    ]
    assert missing == []


@pytest.mark.parametrize("loader", LOADERS)
def test_safe_mode_sees_every_loader(loader: str) -> None:
    text = (ROOT / "dags" / f"{loader}.py").read_text().lower()
    assert "airflow" in text
    assert "dag" in text


@pytest.mark.parametrize("loader", sorted({*LOADERS} - {"feeds_invalid"}))
def test_parsing_imports_nothing_heavy_and_opens_no_database(loader: str, tmp_path: Path) -> None:
    heavy = ["pandas", "pyarrow", "duckdb", "pyiceberg", "great_expectations", "dbt", "pyspark"]
    code = (
        "import runpy, sys\n"
        f"runpy.run_path({str(ROOT / 'dags' / loader)!r} + '.py')\n"
        f"print([name for name in {heavy} if name in sys.modules])\n"
        "stores = ('wharf.ledger', 'wharf.lake', 'wharf.intake')\n"
        "print([name for name in stores if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            "PYTHONPATH": str(ROOT / "plugins"),
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "WHARF_HOME": str(tmp_path / "home"),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-2:] == ["[]", "[]"], done.stderr
    assert not (tmp_path / "home").exists()
