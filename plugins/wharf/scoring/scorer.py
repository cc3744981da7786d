"""Applying a model: the ONNX session of one artifact, opened once per process."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wharf.errors import ModelError
from wharf.scoring.artifact import Artifact, unpack
from wharf.scoring.tensors import Inputs, as_inputs

EXPECTED_SCORE = "expected_score"
# What another processor or a newer ONNX Runtime may change in a 32-bit score.
TOLERANCE = 1e-5
_KEPT = 4

Scores = np.ndarray[Any, np.dtype[np.float32]]


class Scorer:
    """Scores raw records with one verified model; safe to share between threads."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.features = artifact.features
        self._session = open_session(artifact.files["model.onnx"])

    def score(self, columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> Scores:
        """The probability of the positive class for each record.

        Args:
            columns: Raw columns of equal length, at least the model's features.

        Raises:
            ModelError: A column cannot be read as the model wants it.
        """
        return self.score_inputs(as_inputs(columns, self.features))

    def score_inputs(self, inputs: Inputs) -> Scores:
        """The same for columns that are prepared already, one `[rows, 1]` array a feature."""
        return run_session(self._session, inputs)

    def check_golden(self) -> None:
        """Score the packed golden rows again and compare.

        Raises:
            ModelError: This machine's runtime gives other scores than the training did.
        """
        golden = pq.read_table(io.BytesIO(self.artifact.files["golden.parquet"]))
        expected = golden.column(EXPECTED_SCORE).to_numpy()
        found = self.score({one.name: golden.column(one.name) for one in self.features})
        difference = float(np.abs(found - expected).max(initial=0.0))
        if not difference <= TOLERANCE:
            raise ModelError(
                f"{self.artifact.name} version {self.artifact.version}: golden rows differ by "
                f"{difference:.2g} here; this ONNX Runtime does not repeat the model's scores"
            )


def open_scorer(data: bytes, sha256: str) -> Scorer:
    """Open a model in this process, or give the one opened before.

    Args:
        data: The artifact's bytes.
        sha256: What the registry says they are.

    Raises:
        ModelError: The artifact is damaged or its golden rows score differently here.
    """
    with _lock:
        if sha256 not in _opened:
            scorer = Scorer(unpack(data, sha256=sha256))
            scorer.check_golden()
            while len(_opened) >= _KEPT:
                _opened.pop(next(iter(_opened)))
            _opened[sha256] = scorer
        return _opened[sha256]


def open_session(model: bytes) -> Any:
    """An ONNX Runtime session of one thread that never spins."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Scale by splits: a second spinning thread gained nothing on a busy machine (model-facts 2.1).
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_session(session: Any, inputs: Mapping[str, Any]) -> Scores:
    """Scores of prepared inputs."""
    scores: Scores = session.run(["score"], dict(inputs))[0]
    return scores


_opened: dict[str, Scorer] = {}
_lock = threading.Lock()
