"""Training: from labelled rows to a proved, measured model that is ready to be packed."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wharf.contracts import Model
from wharf.scoring.artifact import OPSET, as_json, pack
from wharf.scoring.card import write_card
from wharf.scoring.environment import describe_environment
from wharf.scoring.examples import LabelledRows, TableRef, prepare, read_rows
from wharf.scoring.export import export_pipeline
from wharf.scoring.metrics import measure
from wharf.scoring.parity import Parity, require_parity, spread
from wharf.scoring.reference import describe_columns
from wharf.scoring.scorer import EXPECTED_SCORE, open_session, run_session
from wharf.scoring.tensors import Feature
from wharf.scoring.trainers import Fitted, find_trainer

_GOLDEN_ROWS = 500
_FEWEST_IN_SEGMENT = 50


@dataclass(frozen=True)
class Trained:
    """A model that passed its parity gate and has no version yet."""

    model: Model
    created_at: datetime
    features: tuple[Feature, ...]
    parity: Parity
    metrics: Mapping[str, Any]
    data: Mapping[str, Any]
    files: Mapping[str, bytes]
    test: pa.Table
    """All raw columns of the rows held out, for comparing with other versions."""
    test_labels: np.ndarray[Any, np.dtype[np.bool_]]

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.model

    def pack(self, version: int, *, parent: int | None = None, commit: str = "") -> bytes:
        """The artifact's bytes under a version number.

        Args:
            version: The number it gets.
            parent: The champion it was compared with.
            commit: The project's commit, when known.
        """
        manifest = {
            "name": self.name,
            "version": version,
            "parent_version": parent,
            "created_at": self.created_at,
            "commit": commit,
            "task": "binary classification",
            "trainer": self.model.trainer,
            "target": self.model.target,
            "positive": self.model.positive,
            "threshold": self.model.threshold,
            "inputs": [
                {
                    "name": one.name,
                    "datatype": one.datatype,
                    "shape": [-1, 1],
                    "nullable": True,
                    "default": None if one.kind == "number" else "",
                }
                for one in self.features
            ],
            "outputs": [{"name": "score", "datatype": "FP32", "shape": [-1]}],
            "runtime": {"onnxruntime": ">=1.31", "opset": OPSET},
            "max_abs_diff": self.parity.max_abs_diff,
            "parity_rows": self.parity.rows,
            "parity_edge_rows": self.parity.edge_rows,
        }
        card = write_card(manifest, self.metrics, self.data)
        return pack(manifest, {**self.files, "card.md": card.encode()})


def train(
    model: Model,
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    *,
    tables: Sequence[TableRef],
    now: datetime,
    lock: Path | None = None,
) -> Trained:
    """Train a model on the labelled rows of a relation.

    Args:
        model: The model's contract.
        connection: Where the relation can be read; an Arrow table is registered there first.
        relation: What may stand after FROM: a table's name, or a SELECT in parentheses.
        tables: What the relation reads, for the record.
        now: When the training runs.
        lock: A hashed requirements file, to pin what is installed by hash.

    Raises:
        ModelError: The rows cannot teach, or the converted model differs from the native one.
    """
    rows = read_rows(model, connection, relation)
    seed = model.train.split_seed
    fitted = find_trainer(model.trainer)(
        rows.features, rows.examples("train"), rows.examples("validation"), seed
    )
    onnx = export_pipeline(fitted.pipeline, rows.features, model.model)
    inputs = prepare(rows.table, rows.features)
    parity = require_parity(model.model, fitted, onnx, inputs, rows.features)
    scores = run_session(open_session(onnx), inputs)
    data = _describe_data(model, rows, tables)
    metrics = _describe_metrics(model, rows, scores, fitted)
    chosen = rows.mask("train")
    profile = describe_columns(
        {name: column[chosen] for name, column in inputs.items()}, rows.features, scores[chosen]
    )
    test, test_labels = rows.part("test")
    return Trained(
        model=model,
        created_at=now,
        features=rows.features,
        parity=parity,
        metrics=metrics,
        data=data,
        files={
            "model.onnx": onnx,
            "metrics.json": as_json(metrics),
            "data.json": as_json(data),
            "profile.json": as_json(profile),
            "golden.parquet": _golden(rows.raw_features, rows.features, onnx),
            **fitted.native,
            **describe_environment(lock),
        },
        test=test,
        test_labels=test_labels,
    )


def _describe_data(model: Model, rows: LabelledRows, tables: Sequence[TableRef]) -> dict[str, Any]:
    return {
        "product": model.train.product,
        "tables": [asdict(one) | {"batch_ids": list(one.batch_ids)} for one in tables],
        "rows_read": rows.rows_read,
        "rows_labelled": len(rows.labels),
        "columns": list(model.features.columns),
        "schema_sha256": rows.schema_sha256,
        "split": rows.rule,
    }


def _describe_metrics(
    model: Model, rows: LabelledRows, scores: Any, fitted: Fitted
) -> dict[str, Any]:
    wide = scores.astype(np.float64)

    def of(chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> dict[str, Any]:
        return measure(rows.labels[chosen], wide[chosen], model.threshold)

    return {
        "test": of(rows.mask("test")),
        "validation": of(rows.mask("validation")),
        "train": of(rows.mask("train")),
        "segments": _segments(rows, of),
        "importance": dict(fitted.importance),
        "trainer": {"kind": model.trainer, **fitted.settings},
    }


def _segments(rows: LabelledRows, of: Any) -> dict[str, dict[str, Any]]:
    """Test metrics for each value of each text feature that has enough test rows."""
    found: dict[str, dict[str, Any]] = {}
    for one in rows.features:
        if one.kind != "text":
            continue
        values = np.array(rows.table.column(one.name).to_pylist(), dtype=object)
        for value in sorted({value for value in values if value is not None}):
            chosen = rows.mask("test") & (values == value)
            if chosen.sum() >= _FEWEST_IN_SEGMENT:
                measured = of(chosen)
                found.setdefault(one.name, {})[value] = {
                    name: measured[name] for name in ("rows", "base_rate", "accuracy", "auc")
                }
    return found


def _golden(table: pa.Table, features: tuple[Feature, ...], onnx: bytes) -> bytes:
    """Raw rows and one missing throughout, with their scores."""
    empty = pa.table({one.name: pa.nulls(1, table.schema.field(one.name).type) for one in features})
    rows = table.take(pa.array(spread(table.num_rows, _GOLDEN_ROWS)))
    golden = pa.concat_tables([rows, empty.cast(rows.schema)])
    scores = run_session(open_session(onnx), prepare(golden, features))
    sink = io.BytesIO()
    pq.write_table(golden.append_column(EXPECTED_SCORE, pa.array(scores)), sink)
    return sink.getvalue()
