"""Expectations that Great Expectations lacks: ours in `rules`, others in `expectations/custom`.

One file is one rule. `expect_....sql` holds a condition of DuckDB that is true of a good value;
`....py` holds subclasses of the library's own classes. A broken file is named, and only suites that
use it fail.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from wharf.quality.engines import TABLE, literal, quoted, view_of

RULES = Path(__file__).with_name("rules")
_STEM = re.compile(r"^expect_[a-z0-9_]{1,100}$")
_ARGUMENTS = re.compile(r"^--\s*arguments:\s*(.+)$", re.MULTILINE)
_NAME = re.compile(r"^[a-z][a-z0-9_]*$")


@dataclass(frozen=True)
class Custom:
    """What a project's folder of expectations gave."""

    fingerprint: str
    """Changes when a file does."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """What is wrong, by file."""
    sentences: Mapping[str, str] = field(default_factory=dict)
    """Expectation -> its sentence, with arguments in braces."""


def custom_folder(suite: Path) -> Path:
    """Where the expectations of a suite's own project lie."""
    for parent in suite.parents:
        if parent.name == "expectations":
            return parent / "custom"
    return suite.parent / "custom"


def load_custom(folder: Path) -> Custom:
    """Make the expectations of a folder known, with our own; the library must be loaded.

    Returns:
        The same as before while no file changed.
    """
    files = [*_files(RULES), *_files(folder)]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    fingerprint = digest.hexdigest()
    if _LOADED.get("now") != (str(folder), fingerprint):
        problems, sentences = {}, {}
        for file in files:
            try:
                sentences.update(_load(file))
            except Exception as error:  # a file of a project may raise anything
                said = " ".join(str(error).split()) or type(error).__name__
                problems[f"expectations/custom/{file.name}"] = f"{said[:300]}"
        _KNOWN[fingerprint] = Custom(fingerprint, problems, sentences)
        _LOADED["now"] = (str(folder), fingerprint)
    return _KNOWN[fingerprint]


_LOADED: dict[str, tuple[str, str]] = {}
_KNOWN: dict[str, Custom] = {}


def engines_of(kind: str) -> frozenset[str]:
    """The engines on which an expectation works, as its metrics say; the library must be loaded."""
    from great_expectations.expectations.registry import (
        _registered_metrics,
        get_expectation_impl,
    )

    wanted = get_expectation_impl(kind)
    one = getattr(wanted, "map_metric", None)
    names = [f"{one}.condition"] if one else list(getattr(wanted, "metric_dependencies", ()))
    engines = {"pandas", "duckdb"}
    for name in names:
        providers = _registered_metrics.get(name, {}).get("providers")
        if providers is not None:
            said = {"PandasExecutionEngine": "pandas", "SqlAlchemyExecutionEngine": "duckdb"}
            engines &= {said[each] for each in providers if each in said}
    return frozenset(engines)


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        for file in sorted(folder.iterdir()):
            if file.suffix in {".sql", ".py"} and not file.name.startswith("_"):
                yield file


def _load(file: Path) -> dict[str, str]:
    return _load_sql(file) if file.suffix == ".sql" else _load_python(file)


def _load_python(file: Path) -> dict[str, str]:
    from wharf.quality.library import expectation_types

    before = set(expectation_types())
    spec = importlib.util.spec_from_file_location(f"wharf_custom_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file.name} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = set(expectation_types()) - before
    _BY_FILE.setdefault(file.name, set()).update(found)
    if not _BY_FILE[file.name]:
        raise ImportError("it defines no expectation: subclass one of Great Expectations")
    # Read again because another file changed, it brings nothing new.
    return dict.fromkeys(sorted(_BY_FILE[file.name]), "")


_BY_FILE: dict[str, set[str]] = {}


def _load_sql(file: Path) -> dict[str, str]:
    text = file.read_text(encoding="utf-8")
    if not _STEM.match(file.stem):
        raise ValueError("the file's name is the expectation's: write it as expect_....sql")
    sentence = text.lstrip().partition("\n")[0]
    if not sentence.startswith("--"):
        raise ValueError("the first line says what holds, such as `-- {column} is an IBAN`")
    said = _ARGUMENTS.search(text)
    arguments = [each.strip() for each in said[1].split(",")] if said else []
    if wrong := [each for each in arguments if not _NAME.match(each) or each == "column"]:
        raise ValueError(f"{wrong[0]!r} is no name for an argument beside `column`")
    condition = "\n".join(
        line for line in text.splitlines() if not line.lstrip().startswith("--")
    ).strip().rstrip(";")  # fmt: skip
    if "{column}" not in condition:
        raise ValueError("the condition must read {column}")
    _try_out(condition, arguments)
    _define(file.stem, condition, arguments)
    return {file.stem: sentence.removeprefix("--").strip()}


def _try_out(condition: str, arguments: list[str]) -> None:
    """Have DuckDB read a condition for a column of some type, over no rows.

    Raises:
        duckdb.Error: It suits none.
    """
    given = {name: "other" if name.endswith("column") else "x" for name in arguments}
    error: duckdb.Error | None = None
    with duckdb.connect() as connection:
        for name in (each for each in arguments if each.startswith("other_table")):
            connection.execute(f"CREATE VIEW {view_of(given[name])} AS SELECT NULL AS other")
        for kind in ("VARCHAR", "BIGINT", "DECIMAL(18,2)", "DATE", "TIMESTAMPTZ", "BOOLEAN"):
            asked = filled(condition, "value", given)
            connection.execute(
                f"CREATE OR REPLACE VIEW {TABLE} AS "
                f"SELECT NULL::{kind} AS value, '' AS _file, 1 AS _line LIMIT 0"
            )
            try:
                connection.execute(f"SELECT {asked} FROM {TABLE}").fetchall()
                return
            except duckdb.Error as caught:
                error = error or caught
    if error is not None:
        raise error


def filled(condition: str, column: str, arguments: Mapping[str, Any]) -> str:
    """A condition for one column: names are quoted, other arguments are values."""
    told = {"column": quoted(column)}
    for name, value in arguments.items():
        if name.startswith("other_table"):
            told[name] = view_of(str(value))
        elif name.endswith("column"):
            told[name] = quoted(str(value))
        else:
            told[name] = _value(value)
    pattern = "|".join(re.escape("{" + name + "}") for name in told)
    put = re.sub(pattern, lambda found: told[found[0][1:-1]], condition)
    # A value of which the condition says neither yes nor no is not a good one.
    return f"coalesce(({put}), false)"


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "(" + ", ".join(_value(each) for each in value) + ")"
    if isinstance(value, bool | int | float):
        return str(value)
    return literal(str(value))


def _define(name: str, condition: str, arguments: list[str]) -> None:
    """Make a condition a row-level expectation of the library, with its metric."""
    import sqlalchemy as sa
    from great_expectations.execution_engine.sqlalchemy_execution_engine import (
        SqlAlchemyExecutionEngine,
    )
    from great_expectations.expectations.expectation import ColumnMapExpectation
    from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (  # noqa: E501
        column_condition_partial,
    )
    from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (  # noqa: E501
        ColumnMapMetricProvider,
    )

    metric = f"column_values.{name}"

    def holds(cls: Any, column: Any, **given: Any) -> Any:
        own = {argument: given[argument] for argument in arguments}
        return sa.literal_column(filled(condition, str(column.name), own), sa.Boolean())

    type(
        f"Metric{name.title().replace('_', '')}",
        (ColumnMapMetricProvider,),
        {
            "condition_metric_name": metric,
            "condition_value_keys": tuple(arguments),
            "_sqlalchemy": column_condition_partial(engine=SqlAlchemyExecutionEngine)(holds),
        },
    )
    fields: dict[str, Any] = dict.fromkeys(arguments, Any)
    type(
        name.title().replace("_", ""),
        (ColumnMapExpectation,),
        {
            "__module__": __name__,
            "__annotations__": fields,
            "map_metric": metric,
            "success_keys": (*arguments, "mostly"),
        },
    )
