"""Gradient boosted trees by LightGBM."""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

import numpy as np

from wharf.scoring.tensors import Feature, Inputs
from wharf.scoring.trainers import Examples, Fitted, Scores
from wharf.scoring.trainers.frames import as_frame, names_of

# Below every number an input may hold: a tree can tell "missing" apart, and LightGBM's own rule
# for NaN, which depends on whether training met one, never comes into play.
MISSING = -1e30
# LightGBM reads every number up to this far from 0 as 0, and splits right there.
_ALMOST_ZERO = np.float32(1e-35)
_PATIENCE = 20
_ROWS_FOR_THREADS = 100_000
_PARAMETERS: dict[str, Any] = {
    "n_estimators": 200,
    "num_leaves": 31,
    "learning_rate": 0.1,
    "min_child_samples": 20,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}


def fit_boosted(
    features: tuple[Feature, ...], train: Examples, validation: Examples, seed: int
) -> Fitted:
    """Fit trees, stopping when the validation rows no longer get better."""
    import lightgbm
    from sklearn.pipeline import Pipeline

    prepare = _preparation(features)
    prepared = prepare.fit_transform(as_frame(train.inputs, features))
    settings = {**_PARAMETERS, "random_state": seed, "n_jobs": _threads(len(train.labels))}
    classifier = lightgbm.LGBMClassifier(**settings)
    stop = lightgbm.early_stopping(_PATIENCE, verbose=False)
    classifier.fit(
        prepared,
        train.labels.astype(int),
        eval_X=prepare.transform(as_frame(validation.inputs, features)),
        eval_y=validation.labels.astype(int),
        callbacks=[stop] if len(np.unique(validation.labels)) > 1 else [],
    )
    text = classifier.booster_.model_to_string()
    floored, thresholds = floor_thresholds(text)
    portable = copy.copy(classifier)
    portable._Booster = lightgbm.Booster(model_str=floored)
    ordered = [*names_of(features, "number"), *names_of(features, "text")]

    def score(inputs: Inputs) -> Scores:
        native = prepare.transform(as_frame(inputs, features))
        scores: Scores = np.asarray(classifier.predict_proba(native))[:, 1]
        return scores

    return Fitted(
        pipeline=Pipeline([("prepare", prepare), ("classify", portable)]),
        score=score,
        native={"native/model.txt": text.encode()},
        importance=_importance(classifier, ordered),
        settings={**settings, "trees": portable.booster_.num_trees()},
        thresholds={ordered[index]: found for index, found in thresholds.items()},
    )


def _threads(rows: int) -> int:
    """One thread for few rows: on a busy machine two wait for each other longer than they work.

    A function of the rows alone, so that every repeat counts alike.
    """
    return 1 if rows < _ROWS_FOR_THREADS else 2


def floor_thresholds(text: str) -> tuple[str, dict[int, tuple[float, ...]]]:
    """Round each threshold of a LightGBM dump down to 32 bits, and list them by feature.

    ONNX trees hold 32-bit thresholds rounded to nearest: a value equal to one rounded up would
    go the other way. Rounded down, every 32-bit value goes the way it went before; one just below
    zero is moved past what LightGBM takes for zero, for the same reason.
    """
    lines: list[str] = []
    found: defaultdict[int, set[float]] = defaultdict(set)
    split_features: list[int] = []
    for line in text.split("\n"):
        name, _, values = line.partition("=")
        if name == "tree_sizes":
            continue
        if name == "split_feature":
            split_features = [int(one) for one in values.split()]
        if name == "threshold":
            floors = _floor(np.array(values.split(), dtype=np.float64))
            for feature, value in zip(split_features, floors, strict=True):
                found[feature].add(value)
            line = "threshold=" + " ".join(repr(value) for value in floors)
        lines.append(line)
    return "\n".join(lines), {feature: tuple(sorted(values)) for feature, values in found.items()}


def _floor(wide: np.ndarray[Any, np.dtype[np.float64]]) -> list[float]:
    narrow = wide.astype(np.float32)
    over = narrow.astype(np.float64) > wide
    narrow[over] = np.nextafter(narrow[over], np.float32(-np.inf))
    narrow[(narrow >= -_ALMOST_ZERO) & (narrow < 0)] = np.nextafter(-_ALMOST_ZERO, np.float32(-1))
    return [float(value) for value in narrow]


def _preparation(features: tuple[Feature, ...]) -> Any:
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.preprocessing import OrdinalEncoder

    steps: list[tuple[str, Any, list[str]]] = []
    if numbers := names_of(features, "number"):
        fill = SimpleImputer(strategy="constant", fill_value=MISSING, keep_empty_features=True)
        steps.append(("numbers", fill, numbers))
    if texts := names_of(features, "text"):
        encode = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        steps.append(("texts", encode, texts))
    return ColumnTransformer(steps)


def _importance(classifier: Any, ordered: list[str]) -> dict[str, float]:
    gains = classifier.booster_.feature_importance(importance_type="gain")
    total = float(gains.sum()) or 1.0
    return {name: float(gain) / total for name, gain in zip(ordered, gains, strict=True)}
