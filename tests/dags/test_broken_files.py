"""One broken contract never takes another one's DAG away, and its file is named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning"),
]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    shutil.copytree(ROOT / "dags", tmp_path / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def bag_of(project: Path) -> DagBag:
    return DagBag(project / "dags", collect_dags=True)


def message(bag: DagBag) -> str:
    [(file, text)] = bag.import_errors.items()
    assert Path(file).name == "feeds_invalid.py"
    return str(text)


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("kind: local", "kind: ftp", "alder/parcels.yaml: source.kind is 'ftp'; use 'local'"),
        ("\nperiod:", "\nperod:", "alder/parcels.yaml: perod: unknown key; did you mean 'period'?"),
        ("feed: alder.parcels", "feed: alder.plots", "must be dags/feeds/alder/plots.yaml"),
        ("feed:", "feed: [", "alder/parcels.yaml: not valid YAML"),
    ],
    ids=["wrong value", "misspelt key", "wrong place", "no YAML"],
)
def test_a_broken_feed_is_named_and_the_others_go_on(
    project: Path, was: str, becomes: str, told: str
) -> None:
    file = project / "dags" / "feeds" / "alder" / "parcels.yaml"
    file.write_text(file.read_text().replace(was, becomes, 1))
    bag = bag_of(project)
    assert told in message(bag)
    assert "feed__alder__parcels" not in bag.dags
    assert {"feed__birch__parcels", "product__parcel_use", "watch"} <= set(bag.dags)


def test_two_broken_files_are_both_named(project: Path) -> None:
    for supplier in ("alder", "birch"):
        (project / "dags" / "feeds" / supplier / "parcels.yaml").write_bytes(b"\xff\xfe\x00")
    told = message(bag_of(project))
    assert "dags/feeds/alder/parcels.yaml" in told
    assert "dags/feeds/birch/parcels.yaml" in told


def test_a_broken_product_costs_only_itself(project: Path) -> None:
    file = project / "dags" / "products" / "parcel_use.yaml"
    file.write_text(file.read_text().replace("steps:", "stages:"))
    bag = bag_of(project)
    assert "dags/products/parcel_use.yaml: stages: unknown key" in message(bag)
    assert "product__parcel_use" not in bag.dags
    assert "product__parcel_facts" in bag.dags


def test_a_removed_feed_loses_its_dag_and_nothing_breaks(project: Path) -> None:
    (project / "dags" / "feeds" / "ember" / "permits.yaml").unlink()
    bag = bag_of(project)
    assert bag.import_errors == {}
    assert "feed__ember__permits" not in bag.dags
    assert "feed__alder__parcels" in bag.dags


def test_an_empty_project_has_only_our_own_dags(project: Path) -> None:
    for folder in ("feeds", "products", "models"):
        shutil.rmtree(project / "dags" / folder)
    bag = bag_of(project)
    assert bag.import_errors == {}
    assert sorted(bag.dags) == ["maintenance", "watch"]
