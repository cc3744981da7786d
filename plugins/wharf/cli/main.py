"""`wharf`: one command for each thing a person does."""

from __future__ import annotations

import importlib
import sys

import click

from wharf import __version__
from wharf.errors import Skip, WharfError

COMMANDS = {
    "accept-partial": "wharf.cli.decide:accept_partial",
    "ack": "wharf.cli.decide:ack",
    "alert": "wharf.cli.alert:alert",
    "anchor": "wharf.cli.anchor:anchor",
    "arrivals": "wharf.cli.arrivals:arrivals",
    "backfill": "wharf.cli.backfill:backfill",
    "batch": "wharf.cli.batch:batch",
    "decisions": "wharf.cli.decided:decisions",
    "deliver": "wharf.cli.run:deliver",
    "delivery": "wharf.cli.delivery:delivery",
    "demo": "wharf.cli.demo:demo",
    "docs": "wharf.cli.docs:docs",
    "doctor": "wharf.cli.doctor:doctor",
    "feed": "wharf.cli.feed:feed",
    "forget": "wharf.cli.forget:forget",
    "lake": "wharf.cli.lake:lake",
    "ledger": "wharf.cli.ledger:ledger",
    "maintenance": "wharf.cli.decide:maintenance",
    "mark": "wharf.cli.decide:mark",
    "model": "wharf.cli.model:model",
    "product": "wharf.cli.product:product",
    "promise": "wharf.cli.decide:promise",
    "quarantine": "wharf.cli.quarantine:quarantine",
    "proposal": "wharf.cli.decided:proposal",
    "quality": "wharf.cli.quality:quality",
    "rehearse": "wharf.cli.rehearse:rehearse",
    "retention": "wharf.cli.retention:retention",
    "revoke": "wharf.cli.decided:revoke",
    "run": "wharf.cli.run:run",
    "scorecard": "wharf.cli.scorecard:scorecard",
    "serve": "wharf.cli.demo:serve",
    "snooze": "wharf.cli.decide:snooze",
    "status": "wharf.cli.status:status",
    "suspend": "wharf.cli.decide:suspend",
    "trace": "wharf.cli.trail:trace",
    "try": "wharf.cli.try_files:try_files",
    "use-last-good": "wharf.cli.decide:use_last_good",
    "validate": "wharf.cli.validate:validate",
    "waive": "wharf.cli.decide:waive",
}


class LazyGroup(click.Group):
    """Imports a command's module only when it is called or asked for help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command by name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wharf")
def wharf() -> None:
    """Knows what suppliers promised, takes deliveries in, audits, publishes, says who is late.

    Files are found below WHARF_PROJECT, state below WHARF_HOME; see docs/settings.md.
    """


def main() -> None:
    """Run a command; a wharf error becomes one readable message and exit code 1."""
    try:
        wharf()
    except WharfError as error:
        if isinstance(error, Skip):
            click.echo(str(error))
            sys.exit(0)
        click.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
        sys.exit(1)
