"""How good scores are, measured on labelled rows. Pure numbers: no model, no model library."""

from __future__ import annotations

from typing import Any

import numpy as np

Labels = np.ndarray[Any, np.dtype[np.bool_]]
Floats = np.ndarray[Any, np.dtype[np.float64]]

CALIBRATION_BINS = 10
ROC_POINTS = 50
_SMALLEST = 1e-7


def measure(labels: Labels, scores: Floats, threshold: float) -> dict[str, Any]:
    """Every metric of one set of rows; those that need both classes are None without them.

    Args:
        labels: The truth.
        scores: Probability of the positive class.
        threshold: The score from which a row counts as positive.
    """
    rows = len(labels)
    if rows == 0:
        return {"rows": 0}
    said = scores >= threshold
    clipped = np.clip(scores, _SMALLEST, 1 - _SMALLEST)
    true_positive, false_positive = int((said & labels).sum()), int((said & ~labels).sum())
    false_negative = int((~said & labels).sum())
    base_rate = float(labels.mean())
    return {
        "rows": rows,
        "positives": int(labels.sum()),
        "base_rate": base_rate,
        "majority_accuracy": max(base_rate, 1 - base_rate),
        "accuracy": float((said == labels).mean()),
        "precision": _ratio(true_positive, true_positive + false_positive),
        "recall": _ratio(true_positive, true_positive + false_negative),
        "auc": area_under_roc(labels, scores),
        "log_loss": float(-np.where(labels, np.log(clipped), np.log1p(-clipped)).mean()),
        "brier": float(((scores - labels) ** 2).mean()),
        "threshold": threshold,
        "confusion": {
            "true_positive": true_positive,
            "false_positive": false_positive,
            "false_negative": false_negative,
            "true_negative": rows - true_positive - false_positive - false_negative,
        },
        "calibration": calibration(labels, scores),
        "roc": roc(labels, scores),
    }


def area_under_roc(labels: Labels, scores: Floats) -> float | None:
    """Chance that a positive row scores above a negative one; ties count half."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    above = float(ranks[place][labels].sum()) - positives * (positives + 1) / 2
    return above / (positives * negatives)


def calibration(labels: Labels, scores: Floats) -> list[dict[str, float | int]]:
    """For each tenth of the score range that holds rows: mean score beside the true rate."""
    bins = np.minimum((scores * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    found: list[dict[str, float | int]] = []
    for index in np.unique(bins):
        inside = bins == index
        found.append(
            {
                "from": float(index / CALIBRATION_BINS),
                "to": float((index + 1) / CALIBRATION_BINS),
                "rows": int(inside.sum()),
                "mean_score": float(scores[inside].mean()),
                "rate": float(labels[inside].mean()),
            }
        )
    return found


def roc(labels: Labels, scores: Floats) -> list[dict[str, float]]:
    """Points of the ROC curve, thinned to what a plot shows; empty without both classes."""
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return []
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    hits = np.cumsum(labels[order])[ends] / positives
    alarms = np.cumsum(~labels[order])[ends] / negatives
    shown = np.unique(np.linspace(0, len(ends) - 1, min(ROC_POINTS, len(ends))).astype(int))
    points = [{"false_positive_rate": 0.0, "true_positive_rate": 0.0}]
    points += [
        {"false_positive_rate": float(alarms[at]), "true_positive_rate": float(hits[at])}
        for at in shown
    ]
    return points


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
