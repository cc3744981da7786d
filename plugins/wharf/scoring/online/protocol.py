"""The Open Inference Protocol, version 2: what is asked, and what is answered.

Source: the "Open Inference Protocol" specification, REST part, as KServe, Triton and MLServer
speak it. Two liberties: null in `data` is a missing value, and an input that is left out is
missing in every row; the protocol has no null of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wharf import __version__
from wharf.scoring.artifact import Artifact
from wharf.scoring.online.records import BadInput, column
from wharf.scoring.scorer import Scores
from wharf.scoring.tensors import Feature, Inputs

PLATFORM = "onnxruntime_onnx"


def server_metadata() -> dict[str, Any]:
    """The answer to `GET /v2`."""
    return {"name": "wharf", "version": __version__, "extensions": ["invocations", "metrics"]}


def model_metadata(artifact: Artifact, versions: Sequence[int]) -> dict[str, Any]:
    """The answer to `GET /v2/models/{name}`: straight from the artifact's manifest."""
    keys = ("name", "datatype", "shape")
    return {
        "name": artifact.name,
        "versions": [str(each) for each in versions],
        "platform": PLATFORM,
        "inputs": [{key: one[key] for key in keys} for one in artifact.manifest["inputs"]],
        "outputs": [{key: one[key] for key in keys} for one in artifact.manifest["outputs"]],
    }


def rows_of(body: Any) -> int:
    """How many rows an inference request holds; before anything is made of them.

    Raises:
        BadInput: It is no inference request, or its inputs differ in length.
    """
    given = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(given, list) or not given:
        raise BadInput("inputs is missing: an inference request lists at least one input")
    counts = {_flat(one, at)[0]: len(_flat(one, at)[1]) for at, one in enumerate(given)}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise BadInput(f"inputs differ in length: {said[:300]}")
    return next(iter(counts.values()))


def inputs_of(body: Mapping[str, Any], rows: int, features: Sequence[Feature]) -> Inputs:
    """One `[rows, 1]` array for each feature of an inference request.

    Args:
        body: The request.
        rows: What `rows_of` says of it.
        features: What the model reads.

    Raises:
        BadInput: An input is unknown, of another datatype or shape, or holds a wrong value.
    """
    given = {str(one["name"]): one for one in body["inputs"]}
    unknown = sorted(set(given) - {one.name for one in features})
    if unknown:
        known = ", ".join(one.name for one in features)
        raise BadInput(f"input {unknown[0]} is not known; this model reads {known}")
    found: Inputs = {}
    for feature in features:
        one = given.get(feature.name)
        if one is None:
            found[feature.name] = column(feature, [None] * rows)
            continue
        if one.get("datatype") != feature.datatype:
            raise BadInput(f"input {feature.name}: wants {feature.datatype}")
        if one.get("shape") not in ([rows, 1], [rows]):
            raise BadInput(f"input {feature.name}: wants shape [{rows}, 1], as its data has")
        found[feature.name] = column(feature, _flat(one, 0)[1])
    return found


def answer(
    artifact: Artifact, scores: Scores, asked_id: object, wanted: Sequence[Any]
) -> dict[str, Any]:
    """The answer to an inference request.

    Raises:
        BadInput: An output is asked for that the model does not have.
    """
    for one in wanted:
        name = one.get("name") if isinstance(one, dict) else one
        if name != "score":
            raise BadInput(f"output {name!r} is not known; this model gives score")
    found: dict[str, Any] = {
        "model_name": artifact.name,
        "model_version": str(artifact.version),
        "outputs": [
            {
                "name": "score",
                "datatype": "FP32",
                "shape": [len(scores)],
                "data": scores.tolist(),
            }
        ],
    }
    return found if asked_id is None else {**found, "id": str(asked_id)}


def _flat(one: Any, at: int) -> tuple[str, list[Any]]:
    """An input's name and its data in one list; `[[1], [2]]` may be sent as `[1, 2]`."""
    if not isinstance(one, dict) or not isinstance(one.get("name"), str):
        raise BadInput(f"input {at} has no name")
    data = one.get("data")
    if not isinstance(data, list):
        raise BadInput(f"input {one['name']}: data is not a list")
    if data and isinstance(data[0], list):
        if any(not isinstance(row, list) or len(row) != 1 for row in data):
            raise BadInput(f"input {one['name']}: each row of data wants one value")
        data = [row[0] for row in data]
    return one["name"], data
