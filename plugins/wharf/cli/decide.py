"""What a person sets above the contract: one command for each kind of decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from wharf.cli.installation import Installation, now, open_installation, say, who

if TYPE_CHECKING:
    from wharf.decisions import Desk, Person

Command = TypeVar("Command", bound=Callable[..., None])
UNTIL = "Until when: 2026-11-20T09:30 (UTC unless a zone is given), a day, or 2h from now."


def _ending(command: Command) -> Command:
    """The two things that every decision needs."""
    command = click.option("--reason", required=True, help="Why; kept in the audit trail.")(command)
    return click.option("--until", required=True, help=UNTIL)(command)


def _of_delivery(command: Command) -> Command:
    command = click.argument("period", metavar="PERIOD")(_ending(command))
    return click.argument("feed", metavar="FEED")(command)


@click.command()
@_of_delivery
def ack(feed: str, period: str, until: str, reason: str) -> None:
    """Take care of a late or refused delivery: reminders stop until then.

    What is new about it is still told.
    """
    _decide("ack", feed=feed, period=period, until=until, reason=reason)


@click.command()
@_of_delivery
def snooze(feed: str, period: str, until: str, reason: str) -> None:
    """Hear nothing more of a delivery until then, except that it came."""
    _decide("snooze", feed=feed, period=period, until=until, reason=reason)


@click.command()
@_of_delivery
def promise(feed: str, period: str, until: str, reason: str) -> None:
    """Note that a delivery will come later: nobody is told it is late before then.

    The due time stays what the contract says; only the alarm moves, and not beyond the cut-off.
    """
    _decide("promise", feed=feed, period=period, until=until, reason=reason)


@click.command()
@click.argument("feed", metavar="FEED")
@click.argument("period", metavar="PERIOD", required=False, default="")
@click.option("--from", "first", default="", help="First period of a range, in place of PERIOD.")
@click.option("--to", "last", default="", help="Last period of the range, inclusive.")
@_ending
def waive(feed: str, period: str, first: str, last: str, until: str, reason: str) -> None:
    """Expect nothing for a period or a range of periods; what comes all the same is taken.

    A waiver that lasts until the cut-off of a period settles it for good; one that ends before
    gives the period back.
    """
    given = {"period": period, "first": first, "last": last}
    _decide("waive", feed=feed, until=until, reason=reason, **given)


@click.command()
@click.argument("feed", metavar="FEED")
@_ending
def suspend(feed: str, until: str, reason: str) -> None:
    """Expect nothing of a feed that falls due between now and then."""
    _decide("suspend", feed=feed, until=until, reason=reason)


@click.command("accept-partial")
@_of_delivery
def accept_partial(feed: str, period: str, until: str, reason: str) -> None:
    """Take the parts of a delivery that are there for the whole.

    A run that begins until then stages and publishes them; parts that come later restate it.
    """
    _decide("accept_partial", feed=feed, period=period, until=until, reason=reason)


@click.command("use-last-good")
@click.option("--for", "consumer", required=True, help="The product that may.")
@click.option("--max-age", required=True, help="How old at most: 2d, or 1bd for business days.")
@_of_delivery
def use_last_good(
    feed: str, period: str, until: str, reason: str, consumer: str, max_age: str
) -> None:
    """Let one product read an earlier batch in place of a delivery that is not there."""
    more = {"consumer": consumer, "max_age": max_age}
    _decide("use_last_good", feed=feed, period=period, until=until, reason=reason, **more)


@click.command()
@click.argument("verdict", type=click.Choice(["duplicate", "restatement"]))
@click.argument("delivery", type=int)
@click.option("--until", default="1d", show_default=True, help=UNTIL)
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
def mark(verdict: str, delivery: int, until: str, reason: str) -> None:
    """Correct the verdict on a landed file: a mere repetition, or a new version to be staged.

    DELIVERY is its number on the board's page of the delivery.
    """
    from wharf.ledger import deliveries

    here = open_installation()
    with here.intake.ledger.read() as tx:
        landed = deliveries.delivery_by_seq(tx, delivery)
    if landed is None:
        raise click.BadParameter(f"no file was landed as delivery {delivery}")
    about = {"feed": landed.feed, "period": landed.period, "delivery": str(delivery)}
    _decide(f"mark_{verdict}", until=until, reason=reason, **about)


@click.command()
@click.argument("scope", metavar="SCOPE")
@click.option("--from", "since", default="0s", help="Since when; now by default.")
@_ending
def maintenance(scope: str, since: str, until: str, reason: str) -> None:
    """Set a maintenance window: nothing is expected that falls due within it.

    SCOPE is `all`, `supplier:ID`, `connection:ID` or `feed:NAME`.
    """
    from wharf import decisions
    from wharf.decisions.decide import decide_window, window_feeds

    here = open_installation()
    desk, at = desk_of(here), now()
    begins = decisions.parse_instant(since, at, field="from", ends=False)
    ends = decisions.parse_instant(until, at)
    feeds = window_feeds(desk, scope)
    why = decisions.plain(reason)
    made = decide_window(desk, feeds, scope, begins, ends, why, person(), at)
    say(f"{len(made)} feeds, from {begins:%Y-%m-%d %H:%M} until {ends:%Y-%m-%d %H:%M} UTC: {why}")
    more = ", ..." if len(made) > 3 else ""
    say(f"taken back one by one: {', '.join(f'wharf revoke {row.seq}' for row in made[:3])}{more}")


def desk_of(here: Installation) -> Desk:
    """The ledger and the contracts in force."""
    from wharf.decisions import Desk

    return Desk.of(here.intake.ledger, here.promises.project, here.promises.feeds)


def person() -> Person:
    """The person at the command line: a user of this machine has not signed in."""
    from wharf.decisions import Person

    return Person(who(), "cli")


def _decide(kind: str, **fields: str) -> None:
    from wharf import decisions

    here = open_installation()
    desk, at = desk_of(here), now()
    wish = decisions.read_wish(desk, {"kind": kind, **fields}, at, tz="UTC")
    say(decisions.sentence(decisions.decide(desk, wish, person(), at), at))
