"""Metrics that Great Expectations computes slowly over DuckDB, written for it.

The library counts repeated values with a window over all rows; grouping them and looking up the
few that repeat takes half the time, goes into the one query of all other counts, and gives the
rows as well.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from great_expectations.execution_engine.sqlalchemy_execution_engine import (
    SqlAlchemyExecutionEngine,
)
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (
    ColumnMapMetricProvider,
)
from great_expectations.expectations.metrics.map_metric_provider.is_sqlalchemy_metric_selectable import (  # noqa: E501
    SQLALCHEMY_SELECTABLE_METRICS,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (  # noqa: E501
    multicolumn_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_map_metric_provider import (  # noqa: E501
    MulticolumnMapMetricProvider,
)
from great_expectations.expectations.registry import _registered_metrics

for _ours in ("column_values.unique", "compound_columns.unique"):
    # The library's own bring along the rows they are asked of; ours are asked of the batch. What
    # is registered twice under one function keeps the class of the first.
    SQLALCHEMY_SELECTABLE_METRICS.discard(_ours)
    for _name, _metric in _registered_metrics.items():
        if _name.startswith(f"{_ours}."):
            _metric["providers"].pop("SqlAlchemyExecutionEngine", None)


class RepeatedValues(ColumnMapMetricProvider):
    """Whether a value stands in one row only."""

    condition_metric_name = "column_values.unique"

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, column: Any, _table: Any, **_: Any) -> Any:
        return column.not_in(_repeated(_table, [sa.column(column.name)]))


class RepeatedRows(MulticolumnMapMetricProvider):
    """Whether the values of several columns together stand in one row only."""

    condition_metric_name = "compound_columns.unique"
    condition_domain_keys = (
        "batch_id",
        "table",
        "column_list",
        "row_condition",
        "condition_parser",
        "ignore_row_if",
    )

    @multicolumn_condition_partial(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(cls, column_list: Any, _table: Any, **_: Any) -> Any:
        # One value of a structure: its parts that are empty are alike, as on a frame.
        together = sa.func.row(*column_list)
        return together.not_in(_repeated(_table, [sa.func.row(*column_list)]))


def _repeated(table: Any, columns: list[Any]) -> Any:
    rows = table.subquery() if isinstance(table, sa.Select) else table
    return (
        sa.select(*columns)
        .select_from(rows)
        .where(*(column.is_not(None) for column in columns))
        .group_by(*columns)
        .having(sa.func.count() > 1)
    )
