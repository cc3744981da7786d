"""The contracts in force: each by its valid file, else as it last was valid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from wharf.contracts import Calendar, ContractFile, Model, Product, Project
from wharf.contracts.alerts import Routing
from wharf.contracts.calendars import combine_calendars
from wharf.contracts.spec import Spec, SpecT
from wharf.ledger.contracts import feeds_among, spec_of
from wharf.ledger.rows import ContractVersion


def project_in_force(
    project: Project,
    stored: Mapping[str, ContractVersion],
    retired: Mapping[str, str],
    valid: Mapping[str, ContractFile] | None = None,
) -> Project:
    """What a project promises, its broken files by their last valid version.

    A feed whose file is gone stays in force, for its supplier goes on; so does a calendar, for
    feeds count by it. A product, a model or the routing whose file is gone is not.

    Args:
        project: As its files say; may know nothing but its root.
        stored: The last valid version of each contract, as the ledger has it.
        retired: Retired feeds with the ISO day from which on nothing is expected of them.
        valid: The project's files that count, already parsed.
    """
    specs = _specs(valid or {}, stored)
    kept = {
        name: spec
        for name, spec in specs.items()
        if name not in stored or not is_gone(project.root, stored[name].path)
    }
    calendars, _ = combine_calendars({each.calendar: each for each in _of(specs, Calendar)})
    return replace(
        project,
        feeds=feeds_among(specs, retired),
        products={each.product: each for each in _of(kept, Product)},
        models={each.model: each for each in _of(kept, Model)},
        calendars=calendars,
        routing=next(_of(kept, Routing), Routing()),
    )


def orphaned_feeds(
    project: Project, stored: Mapping[str, ContractVersion], retired: Mapping[str, str]
) -> dict[str, str]:
    """Feeds whose file is gone and whose promise nobody ended, with the file's path."""
    return {
        name: stored[name].path
        for name, feed in sorted(project.feeds.items())
        if name in stored
        and name not in retired
        and feed.active.until is None
        and is_gone(project.root, stored[name].path)
    }


def is_gone(root: Path, path: str) -> bool:
    """Whether a file is gone from a project; unknown where no project is to be seen."""
    return (root / "dags").is_dir() and not (root / path).exists()


def _specs(
    valid: Mapping[str, ContractFile], stored: Mapping[str, ContractVersion]
) -> dict[str, Spec]:
    found = {name: file.spec for name, file in valid.items()}
    for name, version in stored.items():
        if name not in found and (spec := spec_of(version)):
            found[name] = spec
    return found


def _of(specs: Mapping[str, Spec], kind: type[SpecT]) -> Iterator[SpecT]:
    return (spec for _, spec in sorted(specs.items()) if isinstance(spec, kind))
