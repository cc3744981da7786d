"""`wharf promise`: a supplier said it will come later."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from wharf.cli.installation import now, open_installation, say, who
from wharf.ledger import decisions, expected
from wharf.ledger.rows import Decision


@click.command()
@click.argument("feed_name", metavar="FEED")
@click.argument("period_key", metavar="PERIOD")
@click.option(
    "--until", required=True, help="Until when, as 2026-11-20T09:30 (UTC unless a zone is given)."
)
@click.option("--reason", required=True, help="Who said so, and why.")
def promise(feed_name: str, period_key: str, until: str, reason: str) -> None:
    """Note that a delivery will come later: nobody is told it is late before then.

    The due time stays what the contract says; only the alarm moves.
    """
    here = open_installation()
    feed = here.feed(feed_name)
    period = feed.parse_period(period_key)
    try:
        instant = datetime.fromisoformat(until)
    except ValueError:
        raise click.BadParameter(f"{until!r} is not a time such as 2026-11-20T09:30") from None
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    at = now()
    with here.intake.ledger.write() as tx:
        decisions.record_decision(
            tx, Decision(feed.feed, period.key, "promise", instant, who(), reason, at)
        )
        expected.make_due(tx, feed.feed, [period.key], at)
    say(f"{feed.feed} {period}: promised until {instant:%Y-%m-%d %H:%M %Z}; {reason}")
