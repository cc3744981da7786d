"""Evaluating a suite: every metric once, all counts of one table in one query.

Great Expectations says what an expectation needs and what follows from it. Working the needs off
is done here: its own way looks for examples of what never fails, and tells one wrong comparison as
an error of every expectation that shared a query with it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from wharf.errors import files_failed
from wharf.quality.suites import Suite

_ASKED: Mapping[str, Any] = {"result_format": {"result_format": "BOOLEAN_ONLY"}}
_TOLD: Mapping[str, Any] = {
    "result_format": {"result_format": "SUMMARY", "partial_unexpected_count": 0}
}


@dataclass(frozen=True)
class Evaluated:
    """What came out for one expectation."""

    success: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    condition: tuple[Any, ...] | None = None
    """What the rows that break it have in common, as the engine knows it."""


@dataclass(frozen=True)
class _Need:
    """One metric, and the metrics it is computed from."""

    id: Any
    name: str
    metric: Any
    first: tuple[Any, ...]


@dataclass(frozen=True)
class _Question:
    """One expectation of a suite, with what it needs."""

    expectation: Any
    asked: Mapping[str, Any]
    """Metric by the name under which the expectation asks for it."""
    needs: tuple[Any, ...]
    condition: Any
    error: str = ""
    """Why it cannot be asked of this engine at all."""


@dataclass(frozen=True)
class _Plan:
    questions: tuple[_Question, ...]
    rounds: tuple[tuple[_Need, ...], ...]


def evaluate(suite: Suite, kind: str, rows: Any, columns: Mapping[str, str]) -> list[Evaluated]:
    """Evaluate every expectation of a suite, in its order; the library must be loaded.

    Args:
        suite: The suite.
        kind: `pandas` or `duckdb`.
        rows: What `open_rows` gave for that kind.
        columns: Column -> DuckDB type.
    """
    plan = _plan(suite, kind, rows.engine)
    known = rows.known(dict(columns))
    values: dict[Any, Any] = {}
    errors: dict[Any, str] = {}
    for needs in plan.rounds:
        ready = []
        for need in needs:
            if need.name in known:
                values[need.id] = known[need.name]
            elif all(each in values for each in need.first):
                ready.append(need)
        _resolve(rows.engine, ready, values, errors)
    return [_answer(each, values, errors, rows.engine) for each in plan.questions]


def _resolve(
    engine: Any, needs: Sequence[_Need], values: dict[Any, Any], errors: dict[Any, str]
) -> None:
    if not needs:
        return
    try:
        values.update(
            engine.resolve_metrics(metrics_to_resolve=[n.metric for n in needs], metrics=values)
        )
    except Exception as error:  # of whatever kind the engine below raises
        if files_failed(error):  # says nothing of the batch, and is no failed expectation
            raise
        if len(needs) == 1:
            errors[needs[0].id] = str(error)
            return
        for each in needs:
            _resolve(engine, [each], values, errors)


def _answer(
    question: _Question, values: Mapping[Any, Any], errors: Mapping[Any, str], engine: Any
) -> Evaluated:
    if question.error:
        return Evaluated(error=question.error)
    if broken := [errors[each] for each in question.needs if each in errors]:
        return Evaluated(error=plain(broken[0]))
    try:
        said = question.expectation._validate(
            metrics={name: values[each] for name, each in question.asked.items()},
            runtime_configuration=dict(_TOLD),
            execution_engine=engine,
        )
    except Exception as error:  # as an expectation of one's own may
        return Evaluated(error=plain(str(error)))
    raw = said if isinstance(said, dict) else {"success": said.success, "result": said.result}
    condition = values.get(question.condition)
    return Evaluated(bool(raw.get("success")), dict(raw.get("result") or {}), "", condition)


def plain(message: str) -> str:
    """An error of the library in one line, without its own frame of words."""
    text = re.sub(r"\n\[SQL: .*", "", message or "it raised an error", flags=re.DOTALL)
    text = text.replace("Error: ", "", 1) if text.startswith("Error: ") else text
    return " ".join(text.replace(" in BatchData ", " ").split()) or "it raised an error"


def _plan(suite: Suite, kind: str, engine: Any) -> _Plan:
    key = (suite.sha256, suite.label, suite.custom, kind)
    if key not in _PLANS:
        if len(_PLANS) >= 256:
            _PLANS.clear()
        _PLANS[key] = _make_plan(suite, engine)
    return _PLANS[key]


_PLANS: dict[tuple[str, str, str, str], _Plan] = {}


def _make_plan(suite: Suite, engine: Any) -> _Plan:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    needs: dict[Any, _Need] = {}
    questions = []
    for entry in suite.entries:
        expectation = ExpectationConfiguration(**{"kwargs": {}, **entry}).to_domain_obj()
        try:
            asked = expectation.get_validation_dependencies(engine, dict(_ASKED))
            used = _gather(engine, asked.get_metric_configurations(), needs)
        except Exception as error:  # of many kinds, also for what an engine cannot do
            questions.append(_Question(expectation, {}, (), None, plain(str(error))))
            continue
        wanted = {name: m.id for name, m in asked.metric_configurations.items()}
        at = f"{getattr(expectation, 'map_metric', None)}.condition"
        condition = next((each for each in used if needs[each].name == at), None)
        questions.append(_Question(expectation, wanted, tuple(used), condition))
    return _Plan(tuple(questions), _rounds(needs))


def _gather(engine: Any, metrics: Sequence[Any], needs: dict[Any, _Need]) -> dict[Any, None]:
    """Add metrics with all that they are computed from; the ids of all these."""
    from great_expectations.validator.validation_graph import ValidationGraph

    graph = ValidationGraph(execution_engine=engine)
    for each in metrics:
        graph.build_metric_dependency_graph(each, runtime_configuration=dict(_ASKED))
    first: defaultdict[Any, dict[Any, None]] = defaultdict(dict)
    found: dict[Any, Any] = {}
    for edge in graph.edges:
        found.setdefault(edge.left.id, edge.left)
        if edge.right is not None:
            found.setdefault(edge.right.id, edge.right)
            first[edge.left.id][edge.right.id] = None
    for each, metric in found.items():
        needs.setdefault(each, _Need(each, metric.metric_name, metric, tuple(first[each])))
    return dict.fromkeys(found)


def _rounds(needs: Mapping[Any, _Need]) -> tuple[tuple[_Need, ...], ...]:
    """The needs in rounds, each as late as it can be, so that all counts meet in one query."""

    @cache
    def depth(each: Any) -> int:
        return 1 + max((depth(one) for one in needs[each].first), default=-1)

    last = max((depth(each) for each in needs), default=0)
    due = dict.fromkeys(needs, last)
    for each in sorted(needs, key=depth, reverse=True):
        for one in needs[each].first:
            due[one] = min(due[one], due[each] - 1)
    return tuple(
        tuple(need for each, need in needs.items() if due[each] == number)
        for number in range(last + 1)
    )
