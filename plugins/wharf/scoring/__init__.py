"""Scoring: models from labelled rows to scores of every row, in groups of 50,000.

A model is one portable zip (`artifact`), proved equal to what was trained (`parity`), kept in a
registry of append-only rows (`registry`), and applied by one task function (`task`) with or
without Spark (`spark`, `job`). When a product scores, and auditing what came out, do not belong
here. Names are loaded on first use: an executor that imports the task loads no catalog client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wharf.scoring import registry
    from wharf.scoring.artifact import Artifact, fetch, unpack
    from wharf.scoring.examples import TableRef
    from wharf.scoring.job import ScoreJob, ScoreResult, read_job, read_result, run_here
    from wharf.scoring.metrics import measure
    from wharf.scoring.registry import champion, history, promote, register, rollback
    from wharf.scoring.released import train_on_release
    from wharf.scoring.score import PinsModels, ScoreContext, finish_score, prepare_score
    from wharf.scoring.scorer import Scorer, open_scorer
    from wharf.scoring.submit import (
        asked_resources,
        submit_arguments,
        submit_command,
        submit_template,
    )
    from wharf.scoring.training import Trained, train

_WHERE = {
    "Artifact": "artifact",
    "PinsModels": "score",
    "ScoreContext": "score",
    "ScoreJob": "job",
    "ScoreResult": "job",
    "Scorer": "scorer",
    "TableRef": "examples",
    "Trained": "training",
    "asked_resources": "submit",
    "champion": "registry",
    "fetch": "artifact",
    "finish_score": "score",
    "history": "registry",
    "measure": "metrics",
    "open_scorer": "scorer",
    "prepare_score": "score",
    "promote": "registry",
    "read_job": "job",
    "read_result": "job",
    "register": "registry",
    "rollback": "registry",
    "run_here": "job",
    "submit_arguments": "submit",
    "submit_command": "submit",
    "submit_template": "submit",
    "train": "training",
    "train_on_release": "released",
    "unpack": "artifact",
}

__all__ = [
    "Artifact",
    "PinsModels",
    "ScoreContext",
    "ScoreJob",
    "ScoreResult",
    "Scorer",
    "TableRef",
    "Trained",
    "asked_resources",
    "champion",
    "fetch",
    "finish_score",
    "history",
    "measure",
    "open_scorer",
    "prepare_score",
    "promote",
    "read_job",
    "read_result",
    "register",
    "registry",
    "rollback",
    "run_here",
    "submit_arguments",
    "submit_command",
    "submit_template",
    "train",
    "train_on_release",
    "unpack",
]


def __getattr__(name: str) -> Any:
    if name == "registry":
        return import_module("wharf.scoring.registry")
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"wharf.scoring.{_WHERE[name]}"), name)
