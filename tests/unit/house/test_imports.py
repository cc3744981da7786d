"""The core knows nothing of Airflow; proved in a process that has none.

What Airflow loads and what its parsing imports is tested in tests/dags/.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

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
print(json.dumps({"imported": len(names), "failed": failed}))
"""


def test_core_imports_without_airflow(project: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_AIRFLOW],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(project / "plugins")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["imported"] > 50
    assert answer["failed"] == {}
