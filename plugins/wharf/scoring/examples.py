"""The labelled rows a model learns from, and the rule that keeps the test rows unseen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from wharf.contracts import Model
from wharf.errors import ModelError
from wharf.scoring.tensors import Feature, as_inputs, features_of
from wharf.scoring.trainers import Examples, Labels

TEST_PERCENT = 20
VALIDATION_PERCENT = 10
FEWEST_ROWS = 200
MOST_CATEGORIES = 1000
_LABEL, _BUCKET = "wharf label", "wharf bucket"


@dataclass(frozen=True)
class TableRef:
    """A table that a model learned from, exactly."""

    table: str
    snapshot_id: int | None = None
    batch_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelledRows:
    """Rows with a known label, in an order and a split that every repeat gives again."""

    table: pa.Table
    """All raw columns of the relation: other versions of the model may read others."""
    labels: Labels
    buckets: np.ndarray[Any, np.dtype[np.int64]]
    features: tuple[Feature, ...]
    rule: Mapping[str, Any]
    rows_read: int

    def part(self, name: str) -> tuple[pa.Table, Labels]:
        """The rows of `test`, `validation` or `train`."""
        chosen = self.mask(name)
        return self.table.filter(pa.array(chosen)), self.labels[chosen]

    def mask(self, name: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which rows belong to `test`, `validation` or `train`."""
        held = TEST_PERCENT + VALIDATION_PERCENT
        first, last = {"test": (0, TEST_PERCENT), "validation": (TEST_PERCENT, held)}.get(
            name, (held, 100)
        )
        chosen: np.ndarray[Any, np.dtype[np.bool_]] = (self.buckets >= first) & (
            self.buckets < last
        )
        return chosen

    def examples(self, name: str) -> Examples:
        """One part, prepared for a trainer."""
        table, labels = self.part(name)
        return Examples(prepare(table, self.features), labels)

    @property
    def raw_features(self) -> pa.Table:
        """The raw columns that the model reads."""
        return self.table.select([one.name for one in self.features])

    @property
    def schema_sha256(self) -> str:
        """Hash of the names and types of the columns that the model reads."""
        schema = self.raw_features.schema.remove_metadata()
        return hashlib.sha256(str(schema).encode()).hexdigest()


def split_rule(model: Model) -> dict[str, Any]:
    """How rows are held out; two versions with the same rule may be compared on test rows."""
    return {
        "by": "md5 of the seed and the key, modulo 100",
        "seed": model.train.split_seed,
        "key": list(model.features.key or model.features.columns),
        "test_percent": TEST_PERCENT,
        "validation_percent": VALIDATION_PERCENT,
        "target": model.target,
        "positive": model.positive,
    }


def read_rows(model: Model, connection: duckdb.DuckDBPyConnection, relation: str) -> LabelledRows:
    """Read the labelled rows of a relation.

    Args:
        model: The contract: which columns, which target, which seed.
        connection: Where the relation can be read.
        relation: What may stand after FROM: a table's name, or a SELECT in parentheses.

    Raises:
        ModelError: Columns are missing, of a type no model reads, or the labels cannot teach.
    """
    _require_columns(model, connection, relation)
    kept = f"WHERE {_quoted(model.target)} IS NOT NULL" if model.train.label_not_null else ""
    read = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
    table = connection.execute(
        _query(model, relation, kept), {"positive": model.positive, "seed": model.train.split_seed}
    ).to_arrow_table()
    rows = LabelledRows(
        table=table.drop_columns([_LABEL, _BUCKET]),
        labels=table.column(_LABEL).to_numpy().astype(bool),
        buckets=table.column(_BUCKET).to_numpy().astype(np.int64),
        features=features_of(table.schema, model.features.columns),
        rule=split_rule(model),
        rows_read=int(read[0]) if read else 0,
    )
    _require_teachable(model, rows)
    return rows


def prepare(table: pa.Table, features: Sequence[Feature]) -> dict[str, Any]:
    """The model's inputs for rows of raw columns."""
    return as_inputs({one.name: table.column(one.name) for one in features}, features)


def _query(model: Model, source: str, kept: str) -> str:
    columns = ", ".join(_quoted(name) for name in model.features.columns)
    key = [_quoted(name) for name in model.features.key or model.features.columns]
    text = ", ".join(f"coalesce(CAST({name} AS VARCHAR), '')" for name in key)
    target = f"lower(CAST({_quoted(model.target)} AS VARCHAR)) = lower($positive)"
    # The order is part of the result: trees depend on it in their last digits.
    return (
        f"SELECT *, coalesce({target}, false) AS {_quoted(_LABEL)}, "
        f"CAST(md5_number_lower(concat_ws(chr(31), CAST($seed AS VARCHAR), {text})) % 100 AS INT) "
        f"AS {_quoted(_BUCKET)} FROM {source} {kept} ORDER BY {', '.join(key)}, {columns}"
    )


def _require_columns(model: Model, connection: duckdb.DuckDBPyConnection, source: str) -> None:
    there = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    wanted = [*model.features.columns, *model.features.key, model.target]
    missing = sorted(set(wanted) - there)
    if missing:
        raise ModelError(
            f"{model.model}: {model.features.table} has no column {', '.join(missing)}; "
            f"it has {', '.join(sorted(there))}"
        )
    if model.target in model.features.columns:
        raise ModelError(
            f"{model.model}: the target {model.target} is among features.columns; "
            "a model may not read what it predicts"
        )


def _require_teachable(model: Model, rows: LabelledRows) -> None:
    if len(rows.labels) < FEWEST_ROWS:
        raise ModelError(
            f"{model.model}: {len(rows.labels)} labelled rows of {rows.rows_read}; "
            f"training needs at least {FEWEST_ROWS}"
        )
    for part in ("train", "test"):
        positives = int(rows.labels[rows.mask(part)].sum())
        if not 0 < positives < int(rows.mask(part).sum()):
            raise ModelError(
                f"{model.model}: of {int(rows.mask(part).sum())} {part} rows {positives} have "
                f"{model.target} = {model.positive!r}; both classes are needed. "
                "Look at target and positive in the model file."
            )
    for one in rows.features:
        if one.kind == "text":
            distinct = len(rows.table.column(one.name).unique())
            if distinct > MOST_CATEGORIES:
                raise ModelError(
                    f"{model.model}: column {one.name} has {distinct} different texts; a model "
                    f"reads at most {MOST_CATEGORIES}: leave it out or group it in dbt"
                )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
