"""Opening an installation for one command."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from wharf.contracts import Feed
from wharf.errors import ContractError
from wharf.settings import Connection, Settings, read_settings, stored_connection

if TYPE_CHECKING:
    from wharf.intake import Intake
    from wharf.watch.promises import Promises


@dataclass(frozen=True)
class Installation:
    """Settings, project and stores, opened together."""

    settings: Settings
    promises: Promises
    intake: Intake

    def feed(self, name: str) -> Feed:
        """A feed by name.

        Raises:
            ContractError: There is no such feed; the message lists those there are.
        """
        try:
            return self.promises.feeds[name]
        except KeyError:
            choices = ", ".join(sorted(self.promises.feeds)) or "none yet"
            raise ContractError(
                "dags/feeds", [f"no feed {name!r}; feeds here: {choices}"]
            ) from None


def open_installation() -> Installation:
    """Open what the environment names."""
    from wharf.intake import open_intake
    from wharf.watch.promises import read_promises

    settings = read_settings()

    def resolve(connection_id: str) -> Connection:
        return stored_connection(settings, connection_id)

    intake = open_intake(settings, resolve)
    return Installation(settings, read_promises(intake.ledger, settings.project, now()), intake)


def now() -> datetime:
    """The clock of the command line."""
    return datetime.now(UTC)


def who() -> str:
    """The person at the command line, for the audit trail."""
    return f"cli:{getpass.getuser()}"


def say(text: str) -> None:
    """Print one line for the person."""
    click.echo(text)
