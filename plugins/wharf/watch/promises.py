"""The contracts in force: the valid files, and the last valid text of broken or removed ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from wharf.contracts import Feed, Product, Project, load_project
from wharf.ledger import Ledger, contracts, feeds

HORIZON_FILES = ("dags/**/*.yaml",)


@dataclass(frozen=True)
class Promises:
    """What suppliers promise now, and where the project's files fall short."""

    project: Project
    feeds: Mapping[str, Feed]
    hashes: Mapping[str, str]
    orphaned: tuple[str, ...] = ()

    @property
    def products(self) -> Mapping[str, Product]:
        """Valid products."""
        return self.project.products


class PromiseReader:
    """Reads a project's files again only when one of them changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._signature: tuple[tuple[str, int, int], ...] | None = None
        self._promises: Promises | None = None

    def read(self, ledger: Ledger, now: datetime) -> Promises:
        """The contracts in force; changed valid files are stored in the ledger first."""
        signature = self._look_at_files()
        if self._promises is None or signature != self._signature:
            self._promises = read_promises(ledger, self.root, now)
            self._signature = signature
        return self._promises

    def _look_at_files(self) -> tuple[tuple[str, int, int], ...]:
        found = sorted(path for pattern in HORIZON_FILES for path in self.root.glob(pattern))
        return tuple((str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in found)


def read_promises(ledger: Ledger, root: Path, now: datetime) -> Promises:
    """Read a project, store its valid files, and add what the ledger knows of the other ones."""
    project = load_project(root)
    problems = {error.file: str(error) for error in project.invalid}
    with ledger.write() as tx:
        for name, file in project.files.items():
            if isinstance(file.spec, Feed):
                feeds.rename_feed(tx, name, file.spec.formerly)
            contracts.store_contract(tx, name, file, now)
        contracts.set_problems(tx, problems, now)
        stored = contracts.current_contracts(tx)
        in_force = contracts.feeds_in_force(tx)
    return Promises(
        project=project,
        feeds=in_force,
        hashes={name: version.sha256 for name, version in stored.items()},
        orphaned=tuple(
            sorted(name for name in in_force if not (root / stored[name].path).exists())
        ),
    )
