"""What is promised now, as the ledger has it: the last valid version of every contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wharf.contracts import Feed, Product, Project
from wharf.contracts.calendars import Calendar
from wharf.contracts.spec import SpecT, build, parse_yaml
from wharf.errors import ContractError
from wharf.ledger import Transaction, contracts
from wharf.ledger.rows import ContractVersion

_FEEDS, _PRODUCTS, _CALENDARS = "dags/feeds/", "dags/products/", "dags/calendars/"


@dataclass(frozen=True)
class Promised:
    """The contracts in force, and what is wrong with their files."""

    project: Project
    problems: Mapping[str, str]
    """Broken contract files: path -> message."""
    broken: frozenset[str]
    """Feeds whose file is broken: their last valid version counts."""
    orphaned: Mapping[str, str]
    """Feeds whose file is gone, with its path: they stay expected until they are retired."""

    @property
    def feeds(self) -> Mapping[str, Feed]:
        """Feeds in force, by name."""
        return self.project.feeds


class PromisedReader:
    """Reads the contracts from the ledger; parses them again only when one has changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._read: tuple[dict[str, str], Project] | None = None

    def read(self, tx: Transaction) -> Promised:
        """What is promised as of this transaction."""
        stored = contracts.current_contracts(tx)
        signature = {name: version.sha256 for name, version in stored.items()}
        if self._read is None or self._read[0] != signature:
            self._read = (signature, self._project(tx, stored))
        project = self._read[1]
        problems = contracts.contract_problems(tx)
        paths = {name: stored[name].path for name in project.feeds}
        return Promised(
            project=project,
            problems=problems,
            broken=frozenset(name for name, path in paths.items() if path in problems),
            orphaned={name: path for name, path in paths.items() if self._is_gone(path)},
        )

    def _project(self, tx: Transaction, stored: Mapping[str, ContractVersion]) -> Project:
        return Project(
            root=self.root,
            feeds=contracts.feeds_in_force(tx),
            products=self._specs(stored, _PRODUCTS, Product),
            calendars=self._specs(stored, _CALENDARS, Calendar),
        )

    def _specs(
        self, stored: Mapping[str, ContractVersion], folder: str, kind: type[SpecT]
    ) -> dict[str, SpecT]:
        found = {}
        for name, version in sorted(stored.items()):
            if version.path.startswith(folder) and not self._is_gone(version.path):
                try:
                    found[name] = build(kind, parse_yaml(version.text, version.path), version.path)
                except ContractError:
                    continue
        return found

    def _is_gone(self, path: str) -> bool:
        """Whether a file is gone from the project; unknown where no project is to be seen."""
        return (self.root / "dags").is_dir() and not (self.root / path).exists()
