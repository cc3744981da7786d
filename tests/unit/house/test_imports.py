"""Who may import what, where import-linter cannot see it: proved in fresh processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WITHOUT_AIRFLOW = """
import importlib, json, pkgutil, sys
sys.modules["airflow"] = None
import wharf
elsewhere = ("wharf.airflow", "wharf.ledger.migrations")  # Alembic alone can run the migrations
walk = pkgutil.walk_packages(wharf.__path__, "wharf.", onerror=lambda name: None)
names = [module.name for module in walk if not module.name.startswith(elsewhere)]
failed = {}
for name in names:
    try:
        importlib.import_module(name)
    except Exception as error:
        failed[name] = repr(error)
print(json.dumps({"names": names, "failed": failed}))
"""

WHAT_THE_LOADER_EXECUTES = """
import json, sys
from pathlib import Path
from airflow import plugins_manager
plugins_manager.ensure_plugins_loaded()
folder = Path(sys.argv[1])
modules = {
    name: str(Path(module.__file__).relative_to(folder))
    for name, module in list(sys.modules.items())
    if getattr(module, "__file__", None) and Path(module.__file__).is_relative_to(folder)
}
print(json.dumps({"errors": plugins_manager.get_import_errors(), "modules": modules}))
"""

WHAT_PARSING_IMPORTS = """
import json, runpy, sys
from pathlib import Path
files = sorted(Path(sys.argv[1]).glob("*.py"))
for file in files:
    runpy.run_path(str(file))
print(json.dumps({"files": len(files), "modules": sorted(sys.modules)}))
"""
HEAVY = {
    "dbt",
    "duckdb",
    "great_expectations",
    "onnxruntime",
    "pandas",
    "polars",
    "pyarrow",
    "pyiceberg",
    "pyspark",
    "sklearn",
}

Ask = Callable[[str, Path], Any]


@pytest.fixture
def ask(project: Path, tmp_path: Path) -> Ask:
    """Runs a program in a Python of its own and gives the JSON on its last line."""

    def ask(program: str, argument: Path) -> Any:
        ours = {
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(project / "plugins"),
            "PYTHONPATH": str(project / "plugins"),
            "WHARF_HOME": str(tmp_path / "wharf"),
        }
        done = subprocess.run(
            [sys.executable, "-c", program, str(argument)],
            cwd=tmp_path,
            env=os.environ | ours,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return ask


def test_core_imports_without_airflow(ask: Ask, project: Path) -> None:
    answer = ask(WITHOUT_AIRFLOW, project)
    assert len(answer["names"]) > 50
    assert answer["failed"] == {}


@pytest.mark.airflow
def test_airflow_loads_one_file_of_the_plugins_folder(ask: Ask, project: Path) -> None:
    answer = ask(WHAT_THE_LOADER_EXECUTES, project / "plugins")
    assert answer["errors"] == {}
    assert answer["modules"].pop("wharf_plugin") == "wharf_plugin.py"
    assert [name for name in answer["modules"] if name.split(".")[0] != "wharf"] == []


@pytest.mark.airflow
def test_parsing_the_dag_files_imports_nothing_heavy(ask: Ask, project: Path) -> None:
    answer = ask(WHAT_PARSING_IMPORTS, project / "dags")
    assert answer["files"] == 6
    assert HEAVY & set(answer["modules"]) == set()
