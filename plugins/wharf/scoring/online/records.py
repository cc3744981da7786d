"""Raw records from JSON to a model's inputs, or a sentence that names the field that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from wharf.errors import ModelError
from wharf.scoring.tensors import LARGEST_NUMBER, Feature, Inputs

SHAPES = "dataframe_records, dataframe_split or instances"
_SHOWN = 40


class BadInput(ModelError):
    """What a caller sent cannot be scored as it is."""


def records_of(body: Any) -> tuple[Sequence[str] | None, Sequence[Any]]:
    """The rows of a request to `/invocations`.

    Args:
        body: The parsed JSON: `{"dataframe_records": [{...}]}`, `{"instances": [{...}]}` or
            `{"dataframe_split": {"columns": [...], "data": [[...]]}}`, as MLflow's scoring
            servers take them.

    Returns:
        The names of the columns (None where each row is a mapping), and the rows.

    Raises:
        BadInput: It has another shape.
    """
    if not isinstance(body, dict):
        raise BadInput(f"the body is {_kind(body)}, not an object with {SHAPES}")
    for name in ("dataframe_records", "instances"):
        if name in body:
            rows = body[name]
            if not isinstance(rows, list):
                raise BadInput(f"{name} is {_kind(rows)}, not a list of records")
            return None, rows
    split = body.get("dataframe_split")
    if not isinstance(split, dict):
        sent = ", ".join(sorted(map(str, body))) or "nothing"
        raise BadInput(f"the body has {sent[:200]}, none of {SHAPES}")
    columns, rows = split.get("columns"), split.get("data")
    if not isinstance(columns, list) or not isinstance(rows, list):
        raise BadInput("dataframe_split wants the lists `columns` and `data`")
    return columns, rows


def inputs_of(
    columns: Sequence[str] | None, rows: Sequence[Any], features: Iterable[Feature]
) -> Inputs:
    """One `[rows, 1]` array for each feature, the same as `tensors.as_inputs` makes of a table.

    Fields that the model does not read are passed over; null is a missing value.

    Raises:
        BadInput: A row lacks a field, or a value is of another type.
    """
    if columns is None:
        return {one.name: column(one, _from_records(one.name, rows)) for one in features}
    places = {str(name): at for at, name in enumerate(columns)}
    return {one.name: column(one, _from_split(one.name, places, rows)) for one in features}


def column(feature: Feature, values: Sequence[Any]) -> np.ndarray[Any, np.dtype[Any]]:
    """The values of one feature as a `[rows, 1]` array.

    Raises:
        BadInput: A value is of another type.
    """
    if feature.kind == "text":
        texts = [_text(value) for value in values]
        if None in texts:
            raise _mistyped(feature, values, _text)
        array = np.empty((len(texts), 1), dtype=object)
        array[:, 0] = texts
        return array
    numbers = [_number(value) for value in values]
    if None in numbers:
        raise _mistyped(feature, values, _number)
    with np.errstate(over="ignore"):
        narrow = np.array(numbers, dtype=np.float64).astype(np.float32)
    narrow[~(np.abs(narrow) <= LARGEST_NUMBER)] = np.nan
    return narrow.reshape(-1, 1)


def _number(value: Any) -> float | None:
    if value is None:
        return float("nan")
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:  # a whole number beyond any float: no measurement
            return float("nan")
    return None


def _text(value: Any) -> str | None:
    if value is None:
        return ""
    # ONNX Runtime cuts a text at its first NUL.
    return value.replace("\0", "\ufffd") if isinstance(value, str) else None


def _from_records(name: str, rows: Sequence[Any]) -> list[Any]:
    try:
        return [row[name] for row in rows]
    except (KeyError, TypeError, IndexError):
        at, row = next((i, r) for i, r in enumerate(rows) if not _has(r, name))
        if not isinstance(row, Mapping):
            raise BadInput(f"record {at} is {_kind(row)}, not an object") from None
        raise BadInput(_lacking(at, name)) from None


def _from_split(name: str, places: Mapping[str, int], rows: Sequence[Any]) -> list[Any]:
    if name not in places:
        raise BadInput(_lacking(None, name))
    for at, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(places):
            raise BadInput(f"row {at} of data has not one value for each of {len(places)} columns")
    return [row[places[name]] for row in rows]


def _has(row: Any, name: str) -> bool:
    return isinstance(row, Mapping) and name in row


def _lacking(at: int | None, name: str) -> str:
    where = "" if at is None else f"record {at}: "
    return f"{where}field {name} is not there; send null where its value is not known"


def _mistyped(
    feature: Feature, values: Sequence[Any], read: Callable[[Any], object | None]
) -> BadInput:
    at = next(i for i, value in enumerate(values) if read(value) is None)
    wants = "a number" if feature.kind == "number" else "a text"
    return BadInput(
        f"record {at}: field {feature.name} is {_kind(values[at])}; it wants {wants} or null"
    )


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return f"the text {value[:_SHOWN]!r}"
        case list():
            return "a list"
        case _:
            return "an object"
