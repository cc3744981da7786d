"""A staged batch and a suite file to audit it with."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from wharf.quality import Audit, audit

NOW = datetime(2026, 11, 20, 7, 30, tzinfo=UTC)
BATCH = "20261120T060412345Z-7f3a9c"
Run = Callable[..., Audit]
WriteSuite = Callable[..., Path]


def expect(kind: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": severity}


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    """1,000 rows: a key, a number with gaps, an amount below zero in 7 rows, a secret."""
    path = tmp_path / "part-0.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"""
            COPY (
              SELECT 'p' || i AS account_id, CASE WHEN i % 10 > 0 THEN i END AS units,
                (i * 1.5 - 10)::DECIMAL(14, 2) AS amount, 'secret-' || i AS tax_code,
                ['R1', 'R2', 'C1'][i % 3 + 1] AS use_code, i / 7.0 AS share,
                DATE '2026-11-20' + (i % 5)::INT AS on_date,
                TIMESTAMPTZ '2026-11-20 00:00:00+00' + i * INTERVAL 1 MINUTE AS seen_at,
                i % 2 = 0 AS is_even, '2026-11-20' AS _period, 'b' AS _batch_id,
                'acme_20261120.csv' AS _file, i + 2 AS _line
              FROM range(1000) AS rows(i)
            ) TO '{path}' (FORMAT parquet)""")
    return path


@pytest.fixture
def write_suite(tmp_path: Path) -> WriteSuite:
    def write(*expectations: dict[str, Any], **more: Any) -> Path:
        path = tmp_path / "project" / "expectations" / "acme" / "positions.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        suite = {"name": "acme.positions", "expectations": list(expectations), **more}
        path.write_text(json.dumps(suite), encoding="utf-8")
        return path

    return write


@pytest.fixture
def run(staged: Path, write_suite: WriteSuite, tmp_path: Path) -> Run:
    def run_audit(*expectations: dict[str, Any], **more: Any) -> Audit:
        settings: dict[str, Any] = {
            "files": [staged],
            "suite": write_suite(*expectations),
            "batch_id": BATCH,
            "table": "raw.acme_positions",
            "period": "2026-11-20",
            "results": tmp_path / "results",
            "rows": 1000,
            "now": NOW,
            **more,
        }
        return audit(settings.pop("files"), **settings)

    return run_audit
