"""Logistic regression by scikit-learn: the simplest model worth comparing against."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from wharf.scoring.tensors import Feature, Inputs
from wharf.scoring.trainers import Examples, Fitted, Scores
from wharf.scoring.trainers.frames import as_frame, names_of

_PARAMETERS: dict[str, Any] = {"C": 1.0, "max_iter": 1000}


def fit_logistic(
    features: tuple[Feature, ...], train: Examples, validation: Examples, seed: int
) -> Fitted:
    """Fit on medians for missing numbers, scaled numbers and one column for each category."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    prepare = _preparation(features)
    frame = as_frame(train.inputs, features)
    prepare.fit(frame)
    _round_to_32_bits(prepare)
    classifier = LogisticRegression(random_state=seed, **_PARAMETERS)
    classifier.fit(prepare.transform(frame), train.labels.astype(int))
    pipeline = Pipeline([("prepare", prepare), ("classify", classifier)])

    def score(inputs: Inputs) -> Scores:
        scores: Scores = pipeline.predict_proba(as_frame(inputs, features))[:, 1]
        return scores

    weights = dict(zip(prepare.get_feature_names_out(), classifier.coef_[0].tolist(), strict=True))
    native = {"weights": weights, "intercept": float(classifier.intercept_[0])}
    return Fitted(
        pipeline=pipeline,
        score=score,
        native={"native/model.json": json.dumps(native, sort_keys=True, indent=1).encode()},
        importance=_importance(weights, features),
        settings={**_PARAMETERS, "random_state": seed},
    )


def _preparation(features: tuple[Feature, ...]) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    steps: list[tuple[str, Any, list[str]]] = []
    if numbers := names_of(features, "number"):
        fill = SimpleImputer(strategy="median", keep_empty_features=True)
        steps.append(("numbers", Pipeline([("fill", fill), ("scale", StandardScaler())]), numbers))
    if texts := names_of(features, "text"):
        steps.append(("texts", OneHotEncoder(handle_unknown="ignore"), texts))
    return ColumnTransformer(steps, sparse_threshold=0)


def _round_to_32_bits(prepare: Any) -> None:
    """Make what ONNX will hold in 32 bits exact before the weights are fitted on it."""
    numbers = prepare.named_transformers_.get("numbers")
    if numbers is None:
        return
    fill, scale = numbers.named_steps["fill"], numbers.named_steps["scale"]
    fill.statistics_ = fill.statistics_.astype(np.float32).astype(np.float64)
    scale.mean_ = scale.mean_.astype(np.float32).astype(np.float64)
    scale.scale_ = scale.scale_.astype(np.float32).astype(np.float64)


def _importance(weights: dict[str, float], features: tuple[Feature, ...]) -> dict[str, float]:
    summed = {one.name: 0.0 for one in features}
    for label, weight in weights.items():
        column = label.split("__", 1)[1]
        owner = max((name for name in summed if _is_of(column, name)), key=len)
        summed[owner] += abs(weight)
    total = sum(summed.values()) or 1.0
    return {name: value / total for name, value in summed.items()}


def _is_of(column: str, name: str) -> bool:
    return column == name or column.startswith(f"{name}_")
