"""What is promised now, as the ledger has it: the last valid version of every contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wharf.contracts import Feed, Project
from wharf.ledger import Transaction, contracts
from wharf.ledger.in_force import orphaned_feeds, project_in_force
from wharf.ledger.retired import retired_feeds


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
        retired = retired_feeds(tx)
        signature = {name: version.sha256 for name, version in stored.items()}
        signature |= {f"retired {name}": first for name, first in retired.items()}
        if self._read is None or self._read[0] != signature:
            project = project_in_force(Project(self.root), stored, retired)
            self._read = (signature, project)
        project = self._read[1]
        problems = contracts.contract_problems(tx)
        paths = {name: stored[name].path for name in project.feeds}
        return Promised(
            project=project,
            problems=problems,
            broken=frozenset(name for name, path in paths.items() if path in problems),
            orphaned=orphaned_feeds(project, stored, retired),
        )
