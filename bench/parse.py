"""How long Airflow needs to read 1,000 feeds: ours, a plain loop, and the bare limit.

Run: python bench/parse.py [--feeds 1000]

Each case is one fresh process, as in Airflow's DAG processor; CPU seconds after `import airflow`.
- bare:  1,000 DAGs of four empty tasks on the stock timetable; no file is read.
- loop:  what people write by hand: yaml.safe_load and four PythonOperators per file.
- wharf: dags/feeds.py: validated contracts, deadlines, calendars, lineage, documentation.
- task:  dags/feeds.py in a task's process, which needs one DAG of the thousand.
- check: the whole project read and cross-checked, as `dags/feeds_invalid.py` does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FEED = """
feed: s{supplier}.f{number}
about: What supplier {supplier} delivers each working day, file {number}.
active: {{from: "2026-11-02", until: null}}
table: raw.s{supplier}_f{number}
content: snapshot
key: [account_id]
supplier:
  {{id: s{supplier}, name: Supplier {supplier}, contacts: {{late: ops@example.com, after: L1}}}}
source: {{kind: local, connection: s{supplier}_inbox, path: "f{number}_{{period:%Y%m%d}}.csv"}}
format: {{kind: csv, encoding: utf-8, delimiter: ","}}
columns:
  account_id: {{type: string, required: true, aliases: [AcctNo]}}
  name: {{type: string}}
  opened_on: {{type: date}}
  amount: {{type: "decimal(18,2)"}}
  currency: {{type: string}}
  rate: {{type: double}}
  updated_at: {{type: timestamptz}}
  is_open: {{type: boolean}}
period: {{kind: business_day, calendar: bank, on_holiday: skip}}
timeliness:
  tz: Europe/Amsterdam
  opens: "T+0 22:00"
  due: "T+1bd 06:30"
  grace: 20m
  cutoff: "T+3bd 18:00"
"""
BARE = """
from datetime import UTC, datetime
from airflow.sdk import DAG, BaseOperator, CronPartitionTimetable, chain

for number in range({feeds}):
    with DAG(f"bare_{{number}}", schedule=CronPartitionTimetable("0 0 * * *", timezone="UTC"),
             start_date=datetime(2026, 11, 2, tzinfo=UTC), catchup=False):
        chain(*(BaseOperator(task_id=name) for name in ("wait", "stage", "audit", "publish")))
"""
LOOP = """
from datetime import UTC, datetime
from pathlib import Path
import yaml
from airflow.sdk import DAG, CronPartitionTimetable, chain
from airflow.providers.standard.operators.python import PythonOperator

for path in sorted((Path(__file__).parent / "feeds").glob("*/*.yaml")):
    feed = yaml.safe_load(path.read_text())
    with DAG(feed["feed"], schedule=CronPartitionTimetable("0 0 * * *", timezone="UTC"),
             start_date=datetime(2026, 11, 2, tzinfo=UTC), catchup=False, doc_md=feed["about"]):
        chain(*(PythonOperator(task_id=name, python_callable=print, op_kwargs=feed)
                for name in ("wait", "stage", "audit", "publish")))
"""
CHECK = """
from pathlib import Path  # for Airflow's DAG processor
from wharf.contracts import load_project

assert not load_project(Path(__file__).parents[1]).invalid
"""
MEASURE = """
import json, logging, resource, sys, time
logging.disable(logging.ERROR)
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
begun = time.process_time()
bag = DagBag(sys.argv[1], collect_dags=True)
parsed = time.process_time()
assert not bag.import_errors, bag.import_errors
stored = [len(json.dumps(DagSerialization.to_dict(dag))) for dag in bag.dags.values()]
done = time.process_time()
print(json.dumps({
    "dags": len(stored), "parse": parsed - begun, "serialize": done - parsed,
    "json_kb": sum(stored) / 1024 / max(len(stored), 1),
    "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}))
"""


def make_project(folder: Path, feeds: int) -> None:
    """Write a project of so many feeds, twenty to a supplier."""
    for number in range(feeds):
        supplier = number // 20
        file = folder / "dags" / "feeds" / f"s{supplier}" / f"f{number}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(FEED.format(supplier=supplier, number=number))
    calendars = folder / "dags" / "calendars"
    calendars.mkdir()
    (calendars / "bank.yaml").write_text(
        "calendar: bank\nweekmask: mon tue wed thu fri\npublic_holidays: {country: NL}\n"
    )
    loader = (ROOT / "dags" / "feeds.py").read_text()
    for name, text in {
        "bare": BARE.format(feeds=feeds),
        "loop": LOOP,
        "wharf": loader,
        "check": CHECK,
    }.items():
        (folder / "dags" / f"{name}.py").write_text(text)


def measure(folder: Path, case: str, home: Path) -> dict[str, float]:
    """Parse one DAG file in a fresh process."""
    file = "wharf" if case == "task" else case
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "plugins"),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",
    }
    if case == "task":
        environment["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = "feed__s0__f7"
    command = [sys.executable, "-c", MEASURE, str(folder / "dags" / f"{file}.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure every case and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--feeds", type=int, default=1000)
    feeds = parser.parse_args().feeds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "project"
        make_project(folder, feeds)
        heads = ("dags", "parse s", "store s", "ms a dag", "KB", "RSS MB")
        print(f"{'case':8}" + "".join(f"{head:>9}" for head in heads))
        for case in ("bare", "loop", "wharf", "task", "check"):
            found = measure(folder, case, Path(name) / "airflow")
            each = 1000 * (found["parse"] + found["serialize"]) / max(found["dags"], 1)
            print(
                f"{case:8}{found['dags']:9.0f}{found['parse']:9.2f}{found['serialize']:9.2f}"
                f"{each:9.2f}{found['json_kb']:9.1f}{found['rss_mb']:9.0f}"
            )


if __name__ == "__main__":
    main()
