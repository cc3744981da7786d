"""The model contract: what a scoring model learns from, predicts and may use."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from wharf.contracts.feed import Name
from wharf.contracts.spec import IDENTIFIER, Spec


class Features(Spec):
    """The table and columns a model reads."""

    table: Name
    columns: tuple[str, ...]
    key: tuple[str, ...] = ()


class Train(Spec):
    """Which released product a model is trained on."""

    product: Annotated[str, Field(pattern=IDENTIFIER)]
    label_not_null: bool = True
    split_seed: int = 7


class Resources(Spec):
    """The six resource settings of a Spark job, as Spark writes them."""

    executors: int = 2
    executor_cores: int = 2
    executor_memory: str = "2g"
    memory_overhead: str = "512m"
    driver_max_result_size: str = "256m"
    shuffle_partitions: int = 64


class Model(Spec):
    """A scoring model; one file `dags/models/<model>.yaml`."""

    model: Annotated[str, Field(pattern=IDENTIFIER)]
    about: str = ""
    target: str
    positive: str = "true"
    features: Features
    train: Train
    trainer: Literal["lightgbm", "logistic"] = "lightgbm"
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    table: Name
    resources: Resources = Resources()

    @property
    def dag_id(self) -> str:
        """The id of the model's Airflow DAG."""
        return f"model__{self.model}"
