from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from wharf.contracts import load_project
from wharf.products.project_check import (
    DbtModel,
    check_dbt_project,
    lost_history,
    overlaps,
    wrong_places,
)

REPOSITORY = Path(__file__).parents[3]


def model(name: str, materialized: str = "lake") -> DbtModel:
    return DbtModel(name, f"facts.{name}", f"dbt/models/facts/{name}.sql", materialized)


@pytest.mark.parametrize("kind", ["incremental", "snapshot", "external", "table"])
def test_a_materialization_that_keeps_no_history_is_refused_by_name(kind: str) -> None:
    (problem,) = lost_history([model("a", kind), model("b"), model("c", "ephemeral")])
    assert problem.startswith(f"dbt/models/facts/a.sql: a is materialized as {kind}: ")
    assert "use lake" in problem


def test_two_products_may_not_build_one_model() -> None:
    (problem,) = overlaps([model("a")], {"x step 0 (tag:x)": ["a"], "y step 0 (tag:y)": ["a"]})
    assert problem.endswith("a is built by x step 0 (tag:x) and by y step 0 (tag:y)")


def test_a_model_outside_the_three_folders_is_refused() -> None:
    lost = DbtModel("a", "main.a", "dbt/models/a.sql", "lake")
    (problem,) = wrong_places([lost, model("b")])
    assert problem.startswith("dbt/models/a.sql: a would be table main.a; move it below models/")


def test_a_model_that_no_product_builds_is_named() -> None:
    (problem,) = overlaps([model("a"), model("b", "ephemeral")], {})
    assert "a is built by no product" in problem


def test_the_shipped_dbt_project_is_built_by_the_shipped_products() -> None:
    assert check_dbt_project(load_project(REPOSITORY)) == []


def test_a_project_that_loses_history_or_shares_a_model_is_refused_when_parsed(tmp_path) -> None:
    for folder in ("dags", "dbt"):
        shutil.copytree(
            REPOSITORY / folder,
            tmp_path / folder,
            ignore=shutil.ignore_patterns("target", "logs", "__pycache__"),
        )
    kept = tmp_path / "dbt/models/facts/kept.sql"
    kept.write_text(
        "{{ config(materialized='incremental', tags=['parcel_facts', 'signals_by_use']) }}"
        "select 1 as one"
    )
    problems = check_dbt_project(load_project(tmp_path))
    assert any("kept is materialized as incremental" in problem for problem in problems)
    assert any("kept is built by parcel_facts" in problem for problem in problems)
    assert len(problems) == 2


def test_a_dbt_project_that_cannot_be_parsed_gives_one_line(tmp_path) -> None:
    (tmp_path / "dbt/models").mkdir(parents=True)
    (tmp_path / "dbt/dbt_project.yml").write_text("name: x\nprofile: wharf\nversion: '1.0'\n")
    (tmp_path / "dbt/models/bad.sql").write_text("select * from {{ ref('nowhere') }}")
    (problem,) = check_dbt_project(load_project(tmp_path))
    assert problem.startswith("dbt: ")
    assert "nowhere" in problem
