"""What people decided: the list, and taking a decision back."""

from __future__ import annotations

import json

import click

from wharf.cli.decide import desk_of, person
from wharf.cli.installation import now, open_installation, say


@click.command()
@click.argument("feed", metavar="[FEED]", required=False)
@click.option("--in-force", is_flag=True, help="Only those that go on.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def decisions(feed: str | None, in_force: bool, as_json: bool) -> None:
    """List what people decided, of one feed or of all, the last one last."""
    from wharf.decisions import describe, sentence
    from wharf.ledger import decisions as rows

    here = open_installation()
    at = now()
    with here.intake.ledger.read() as tx:
        found = rows.decisions_of(tx, here.feed(feed).feed) if feed else rows.all_decisions(tx)
    found = [row for row in found if rows.goes_on(row, at) or not in_force]
    if not found and not as_json:
        say("no decisions")
    for row in found:
        text = json.dumps(describe(row, at)) if as_json else f"{row.seq}  {sentence(row, at)}"
        click.echo(text)


@click.command()
@click.argument("decision", type=int)
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
def revoke(decision: int, reason: str) -> None:
    """Take a decision back from now on; DECISION is its number in `wharf decisions`."""
    from wharf import decisions as room

    at = now()
    desk = desk_of(open_installation())
    row = room.revoke(desk, decision, room.plain(reason), person(), at)
    say(room.sentence(row, at))


@click.group()
def proposal() -> None:
    """Closed product periods that would come out differently, and a person's word on them."""


@proposal.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_proposals(as_json: bool) -> None:
    """List proposals that wait for a word."""
    from wharf.ledger import proposals

    here = open_installation()
    with here.intake.ledger.read() as tx:
        waiting = proposals.open_proposals(tx)
    for row in waiting:
        if as_json:
            said = {"proposal": row.seq, "product": row.product, "period": row.period,
                    "why": row.why, "at": row.at.isoformat()}  # fmt: skip
            click.echo(json.dumps(said))
        else:
            say(f"{row.seq}  {row.product} {row.period}: {row.why}")
    if not waiting and not as_json:
        say("no proposal waits")


@proposal.command()
@click.argument("number", type=int, metavar="PROPOSAL")
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
def accept(number: int, reason: str) -> None:
    """Have the product period made again; the next tick starts its run."""
    _settle(number, "accept", reason)


@proposal.command()
@click.argument("number", type=int, metavar="PROPOSAL")
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
def decline(number: int, reason: str) -> None:
    """Leave the product period as it is."""
    _settle(number, "decline", reason)


def _settle(number: int, word: str, reason: str) -> None:
    from wharf.decisions import plain
    from wharf.decisions.offers import settle_offer

    desk = desk_of(open_installation())
    row = settle_offer(desk, number, word, plain(reason), person(), now())
    say(f"{row.product} {row.period}: {row.verdict}; {plain(reason)}")
