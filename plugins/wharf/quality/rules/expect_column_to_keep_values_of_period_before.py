"""Values of the period before are still there: accounts do not vanish all at once."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from great_expectations.execution_engine.sqlalchemy_execution_engine import (
    SqlAlchemyExecutionEngine,
)
from great_expectations.expectations.expectation import ColumnAggregateExpectation
from great_expectations.expectations.metrics.column_aggregate_metric_provider import (
    ColumnAggregateMetricProvider,
)
from great_expectations.expectations.metrics.metric_provider import metric_value

from wharf.quality.engines import TABLE, quoted, view_of

METRIC = "column.values_kept_of_period_before"
_QUERY = """
WITH before AS (
    SELECT DISTINCT {column} AS value FROM {other}
    WHERE {column} IS NOT NULL AND _period = (
        SELECT max(_period) FROM {other} WHERE _period < (SELECT max(_period) FROM {batch})
    )
)
SELECT count(*), count(*) FILTER (value NOT IN (
    SELECT {column} FROM {batch} WHERE {column} IS NOT NULL
)) FROM before
"""


class ValuesKept(ColumnAggregateMetricProvider):
    """How many different values there were in the period before, and how many of them are gone."""

    metric_name = METRIC
    value_keys = ("other_table",)

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,
        execution_engine: Any,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> tuple[int, int]:
        query = _QUERY.format(
            column=quoted(str(metric_domain_kwargs["column"])),
            other=view_of(str(metric_value_kwargs["other_table"])),
            batch=TABLE,
        )
        # A colon in a name is no parameter.
        found = execution_engine.execute_query(sa.text(query.replace(":", r"\:"))).fetchone()
        return int(found[0]), int(found[1])


class ExpectColumnToKeepValuesOfPeriodBefore(ColumnAggregateExpectation):
    """Of the values of the period before no larger share is missing than `max_missing`."""

    other_table: str
    """The published table of the period before, as a rule the batch's own."""
    max_missing: float = 0.0
    metric_dependencies = (METRIC,)
    success_keys = ("other_table", "max_missing")

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,
    ) -> dict[str, Any]:
        before, missing = metrics[METRIC]
        share = missing / before if before else 0.0
        said = f"{share:.3g}, {missing:,} of {before:,}" if before else "0, nothing came before"
        return {"success": share <= self.max_missing, "result": {"observed_value": said}}
