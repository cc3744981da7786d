"""Metrics against values worked out by hand or by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from wharf.scoring import measure
from wharf.scoring.metrics import area_under_roc

LABELS = np.array([True, True, False, False])


def test_perfect_order_has_area_one() -> None:
    assert area_under_roc(LABELS, np.array([0.9, 0.8, 0.2, 0.1])) == 1


def test_equal_scores_have_area_one_half() -> None:
    assert area_under_roc(LABELS, np.full(4, 0.3)) == 0.5


def test_area_equals_the_reference_with_many_ties() -> None:
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(3)
    labels, scores = random.random(5000) < 0.3, random.integers(0, 50, 5000) / 50
    assert area_under_roc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))


def test_one_class_alone_has_no_area_and_no_curve() -> None:
    found = measure(np.array([True, True]), np.array([0.2, 0.9]), 0.5)
    assert found["auc"] is None
    assert found["roc"] == []
    assert found["precision"] == 1


def test_threshold_itself_counts_as_positive() -> None:
    assert measure(np.array([True]), np.array([0.5]), 0.5)["confusion"]["true_positive"] == 1


def test_certain_and_wrong_costs_much_but_not_infinitely() -> None:
    assert 10 < measure(np.array([True]), np.array([0.0]), 0.5)["log_loss"] < 20


def test_no_rows_have_no_metrics() -> None:
    assert measure(np.array([], dtype=bool), np.array([]), 0.5) == {"rows": 0}


def test_curve_starts_and_ends_in_the_corners() -> None:
    random = np.random.default_rng(3)
    roc = measure(random.random(999) < 0.4, random.random(999), 0.5)["roc"]
    assert roc[0] == {"false_positive_rate": 0, "true_positive_rate": 0}
    assert roc[-1] == {"false_positive_rate": 1, "true_positive_rate": 1}
    assert len(roc) <= 51
