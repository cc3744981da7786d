"""Which contracts a DAG file turns into DAGs: all valid ones, or the one a task is running."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from airflow.sdk import get_parsing_context

from wharf.contracts import (
    Calendar,
    ContractFile,
    Feed,
    Model,
    Product,
    Project,
    load_calendar,
    load_feed,
    load_feeds,
    load_models,
    load_products,
    load_project,
)
from wharf.contracts.spec import SpecT
from wharf.errors import ContractError

log = logging.getLogger(__name__)


def feeds_to_build(project: Path) -> Iterator[Feed]:
    """The feeds whose DAGs are wanted now, sorted by name.

    A task's process wants one DAG only, so it reads one file, however many there are.

    Raises:
        ContractError: A task runs for a feed whose file is broken.
    """
    wanted = get_parsing_context().dag_id
    if wanted is None:
        yield from _sorted(load_feeds(project).feeds.values())
        return
    for path in sorted(project.glob("dags/feeds/*/*.yaml")):
        if wanted == f"feed__{path.parent.name}__{path.stem}":
            yield load_feed(path)


def products_to_build(project: Path) -> Iterator[Product]:
    """The products whose DAGs are wanted now, sorted by name."""
    wanted = get_parsing_context().dag_id
    for product in _sorted(load_products(project).products.values()):
        if wanted in {None, product.dag_id}:
            yield product


def models_to_build(project: Path) -> Iterator[Model]:
    """The scoring models whose DAGs are wanted now, sorted by name."""
    wanted = get_parsing_context().dag_id
    for model in _sorted(load_models(project).models.values()):
        if wanted in {None, model.dag_id}:
            yield model


def refuse_invalid(project: Path) -> None:
    """Raise one error for all broken contract files, for Airflow to show.

    A task's process never asks for this: it makes no DAG.

    Raises:
        ContractError: At least one file is broken; each problem is named.
    """
    invalid = load_project(project).invalid
    if invalid:
        problems = [line for error in invalid for line in str(error).splitlines()]
        raise ContractError("broken", problems)


def calendar_for(project: Path, spec: Feed | Product) -> Calendar | None:
    """The calendar a contract names.

    Returns:
        None where the contract names none, or names one that is broken: a DAG whose deadlines
        cannot be computed is still worth having, and `feeds_invalid.py` shouts.
    """
    name = spec.period.calendar
    if name is None:
        return None
    # It may name others, so a change of any of the files counts.
    files = sorted((project / "dags" / "calendars").glob("*.yaml"))
    try:
        return _read_calendar(project, name, tuple(path.stat().st_mtime_ns for path in files))
    except (ContractError, OSError) as error:
        log.warning("%s: calendar %r cannot be read: %s", spec.dag_id, name, error)
        return None


def own_project(project: Path, feed: Feed) -> Project:
    """A project of one feed and its calendar: all that the feed's own tasks may read."""
    calendar = calendar_for(project, feed)
    calendars = {calendar.calendar: calendar} if calendar else {}
    return Project(root=project, feeds={feed.feed: feed}, calendars=calendars)


def own_file(project: Path, feed: Feed) -> ContractFile:
    """The bytes of a feed's contract, as the ledger keeps them."""
    place = f"dags/feeds/{feed.feed.replace('.', '/')}.yaml"
    data = (project / place).read_bytes()
    return ContractFile(place, hashlib.sha256(data).hexdigest(), data.decode(), feed)


@lru_cache(maxsize=64)
def _read_calendar(project: Path, name: str, _changed: tuple[int, ...]) -> Calendar:
    return load_calendar(project, name)


def _sorted(specs: Iterable[SpecT]) -> list[SpecT]:
    return sorted(specs, key=lambda spec: str(getattr(spec, "dag_id")))  # noqa: B009
