"""Airflow's plugin loader executes one file of ours; everything behind it waits to be asked for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROBE = """
import json, sys
from airflow.{manager} import plugins_manager as manager

plugins, errors = manager._get_plugins()
ours = [plugin for plugin in plugins if plugin.name == "wharf"]
executed = [
    str(getattr(module, "__file__", "")) for module in list(sys.modules.values())
    if str(getattr(module, "__file__", "")).startswith({root!r})
]
found = {{"errors": errors, "executed": executed, "plugins": len(ours)}}
plugin = ours[0]
found["timetables"] = [each.__name__ for each in plugin.timetables]
found["references"] = [each.__name__ for each in plugin.deadline_references]
found["apps"] = [each["url_prefix"] for each in plugin.fastapi_apps]
found["built"] = "wharf.board" in sys.modules
print(json.dumps(found))
"""

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize(
    "manager", ["plugins_manager", "sdk.plugins_manager"], ids=["components", "tasks"]
)
def test_the_loader_executes_exactly_the_plugin_file(manager: str, tmp_path: Path) -> None:
    package, _, module = f"airflow.{manager}".rpartition(".")
    probe = PROBE.replace(
        "from airflow.{manager} import plugins_manager as manager",
        f"from {package} import {module} as manager",
    ).format(root=str(ROOT / "plugins"))
    done = subprocess.run(
        [sys.executable, "-c", probe],
        env={
            "PYTHONPATH": str(ROOT / "plugins"),
            "AIRFLOW_HOME": str(tmp_path),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == {
        "errors": {},
        "executed": [str(ROOT / "plugins" / "wharf_plugin.py")],
        "plugins": 1,
        "timetables": ["PeriodTimetable"],
        "references": ["PeriodDeadline"],
        "apps": ["/wharf"],
        "built": False,
    }


def test_no_module_of_ours_has_the_name_of_a_module_of_pythons() -> None:
    names = {path.stem for path in (ROOT / "plugins").rglob("*.py")} - {"__init__", "__main__"}
    top_level = {path.stem for path in (ROOT / "plugins").glob("*.py")}
    assert top_level == {"wharf_plugin"}
    assert not top_level & set(sys.stdlib_module_names)
    assert names


def test_the_ignore_file_hides_the_whole_package() -> None:
    assert (ROOT / "plugins" / ".airflowignore").read_text() == "wharf/\n"
