"""The reference that drift is measured against: how each column was spread at training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from wharf.scoring.tensors import Feature, Inputs

BINS = 20
_CATEGORIES = 200
OTHER = "<other>"


def describe_columns(
    inputs: Inputs, features: Sequence[Feature], scores: np.ndarray[Any, np.dtype[Any]]
) -> dict[str, Any]:
    """The reference profile: quantile edges and counts of numbers, counts of texts, and nulls.

    Args:
        inputs: What the model was given, see `tensors.as_inputs`.
        features: The columns to describe.
        scores: The model's own scores of the same rows, described as column `score`.
    """
    columns: dict[str, Any] = {}
    for feature in features:
        values = inputs[feature.name].ravel()
        columns[feature.name] = _numbers(values) if feature.kind == "number" else _texts(values)
    columns["score"] = _numbers(scores)
    return {"rows": len(scores), "columns": columns}


def _numbers(values: np.ndarray[Any, np.dtype[Any]]) -> dict[str, Any]:
    present = values[~np.isnan(values)].astype(np.float64)
    profile: dict[str, Any] = {"kind": "number", "nulls": int(len(values) - len(present))}
    if not len(present):
        return {**profile, "edges": [], "counts": []}
    edges = np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1)))
    inner = edges[1:-1]
    counts = np.bincount(np.searchsorted(inner, present, side="right"), minlength=len(inner) + 1)
    return {
        **profile,
        "edges": edges.tolist(),
        "counts": counts.tolist(),
        "mean": float(present.mean()),
        "sd": float(present.std()),
    }


def _texts(values: np.ndarray[Any, np.dtype[Any]]) -> dict[str, Any]:
    counted: Mapping[str, int] = {
        one["values"]: one["counts"]
        for one in pa.array(values, pa.string()).value_counts().to_pylist()
    }
    ordered = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    nulls = counted.get("", 0)
    kept = {name: count for name, count in ordered[:_CATEGORIES] if name}
    rest = sum(counted.values()) - nulls - sum(kept.values())
    return {"kind": "text", "nulls": nulls, "counts": {**kept, **({OTHER: rest} if rest else {})}}
