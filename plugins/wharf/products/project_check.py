"""What `wharf validate` says about the dbt project: no history lost, one builder for a model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wharf.contracts import Project
from wharf.products.transform import invoke, one_line

ALLOWED = ("lake", "ephemeral", "view")
NAMESPACES = ("staging", "facts", "interpretations")
LOST = {
    "incremental": "it would be rebuilt from nothing each time, without an error",
    "snapshot": "it would report success and keep no history",
    "external": "it writes files behind the lake's back, and a row of nulls for an empty result",
    "table": "it would vanish with the run",
}


@dataclass(frozen=True)
class DbtModel:
    """One dbt model of a project, as the checks see it."""

    name: str
    table: str
    file: str
    materialized: str


def check_dbt_project(project: Project) -> list[str]:
    """Parse the dbt project and check it against the products.

    Args:
        project: The contracts; `project.root` holds the `dbt` folder.

    Returns:
        One line for each problem, naming the file; nothing when all is well.
    """
    root = project.root / "dbt"
    if not (root / "dbt_project.yml").exists():
        needs = [p.product for p in project.products.values() if any(s.dbt for s in p.steps)]
        return [f"dbt/dbt_project.yml is missing; {', '.join(needs)} need it"] if needs else []
    with tempfile.TemporaryDirectory(prefix="wharf-dbt-") as folder:
        work = Path(folder)
        parsed = invoke(["parse"], project=root, work=work)
        if not parsed.success:
            return [f"dbt: {one_line(parsed.exception or 'the project cannot be parsed')}"]
        models = list(_models(parsed.result))
        problems = lost_history(models)
        built, unselected = _selections(project, root, work, parsed.result)
    problems += [*wrong_places(models), *unselected, *overlaps(models, built)]
    return [*problems, *two_writers(project, models)]


def lost_history(models: Iterable[DbtModel]) -> list[str]:
    """Refuse materializations that keep nothing, or write where no audit looks."""
    problems = []
    for model in models:
        if model.materialized not in ALLOWED:
            reason = LOST.get(model.materialized, "the lake knows nothing of it")
            problems.append(
                f"{model.file}: {model.name} is materialized as {model.materialized}: {reason}; "
                "use lake (one batch for each period), or ephemeral for an inner step"
            )
    return problems


def wrong_places(models: Iterable[DbtModel]) -> list[str]:
    """A `lake` model lies in the folder of its namespace, which is the first half of its table."""
    return [
        f"{model.file}: {model.name} would be table {model.table}; "
        f"move it below {', '.join(f'models/{name}/' for name in NAMESPACES)}"
        for model in models
        if model.materialized == "lake" and model.table.split(".")[0] not in NAMESPACES
    ]


def overlaps(models: Iterable[DbtModel], built: Mapping[str, Iterable[str]]) -> list[str]:
    """Every `lake` model is built by exactly one step of one product.

    Args:
        models: All models of the project.
        built: Step, as `product step 0 (tag:x)` -> names of the models it selects.
    """
    builders: dict[str, list[str]] = {}
    for step, names in built.items():
        for name in names:
            builders.setdefault(name, []).append(step)
    problems = []
    for model in models:
        found = builders.get(model.name, [])
        if len(found) > 1:
            problems.append(f"{model.file}: {model.name} is built by {' and by '.join(found)}")
        elif not found and model.materialized == "lake":
            problems.append(f"{model.file}: {model.name} is built by no product; give it a tag")
    return problems


def two_writers(project: Project, models: Iterable[DbtModel]) -> list[str]:
    """Refuse a table that a feed, a dbt model, a python step or a scoring model share."""
    writers: dict[str, list[str]] = {}
    for name, feed in project.feeds.items():
        writers.setdefault(feed.table, []).append(f"feed {name}")
    for dbt_model in models:
        if dbt_model.materialized == "lake":
            writers.setdefault(dbt_model.table, []).append(f"dbt model {dbt_model.file}")
    for product in project.products.values():
        for step in product.steps:
            if step.python and step.table:
                writers.setdefault(step.table, []).append(f"product {product.product}")
    for name, scoring in project.models.items():
        writers.setdefault(scoring.table, []).append(f"model {name}")
    return [
        f"table {table} is written by {' and by '.join(who)}"
        for table, who in sorted(writers.items())
        if len(who) > 1
    ]


def _models(manifest: Any) -> Iterable[DbtModel]:
    for node in manifest.nodes.values():
        kind = str(getattr(node.resource_type, "value", node.resource_type))
        if kind in {"model", "snapshot"}:
            yield DbtModel(
                name=node.name,
                table=f"{node.schema}.{node.alias}",
                file=f"dbt/{node.original_file_path}",
                materialized=str(node.config.materialized),
            )


def _selections(
    project: Project, root: Path, work: Path, manifest: Any
) -> tuple[dict[str, list[str]], list[str]]:
    built: dict[str, list[str]] = {}
    problems = []
    for name, product in sorted(project.products.items()):
        for index, step in enumerate(product.steps):
            if step.dbt is None:
                continue
            arguments = ["ls", "--select", step.dbt, "--resource-type", "model", "--output", "name"]
            listed = invoke(arguments, project=root, work=work, manifest=manifest)
            names = [str(each) for each in listed.result or []]
            if not names:
                label = project.files[name].path if name in project.files else name
                problems.append(f"{label}: steps.{index}: dbt {step.dbt!r} selects no model")
            built[f"{name} step {index} ({step.dbt})"] = names
    return built, problems
