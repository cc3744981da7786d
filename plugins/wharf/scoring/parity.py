"""The parity gate: a converted model must give the native model's scores, or it is refused.

A converter can be wrong without an error: one gave 19,957 of 20,000 rows another score, up to
0.967 apart (model-facts 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from wharf.errors import ModelError
from wharf.scoring.scorer import open_session, run_session
from wharf.scoring.tensors import LARGEST_NUMBER, Feature, Inputs
from wharf.scoring.trainers import Fitted

LARGEST_DIFFERENCE = 1e-5
MOST_ROWS = 200_000
_PER_FEATURE = 60
_EDGE_NUMBERS = (float("nan"), 0.0, -0.0, 1.0, -1.0, 1e-30, LARGEST_NUMBER, -LARGEST_NUMBER)
_EDGE_TEXTS = ("", " ", "never seen", "NEVER SEEN", "Ünïcødé 漢字", "x" * 1000, "\n", "null", "0")


@dataclass(frozen=True)
class Parity:
    """How far the converted model was from the native one, at most, and over how many rows."""

    max_abs_diff: float
    rows: int
    edge_rows: int


def require_parity(
    name: str, fitted: Fitted, onnx: bytes, inputs: Inputs, features: tuple[Feature, ...]
) -> Parity:
    """Compare native and converted scores on real rows and on rows made to hurt.

    Raises:
        ModelError: They differ by more than `LARGEST_DIFFERENCE` anywhere; nothing may be
            registered.
    """
    real = take_rows(inputs, spread(_rows_in(inputs), MOST_ROWS))
    edges = edge_rows(real, features, fitted)
    session = open_session(onnx)
    worst = 0.0
    for label, rows in (("real", real), ("edge", edges)):
        difference = np.abs(fitted.score(rows) - run_session(session, rows))
        largest = float(np.nan_to_num(difference, nan=np.inf).max(initial=0.0))
        if largest > LARGEST_DIFFERENCE:
            far = int((~(difference <= LARGEST_DIFFERENCE)).sum())
            at = int(np.argmax(np.nan_to_num(difference, nan=np.inf)))
            record = {one.name: rows[one.name][at, 0] for one in features}
            raise ModelError(
                f"{name}: the portable model differs from the native one by {largest:.3g} "
                f"({far} of {len(difference)} {label} rows beyond {LARGEST_DIFFERENCE}); "
                f"worst at {record}. Nothing was registered; choose another trainer or report "
                "these features."
            )
        worst = max(worst, largest)
    return Parity(worst, _rows_in(real), _rows_in(edges))


def edge_rows(inputs: Inputs, features: tuple[Feature, ...], fitted: Fitted) -> Inputs:
    """Rows at the model's own thresholds, beyond every range, missing and unknown.

    Each differs from a real row in one column; the last ones are missing or zero throughout.
    """
    bases = spread(_rows_in(inputs), 3)
    tables = [
        _vary(take_rows(inputs, np.array([base])), one.name, values)
        for one in features
        for values in [_edge_values(one, inputs, fitted)]
        for base in bases
    ]
    empty = {
        one.name: _column(one, [np.nan, 0.0] if one.kind == "number" else ["", ""])
        for one in features
    }
    tables.append(empty)
    return {one.name: np.concatenate([table[one.name] for table in tables]) for one in features}


def spread(rows: int, most: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Positions of at most so many rows, evenly over all."""
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).astype(np.int64))


def take_rows(inputs: Inputs, rows: np.ndarray[Any, np.dtype[np.int64]]) -> Inputs:
    """The same columns with only some rows."""
    return {name: values[rows] for name, values in inputs.items()}


def _rows_in(inputs: Inputs) -> int:
    return len(next(iter(inputs.values())))


def _edge_values(feature: Feature, inputs: Inputs, fitted: Fitted) -> list[Any]:
    if feature.kind == "text":
        seen = sorted(set(inputs[feature.name].ravel()))[:_PER_FEATURE]
        return [*_EDGE_TEXTS, *seen, *(text.upper() for text in seen)]
    return [*_EDGE_NUMBERS, *_around(fitted.thresholds.get(feature.name, ()))]


def _around(thresholds: tuple[float, ...]) -> Iterator[np.float32]:
    if not thresholds:
        return
    for index in spread(len(thresholds), _PER_FEATURE):
        value = np.float32(thresholds[int(index)])
        yield value
        yield np.nextafter(value, np.float32(np.inf))
        yield np.nextafter(value, np.float32(-np.inf))


def _vary(row: Inputs, name: str, values: list[Any]) -> Inputs:
    many = {other: np.repeat(column, len(values), axis=0) for other, column in row.items()}
    many[name] = np.array(values, dtype=row[name].dtype).reshape(-1, 1)
    return many


def _column(feature: Feature, values: list[Any]) -> np.ndarray[Any, np.dtype[Any]]:
    dtype = np.float32 if feature.kind == "number" else object
    return np.array(values, dtype=dtype).reshape(-1, 1)
