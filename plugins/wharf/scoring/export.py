"""Conversion to ONNX: the whole pipeline, raw record in, one score out."""

from __future__ import annotations

from typing import Any

from wharf.scoring.artifact import OPSET
from wharf.scoring.tensors import Feature


def export_pipeline(pipeline: Any, features: tuple[Feature, ...], name: str) -> bytes:
    """Convert a fitted pipeline whose last step is a classifier of two classes.

    Returns:
        An ONNX model with one `[rows, 1]` input for each feature and the output `score` `[rows]`.
    """
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    _register_lightgbm()
    inputs = [
        (
            one.name,
            FloatTensorType([None, 1]) if one.kind == "number" else StringTensorType([None, 1]),
        )
        for one in features
    ]
    model = to_onnx(
        pipeline,
        initial_types=inputs,
        target_opset=OPSET,
        options={id(pipeline.steps[-1][1]): {"zipmap": False}},
        name=name,
    )
    _keep_positive_score(model)
    data: bytes = model.SerializeToString()
    return data


def _register_lightgbm() -> None:
    from lightgbm import LGBMClassifier
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes

    update_registered_converter(
        LGBMClassifier,
        "LightGbmLGBMClassifier",
        calculate_linear_classifier_output_shapes,
        convert_lightgbm,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
    )


def _keep_positive_score(model: Any) -> None:
    """Replace the outputs label and probabilities by the positive class's probability."""
    from onnx import TensorProto, checker, helper

    graph = model.graph
    graph.initializer.append(helper.make_tensor("positive_class", TensorProto.INT64, [], [1]))
    graph.node.append(
        helper.make_node("Gather", ["probabilities", "positive_class"], ["score"], axis=1)
    )
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("score", TensorProto.FLOAT, [None]))
    checker.check_model(model)
