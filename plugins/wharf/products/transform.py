"""One dbt build in this process, over an in-memory DuckDB that holds the manifest's batches.

Nothing under `dbt/` is written: profile, target and log go to the run's work folder.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from wharf.errors import ProductError
from wharf.products.build_session import BuildSession, opened

logger = logging.getLogger(__name__)
# dbt keeps its adapter, its flags and the current directory per process.
_one_at_a_time = Lock()
GREEN = frozenset({"success", "pass", "warn", "no-op"})


@dataclass(frozen=True)
class NodeResult:
    """How one model or test of a build ended."""

    node: str
    kind: str
    status: str
    seconds: float
    message: str = ""

    @property
    def is_green(self) -> bool:
        """Whether nothing speaks against this node."""
        return self.status in GREEN


@dataclass(frozen=True)
class BuildResult:
    """All nodes of a build, and what its models say about their columns."""

    nodes: tuple[NodeResult, ...]
    about: Mapping[str, Mapping[str, str]]
    """Table -> column -> description; "" holds the table's own."""
    error: str = ""

    @property
    def failed(self) -> tuple[NodeResult, ...]:
        """Nodes that failed by themselves, not for what they depend on."""
        return tuple(n for n in self.nodes if not n.is_green and n.status != "skipped")


def build_models(
    selector: str, session: BuildSession, *, project: Path, work: Path, cache: Path
) -> BuildResult:
    """Build and test the models of a selector; every model is staged through the session.

    Args:
        selector: What dbt selects, such as `tag:parcel_use`.
        session: The tables the models may read, and where they go.
        project: The dbt project's folder; nothing in it changes.
        work: A folder of this run alone.
        cache: Where the parsed project is kept for the next run.

    Raises:
        ProductError: dbt could not start, or the selector selects no model.
    """
    arguments = ["build", "--select", selector, "--indirect-selection", "buildable"]
    with parsed_before(work, cache):
        outcome = invoke(arguments, project=project, work=work, session=session)
    results = [] if outcome.result is None else list(getattr(outcome.result, "results", []))
    nodes = tuple(_node(each) for each in results)
    for node in nodes:
        logger.info("%s %s %s in %.2f s", node.status, node.kind, node.node, node.seconds)
    if outcome.exception is not None:
        raise ProductError(f"dbt could not build {selector!r}: {one_line(outcome.exception)}")
    if not any(node.kind == "model" for node in nodes):
        raise ProductError(f"{selector!r} selects no dbt model; see `dbt/models` for the tags")
    return BuildResult(nodes, _descriptions(results))


def invoke(
    arguments: Sequence[str],
    *,
    project: Path,
    work: Path,
    session: BuildSession | None = None,
    manifest: Any = None,
) -> Any:
    """Run one dbt command quietly in this process; gives dbt's own result.

    Args:
        arguments: The command and its options.
        project: The dbt project's folder; nothing in it changes.
        work: Where profile and target go.
        session: The tables of a build; none to parse or list.
        manifest: The parsed project of an earlier command, to save parsing again.
    """
    os.environ.setdefault("DO_NOT_TRACK", "true")
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    folders = {
        "--project-dir": project,
        "--profiles-dir": work,
        "--target-path": work / "target",
        "--log-path": work / "logs",
    }
    quiet = ["--quiet", "--log-level", "none", "--log-level-file", "none", "--no-use-colors"]
    quiet += ["--no-send-anonymous-usage-stats", "--no-write-json"]
    where = [str(part) for pair in folders.items() for part in pair]
    write_profile(work)
    with _one_at_a_time, chdir(project), opened(session) if session else nullcontext():
        try:
            return dbtRunner(manifest=manifest).invoke([*quiet, *arguments, *where])
        finally:
            DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


def write_profile(work: Path) -> None:
    """Write the profile into a run's work folder; the same one always, for dbt's sake."""
    work.mkdir(parents=True, exist_ok=True)
    output: dict[str, Any] = {
        "type": "duckdb",
        "path": ":memory:",
        "threads": 1,
        "settings": {"TimeZone": "UTC"},
        "plugins": [{"module": "wharf.products.lake_plugin", "alias": "lake"}],
    }
    profile = {"wharf": {"target": "lake", "outputs": {"lake": output}}}
    (work / "profiles.yml").write_text(json.dumps(profile, indent=2))  # JSON is YAML


@contextmanager
def parsed_before(work: Path, cache: Path) -> Iterator[None]:
    """Lend a run the project as an earlier run parsed it; saves most of a second."""
    parsed = work / "target" / "partial_parse.msgpack"
    kept = cache / parsed.name
    parsed.parent.mkdir(parents=True, exist_ok=True)
    if kept.exists():
        shutil.copyfile(kept, parsed)
    yield
    if parsed.exists():
        cache.mkdir(parents=True, exist_ok=True)
        fresh = cache / f"{parsed.name}.{os.getpid()}"
        shutil.copyfile(parsed, fresh)
        fresh.replace(kept)


def one_line(error: object, limit: int = 600) -> str:
    """An error's text on one line, cut to a readable length."""
    text = " ".join(str(error).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _node(result: Any) -> NodeResult:
    return NodeResult(
        node=str(result.node.name),
        kind=str(getattr(result.node.resource_type, "value", result.node.resource_type)),
        status=str(getattr(result.status, "value", result.status)),
        seconds=float(result.execution_time or 0.0),
        message=one_line(result.message or ""),
    )


def _descriptions(results: Sequence[Any]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for result in results:
        node = result.node
        if str(getattr(node.resource_type, "value", node.resource_type)) == "model":
            columns = {column.name: column.description for column in node.columns.values()}
            found[f"{node.schema}.{node.alias}"] = {"": node.description, **columns}
    return found
