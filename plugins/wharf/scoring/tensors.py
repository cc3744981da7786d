"""From raw columns to a model's inputs: the one way for training, the parity gate and scoring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wharf.errors import ModelError

Kind = Literal["number", "text"]
# A number this large is no measurement; beyond it 32-bit sums overflow in one library and not in
# the other, and scikit-learn raises on infinity where ONNX answers.
LARGEST_NUMBER = 1e20
Inputs = dict[str, np.ndarray[Any, np.dtype[Any]]]


@dataclass(frozen=True)
class Feature:
    """One raw column that a model reads."""

    name: str
    kind: Kind

    @property
    def datatype(self) -> str:
        """The column's type in the Open Inference Protocol."""
        return "FP32" if self.kind == "number" else "BYTES"


def features_of(schema: pa.Schema, columns: Sequence[str]) -> tuple[Feature, ...]:
    """Decide how each column enters the model: as a number or as text.

    Raises:
        ModelError: A column has a type that no model reads, such as a date.
    """
    return tuple(Feature(name, _kind(name, schema.field(name).type)) for name in columns)


def as_inputs(
    columns: Mapping[str, pa.Array | pa.ChunkedArray], features: Iterable[Feature]
) -> Inputs:
    """Turn raw columns into one `[rows, 1]` array for each feature.

    Numbers, decimals and booleans become 32-bit floats; null, not-finite and numbers
    beyond `LARGEST_NUMBER` become NaN: missing.
    Text keeps its spelling, but for NUL; null becomes the empty text.

    Raises:
        ModelError: A value cannot be read as the feature's kind.
    """
    inputs: Inputs = {}
    for feature in features:
        values = columns[feature.name]
        try:
            array = _numbers(values) if feature.kind == "number" else _texts(values)
        except pa.ArrowException as error:
            raise ModelError(
                f"column {feature.name} holds {values.type}, the model reads a {feature.kind}: "
                f"{error}"
            ) from error
        inputs[feature.name] = array.reshape(-1, 1)
    return inputs


def _kind(name: str, kind: pa.DataType) -> Kind:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
    ):
        return "number"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text"
    raise ModelError(
        f"column {name} is {kind}; a model reads numbers, booleans and text: "
        "leave it out of features.columns, or derive a number from it in dbt"
    )


def _numbers(values: pa.Array | pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.float32]]:
    wide: np.ndarray[Any, np.dtype[np.float64]] = pc.cast(values, pa.float64()).to_numpy(
        zero_copy_only=False
    )
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float32)
    narrow[~(np.abs(narrow) <= LARGEST_NUMBER)] = np.nan
    return narrow


def _texts(values: pa.Array | pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.object_]]:
    filled = pc.fill_null(pc.cast(values, pa.string()), "")
    # ONNX Runtime cuts a text at its first NUL; a supplier's text may hold one.
    filled = pc.replace_substring(filled, "\0", "\ufffd")
    texts: np.ndarray[Any, np.dtype[np.object_]] = filled.to_numpy(zero_copy_only=False)
    return texts.astype(object)
