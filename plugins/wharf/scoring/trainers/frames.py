"""Prepared columns as the data frame that scikit-learn's column steps take."""

from __future__ import annotations

from typing import Any

from wharf.scoring.tensors import Feature, Inputs, Kind


def as_frame(inputs: Inputs, features: tuple[Feature, ...]) -> Any:
    """One pandas column for each feature."""
    import pandas as pd

    return pd.DataFrame({one.name: inputs[one.name].ravel() for one in features})


def names_of(features: tuple[Feature, ...], kind: Kind) -> list[str]:
    """Names of the features of one kind, in order."""
    return [one.name for one in features if one.kind == kind]
