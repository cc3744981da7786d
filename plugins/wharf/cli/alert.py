"""`wharf alert test`: does a message reach its channel?"""

from __future__ import annotations

import sys

import click

from wharf.cli.installation import now, open_installation, say
from wharf.errors import WharfError


@click.group()
def alert() -> None:
    """Messages and the channels they go to."""


@alert.command()
@click.option("--channel", "names", multiple=True, help="Only this channel; all by default.")
def test(names: tuple[str, ...]) -> None:
    """Send one test message to each channel of dags/alerts.yaml and say what came back."""
    from wharf import alerts

    here = open_installation()
    channels = here.promises.project.routing.channels
    if unknown := sorted(set(names) - {each.name for each in channels}):
        choices = ", ".join(each.name for each in channels) or "none yet"
        raise click.BadParameter(f"no channel {unknown[0]!r}; channels here: {choices}")
    failed = 0
    for channel in channels:
        if names and channel.name not in names:
            continue
        message = alerts.render(alerts.test_notice(here.settings.env, now()))
        key = f"wharf:{here.settings.env}:test:{channel.name}:{now():%Y%m%dT%H%M%S}"
        try:
            done = alerts.send(channel, message, here.intake.resolve(channel.connection), key)
        except WharfError as error:
            failed += 1
            click.secho(f"{channel.name}: {error}", fg="red", err=True)
        else:
            say(f"{channel.name}: sent, {done.response_id or 'accepted'}")
    sys.exit(1 if failed else 0)
