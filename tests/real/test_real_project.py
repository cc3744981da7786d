"""The project that reads the real workbooks is sound, whether or not the workbooks are there."""

from __future__ import annotations

from pathlib import Path

import pytest
import real_world

from wharf import quality
from wharf.contracts import load_project
from wharf.products import check_dbt_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return real_world.copy_project(tmp_path)


def test_its_contracts_and_suites_are_valid(project: Path) -> None:
    found = load_project(project)
    assert found.invalid == ()
    assert set(found.feeds) == {f"{borough}.sales" for borough in real_world.BOROUGHS}
    for name, feed in found.feeds.items():
        assert quality.check_suite(quality.suite_path(project, name), feed.columns) == []
    scores = project / "expectations" / "products" / "sales_use.json"
    assert quality.check_suite(scores, {"sale_id", "score", "_input_batch_ids"}) == []


@pytest.mark.slow
def test_its_dbt_models_are_each_built_by_one_product(project: Path) -> None:
    assert check_dbt_project(load_project(project)) == []
