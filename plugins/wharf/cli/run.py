"""`wharf run` and `wharf deliver`: one delivery on its way, without Airflow."""

from __future__ import annotations

from pathlib import Path

import click

from wharf.cli.installation import Installation, now, open_installation, say, who
from wharf.contracts import Feed, Period


@click.command()
@click.argument("feed_name", metavar="FEED")
@click.argument("period_key", metavar="PERIOD")
@click.option(
    "--dry-run", is_flag=True, help="Look and say what would be taken in; change nothing."
)
def run(feed_name: str, period_key: str, dry_run: bool) -> None:
    """Take one delivery in: look, land, stage, audit, publish.

    PERIOD is a key such as 2026-11-20, 2026-W47 or 2026-11, or any date inside the period.
    """
    from wharf.sources import open_source
    from wharf.timeliness import matching
    from wharf.watch.expect import expect_one
    from wharf.watch.look import look_for

    here = open_installation()
    feed = here.feed(feed_name)
    period = feed.parse_period(period_key)
    if dry_run:
        source = open_source(here.intake.resolve(feed.source.connection))
        patterns = list(matching.expected_paths(feed, period).values())
        for seen in source.list(patterns):
            say(f"would take {seen.path} ({seen.size:,} bytes)")
        return
    expect_one(here.intake.ledger, here.promises.project, feed, period, _hash(here, feed), now())
    say(f"look     {look_for(here.intake, feed, period, now())}")
    _take_in(here, feed, period)


@click.command()
@click.argument("feed_name", metavar="FEED")
@click.argument("period_key", metavar="PERIOD")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--part", default="", help="Which part the file is, where the feed has parts.")
def deliver(feed_name: str, period_key: str, file: Path, part: str) -> None:
    """Hand in a file that came another way, then take it in like any delivery."""
    from wharf import intake
    from wharf.cli.decide import desk_of, person
    from wharf.decisions.handing_in import note_handed_in
    from wharf.watch.expect import expect_one

    here = open_installation()
    feed = here.feed(feed_name)
    period = feed.parse_period(period_key)
    expect_one(here.intake.ledger, here.promises.project, feed, period, _hash(here, feed), now())
    handed = intake.hand_in(here.intake, feed, period, part, file, now=now())
    note_handed_in(desk_of(here), handed, person(), now())
    say(f"hand in  {file.name}: {handed.verdict}, version {handed.version}")
    _take_in(here, feed, period)


def _take_in(here: Installation, feed: Feed, period: Period) -> None:
    from wharf import intake
    from wharf.watch.evaluate import settle

    ctx = here.intake
    try:
        for each in intake.land_delivery(ctx, feed, period, now=now()):
            say(f"land     {each.path}: {each.verdict}, version {each.version}")
        batch_id = intake.stage_batch(ctx, feed, period, now=now(), run_id=who())
        say(f"stage    batch {batch_id}")
        intake.audit_batch(ctx, feed, batch_id, now=now())
        say("audit    passed")
        snapshot = intake.publish_batch(ctx, feed, batch_id, now=now(), by=who())
        say(f"publish  {feed.table}, snapshot {snapshot}")
    finally:
        state = settle(ctx, here.promises, feed, period, now())
        say(f"state    {state.timeliness}, {state.delivery}: {state.reason}")


def _hash(here: Installation, feed: Feed) -> str:
    return here.promises.hashes.get(feed.feed, "")
