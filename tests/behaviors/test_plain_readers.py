"""Engines that know nothing of wharf read every table: pyiceberg, Spark SQL and DuckDB.

Each runs in a process of its own whose path has no wharf on it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lake_world import NEXT_DAY, TABLE, Place, local_place, stage
from server_world import SERVERS, java

from wharf.lake import Lake

RENAMED = {"account": "string", "price": "decimal(20, 2)", "zone": "string", "_period": "string"}
NOW_READ = [["a", "1.00", None], ["c", "3.00", "y"]]
ANCHORED = [["a", "1.00", None], ["b", "2.00", "x"]]
PYICEBERG = """
from pyiceberg.catalog import load_catalog
catalog = load_catalog("wharf", type="sql", uri={catalog!r}, warehouse={warehouse!r})
table = catalog.load_table("raw.acme_prices")
def rows(scan):
    found = scan.to_arrow().select(["account", "price", "zone"]).to_pylist()
    return sorted([r["account"], str(r["price"]), r["zone"]] for r in found)
now, then = rows(table.scan()), rows(table.scan().use_ref({tag!r}))
"""
DUCKDB = """
import duckdb
from duckdb_extensions import import_extension
connection = duckdb.connect()
for name in ("avro", "iceberg"):
    import_extension(name, con=connection)
    connection.execute(f"LOAD {{name}}")
connection.execute("CREATE VIEW prices AS SELECT * FROM iceberg_scan({folder!r})")
def rows(query):
    return [[a, str(p), z] for a, p, z in connection.execute(query).fetchall()]
now = rows("SELECT account, price, zone FROM prices ORDER BY 1")
then = rows("SELECT account, price, zone FROM iceberg_scan({folder!r}, "
            "snapshot_from_id => {snapshot}) ORDER BY 1")
"""
SPARK = """
from pyspark.sql import SparkSession
settings = {{
    "spark.jars": {jars!r},
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.extensions":
        "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    "spark.sql.catalog.wharf": "org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.wharf.type": "jdbc",
    "spark.sql.catalog.wharf.uri": {jdbc!r},
    "spark.sql.catalog.wharf.jdbc.schema-version": "V1",
    "spark.sql.catalog.wharf.warehouse": {warehouse!r},
}}
builder = SparkSession.builder.master("local[1]")
for key, value in settings.items():
    builder = builder.config(key, value)
spark = builder.getOrCreate()
def rows(state):
    query = f"SELECT account, price, zone FROM wharf.raw.acme_prices {{state}} ORDER BY account"
    return [[r[0], str(r[1]), r[2]] for r in spark.sql(query).collect()]
now, then = rows(""), rows("VERSION AS OF '" + {tag!r} + "'")
"""
SAY = "\nimport json, sys\nassert 'wharf' not in sys.modules\nprint(json.dumps([now, then]))\n"
TAG = "anchor/1/model"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A table of which a column was renamed and widened, with one added and an anchor set."""
    place = local_place(tmp_path)
    lake = place.open()
    lake.publish(stage(lake, [("a", 1)]), {})
    renamed = {"price": ["amount"]}
    second = stage(lake, [("b", 2, "x")], NEXT_DAY, columns=RENAMED, formerly=renamed)
    lake.tag(TABLE, TAG, lake.publish(second, {}))
    lake.publish(stage(lake, [("c", 3, "y")], NEXT_DAY, columns=RENAMED), {})
    lake.publish(stage(lake, [], "2026-11-22", columns=RENAMED), {})
    return place


def test_pyiceberg_reads_what_readers_see_and_what_an_anchor_keeps(place: Place) -> None:
    said = outside(PYICEBERG.format(catalog=place.catalog_url, warehouse=place.warehouse, tag=TAG))
    assert said == [NOW_READ, ANCHORED]


def test_duckdb_reads_a_table_by_its_folder_alone(place: Place) -> None:
    extensions = os.environ.get("DUCKDB_EXTENSIONS", str(SERVERS / "duckdb"))
    if not (Path(extensions) / "duckdb_extensions").exists():
        pytest.skip("run .ci/servers duckdb to get DuckDB's iceberg extension as a package")
    code = DUCKDB.format(folder=f"{place.folder}/raw/acme_prices", snapshot=anchored(place.open()))
    assert outside(code, extensions) == [NOW_READ, ANCHORED]


@pytest.mark.slow
@pytest.mark.spark
def test_spark_sql_reads_what_readers_see_and_what_an_anchor_keeps(place: Place) -> None:
    jars = sorted(map(str, (SERVERS / "spark").glob("*.jar")))
    if not jars:
        pytest.skip("run .ci/servers spark to get the jars by which Spark reads Iceberg")
    if java() is None:
        pytest.skip("install Java 17, or the extra `jre`")
    code = SPARK.format(
        jars=",".join(jars),
        jdbc="jdbc:" + place.catalog_url.replace("///", ""),
        warehouse=place.warehouse,
        tag=TAG,
    )
    assert outside(code) == [NOW_READ, ANCHORED]


@pytest.mark.parametrize("commits", [0, 1, 30])
def test_the_hint_beside_a_table_names_its_newest_metadata(place: Place, commits: int) -> None:
    lake = place.open()
    for number in range(commits):
        lake.publish(stage(lake, [("a", number, "x")], columns=RENAMED), {})
    folder = Path(str(place.folder)) / "raw/acme_prices/metadata"
    hint = (folder / "version-hint.text").read_text()
    said = json.loads((folder / f"{hint}.metadata.json").read_text())
    assert said["current-snapshot-id"] == lake.snapshot_id(TABLE)
    assert not list(folder.glob("*.new"))


def anchored(lake: Lake) -> int:
    return lake.tags.of(TABLE)[TAG]


def outside(code: str, *paths: str) -> Any:
    """What a process without wharf says."""
    begin = "".join(f"import sys\nsys.path.insert(0, {path!r})\n" for path in paths)
    home = os.environ.get("JAVA_HOME")
    done = subprocess.run(
        [sys.executable, "-I", "-c", begin + code + SAY],
        capture_output=True,
        text=True,
        timeout=240,
        cwd="/",
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "SPARK_LOCAL_IP": "127.0.0.1",
            **({"JAVA_HOME": home} if home else {}),
        },
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
