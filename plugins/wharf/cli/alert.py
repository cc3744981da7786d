"""`wharf alert`: the channels of messages, and whether one reaches them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table

from wharf.cli.installation import Installation, now, open_installation, say
from wharf.contracts.alerts import ALL_NEWS, Channel
from wharf.errors import WharfError
from wharf.ledger.channel_news import ChannelNews, channel_news


@click.group()
def alert() -> None:
    """Messages and the channels they go to."""


@alert.command()
@click.argument("names", metavar="[CHANNEL]...", nargs=-1)
@click.option("--show", is_flag=True, help="Print what would be sent, and send nothing.")
def test(names: tuple[str, ...], show: bool) -> None:
    """Send one test message to each channel of dags/alerts.yaml, or to those named.

    At a pager it opens an incident and closes it at once.
    """
    from wharf import alerts

    here = open_installation()
    failed = 0
    for channel in _chosen(here, names):
        message = alerts.render(alerts.test_notice(here.settings.env, now()), now())
        key = f"wharf:{here.settings.env}:test:{channel.name}:{now():%Y%m%dT%H%M%S}"
        try:
            if show:
                say(f"{channel.name} ({channel.kind}):\n{alerts.preview(channel, message, key)}\n")
                continue
            done = alerts.send(channel, message, here.intake.resolve(channel.connection), key)
        except WharfError as error:
            failed += 1
            click.secho(f"{channel.name}: {error}", fg="red", err=True)
        else:
            note = f"; {done.note}" if done.note else ""
            say(f"{channel.name}: sent, {done.response_id or 'accepted'}{note}")
    sys.exit(1 if failed else 0)


@alert.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_channels(as_json: bool) -> None:
    """List the channels: what they hear, when they last took a message, what went wrong last."""
    here = open_installation()
    with here.intake.ledger.read() as tx:
        news = channel_news(tx)
    channels = here.promises.project.routing.channels
    if as_json:
        for channel in channels:
            said = _as_json(channel, news.get(channel.name, ChannelNews()))
            say(json.dumps(said, default=str))
        return
    if not channels:
        say("no channels yet; name them in dags/alerts.yaml (docs/channels.md)")
        return
    table = Table("channel", "kind", "hears", "last sent", "waiting", "given up", "last trouble")
    for channel in channels:
        found = news.get(channel.name, ChannelNews())
        sent = f"{found.last_sent_at:%Y-%m-%d %H:%M}Z" if found.last_sent_at else "never"
        trouble = f"{found.trouble_at:%Y-%m-%d %H:%M}Z {found.trouble}" if found.trouble_at else ""
        table.add_row(
            channel.name, channel.kind, _hears(channel), sent, str(found.waiting),
            str(found.failed), trouble,
        )  # fmt: skip
    Console().print(table)


def _chosen(here: Installation, names: Sequence[str]) -> list[Channel]:
    channels = here.promises.project.routing.channels
    if unknown := sorted(set(names) - {each.name for each in channels}):
        choices = ", ".join(each.name for each in channels) or "none yet"
        raise click.BadParameter(f"no channel {unknown[0]!r}; channels here: {choices}")
    return [each for each in channels if not names or each.name in names]


def _hears(channel: Channel) -> str:
    parts = [f"{channel.min_level} and louder"]
    if channel.suppliers != ("*",):
        parts.append(f"of {', '.join(channel.suppliers)}")
    if channel.feeds != ("*",):
        parts.append(f"feeds {', '.join(channel.feeds)}")
    if channel.news != ALL_NEWS:
        parts.append(f"news {', '.join(channel.news)}")
    if channel.attention is not None:
        first, last = channel.attention.hours
        parts.append(f"pages {first:%H:%M}-{last:%H:%M} {channel.attention.tz}")
    if channel.digest is not None:
        parts.append(f"digest {channel.digest:%H:%M} {channel.digest_tz}")
    return "; ".join(parts)


def _as_json(channel: Channel, news: ChannelNews) -> dict[str, object]:
    return {
        "channel": channel.name,
        "kind": channel.kind,
        "min_level": channel.min_level,
        "suppliers": channel.suppliers,
        "feeds": channel.feeds,
        "news": channel.news,
        "last_sent_at": news.last_sent_at.isoformat() if news.last_sent_at else None,
        "waiting": news.waiting,
        "failed": news.failed,
        "trouble_at": news.trouble_at.isoformat() if news.trouble_at else None,
        "trouble": news.trouble,
    }
