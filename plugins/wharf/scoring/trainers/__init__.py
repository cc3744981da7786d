"""Trainers: one file per kind, each from prepared columns to a fitted native pipeline.

Conversion and its proof are not here: see `export` and `parity`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wharf.scoring.tensors import Feature, Inputs

Scores = np.ndarray[Any, np.dtype[Any]]
Labels = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Examples:
    """Prepared columns and labels of one part of the split."""

    inputs: Inputs
    labels: Labels


@dataclass(frozen=True)
class Fitted:
    """A native pipeline, and what is needed to convert, prove and explain it."""

    pipeline: Any
    """The pipeline to convert; where the native model had to be adapted, the adapted one."""
    score: Callable[[Inputs], Scores]
    """Scores of the native model as trained."""
    native: Mapping[str, bytes]
    """Files for `native/` in the artifact."""
    importance: Mapping[str, float]
    """What each feature contributes, summing to 1."""
    settings: Mapping[str, Any]
    """The trainer's parameters, for the record."""
    thresholds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """For each number, values at which the model changes its mind; the parity gate tries them."""


Fit = Callable[[tuple[Feature, ...], Examples, Examples, int], Fitted]


def find_trainer(kind: str) -> Fit:
    """The trainer that a model file names: `fit(features, train, validation, seed)`."""
    return _TRAINERS[kind]()


def _lightgbm() -> Fit:
    from wharf.scoring.trainers.boosted import fit_boosted

    return fit_boosted


def _logistic() -> Fit:
    from wharf.scoring.trainers.logistic import fit_logistic

    return fit_logistic


_TRAINERS: dict[str, Callable[[], Fit]] = {"lightgbm": _lightgbm, "logistic": _logistic}
