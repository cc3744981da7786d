"""The contracts in force: the valid files, and the last valid text of broken or removed ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from wharf.contracts import ContractFile, Feed, Product, Project, load_project
from wharf.ledger import Ledger, Transaction, contracts, feeds
from wharf.ledger.in_force import orphaned_feeds, project_in_force
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
    problems = _problems(project, stored, now)
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
    whole = project_in_force(project, stored, retired, valid)
    return Promises(
        project=whole,
        feeds=whole.feeds,
        hashes={name: version.sha256 for name, version in stored.items()},
        orphaned=tuple(orphaned_feeds(whole, stored, retired)),
    )


def _problems(
    project: Project, stored: Mapping[str, ContractVersion], now: datetime
) -> dict[str, str]:
    """What is wrong with which file, by its path."""
    problems = {error.file: str(error) for error in project.invalid}
    for path, problem in _uncountable(project, stored, now):
        problems.setdefault(path, f"{path}: {problem}")
    paths = {file.path for file in project.files.values()} - set(problems)
    known = paths | {version.path for version in stored.values()}
    specs: dict[str, Feed | Product] = {**project.feeds, **project.products}
    for name, spec in specs.items():
        calendar = spec.period.calendar
        if calendar and f"dags/calendars/{calendar}.yaml" not in known:
            path = project.files[name].path
            why = f"period.calendar is {calendar!r}, which has no valid file yet"
            problems.setdefault(path, f"{path}: {why}")
    return problems


def _uncountable(
    project: Project, stored: Mapping[str, ContractVersion], now: datetime
) -> Iterator[tuple[str, str]]:
    """New versions of calendars whose days cannot be computed, such as of an unknown country."""
    for calendar in project.calendars.values():
        name = f"calendars/{calendar.calendar}"
        file = project.files[name]
        if name not in stored or stored[name].sha256 != file.sha256:
            for problem in calendar_problems(calendar, now.year):
                yield file.path, problem


def _store(tx: Transaction, changed: Mapping[str, ContractFile], now: datetime) -> None:
    for name, file in changed.items():
        if isinstance(file.spec, Feed):
            feeds.rename_feed(tx, name, file.spec.formerly)
        contracts.store_contract(tx, name, file, now)
