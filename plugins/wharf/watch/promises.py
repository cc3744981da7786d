"""The contracts in force: the valid files, and the last valid text of broken or removed ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from wharf.contracts import Calendar, ContractFile, Feed, Model, Product, Project, load_project
from wharf.contracts.alerts import Routing
from wharf.contracts.calendars import combine_calendars
from wharf.contracts.spec import Spec, SpecT
from wharf.ledger import Ledger, Transaction, contracts, feeds
from wharf.ledger.retired import retired_feeds, take_up_again
from wharf.ledger.rows import ContractVersion
from wharf.timeliness.calendars import calendar_problems

HORIZON_FILES = ("dags/**/*.yaml",)


@dataclass(frozen=True)
class Promises:
    """What suppliers promise now, and where the project's files fall short."""

    project: Project
    """The contracts in force; `invalid` names the files that are broken."""
    feeds: Mapping[str, Feed]
    hashes: Mapping[str, str]
    orphaned: tuple[str, ...] = ()
    """Feeds whose file is gone and whose promise nobody ended."""

    @property
    def products(self) -> Mapping[str, Product]:
        """Products in force."""
        return self.project.products


class PromiseReader:
    """Reads a project's files again only when one of them changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._signature: tuple[tuple[str, int, int], ...] | None = None
        self._retired: Mapping[str, str] = {}
        self._promises: Promises | None = None

    def read(self, ledger: Ledger, now: datetime) -> Promises:
        """The contracts in force; changed valid files are stored in the ledger first."""
        signature = self._look_at_files()
        with ledger.read() as tx:
            retired = retired_feeds(tx)
        if self._promises is None or (signature, retired) != (self._signature, self._retired):
            self._promises = read_promises(ledger, self.root, now)
            self._signature, self._retired = signature, retired
        return self._promises

    def _look_at_files(self) -> tuple[tuple[str, int, int], ...]:
        found = sorted(path for pattern in HORIZON_FILES for path in self.root.glob(pattern))
        return tuple((str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in found)


def read_promises(ledger: Ledger, root: Path, now: datetime) -> Promises:
    """Read a project, store its valid files, and add what the ledger knows of the other ones."""
    project = load_project(root)
    with ledger.read() as tx:
        stored = contracts.current_contracts(tx)
        retired = retired_feeds(tx)
        told = contracts.contract_problems(tx)
    problems = _problems(project, stored)
    valid = {name: each for name, each in project.files.items() if each.path not in problems}
    changed = {
        name: file
        for name, file in valid.items()
        if name not in stored or stored[name].sha256 != file.sha256
    }
    back = sorted(set(retired) & set(valid))
    if changed or back or problems != told:
        with ledger.write() as tx:
            _store(tx, changed, now)
            for name in back:
                take_up_again(tx, name, valid[name].path, now)
            contracts.set_problems(tx, problems, now)
            stored = contracts.current_contracts(tx)
            retired = retired_feeds(tx)
    return _in_force(project, valid, stored, retired)


def _problems(project: Project, stored: Mapping[str, ContractVersion]) -> dict[str, str]:
    """What is wrong with which file, by its path."""
    problems = {error.file: str(error) for error in project.invalid}
    for path, problem in _uncountable(project, stored):
        problems.setdefault(path, f"{path}: {problem}")
    known = {
        spec.calendar
        for name, spec in _specs(project.files, stored).items()
        if isinstance(spec, Calendar) and (name in stored or project.files[name].path not in problems)
    }
    for name, spec in (*project.feeds.items(), *project.products.items()):
        calendar = spec.period.calendar
        if calendar and calendar not in known:
            path = project.files[name].path
            problems.setdefault(
                path, f"{path}: period.calendar is {calendar!r}, whose file never was valid"
            )
    return problems


def _uncountable(
    project: Project, stored: Mapping[str, ContractVersion]
) -> Iterator[tuple[str, str]]:
    """New versions of calendars whose days cannot be computed, such as of an unknown country."""
    for calendar in project.calendars.values():
        name = f"calendars/{calendar.calendar}"
        file = project.files[name]
        if name in stored and stored[name].sha256 == file.sha256:
            continue
        for problem in calendar_problems(calendar, 2026):
            yield file.path, problem


def _store(tx: Transaction, changed: Mapping[str, ContractFile], now: datetime) -> None:
    for name, file in changed.items():
        if isinstance(file.spec, Feed):
            feeds.rename_feed(tx, name, file.spec.formerly)
        contracts.store_contract(tx, name, file, now)


def _in_force(
    project: Project,
    valid: Mapping[str, ContractFile],
    stored: Mapping[str, ContractVersion],
    retired: Mapping[str, str],
) -> Promises:
    specs = _specs(valid, stored)
    gone = {name for name, version in stored.items() if not (project.root / version.path).exists()}
    kept = {name: spec for name, spec in specs.items() if name not in gone}
    calendars, _ = combine_calendars({each.calendar: each for each in _of(specs, Calendar)})
    in_force = contracts.feeds_among(specs, retired)
    whole = replace(
        project,
        feeds=in_force,
        products={each.product: each for each in _of(kept, Product)},
        models={each.model: each for each in _of(kept, Model)},
        calendars=calendars,
        routing=next(_of(kept, Routing), Routing()),
    )
    return Promises(
        project=whole,
        feeds=in_force,
        hashes={name: version.sha256 for name, version in stored.items()},
        orphaned=tuple(
            sorted(name for name in gone & set(in_force) if in_force[name].active.until is None)
        ),
    )


def _specs(
    files: Mapping[str, ContractFile], stored: Mapping[str, ContractVersion]
) -> dict[str, Spec]:
    """Contracts by name: as the file says, else as it last was valid."""
    found = {name: file.spec for name, file in files.items()}
    for name, version in stored.items():
        if name not in found and (spec := contracts.spec_of(version)):
            found[name] = spec
    return found


def _of(specs: Mapping[str, Spec], kind: type[SpecT]) -> Iterator[SpecT]:
    return (spec for _, spec in sorted(specs.items()) if isinstance(spec, kind))
