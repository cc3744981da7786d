"""`wharf model`: train, list, promote, roll back and serve scoring models."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from wharf.cli.installation import now, open_installation, say, who
from wharf.errors import ModelError
from wharf.settings import read_settings


@click.group()
def model() -> None:
    """Train, list, promote, roll back and serve scoring models."""


@model.command()
@click.argument("name")
def train(name: str) -> None:
    """Train a new version on the released training product; the first becomes champion."""
    from wharf.scoring import ScoreContext, train_on_release

    here = open_installation()
    if name not in here.promises.project.models:
        choices = ", ".join(sorted(here.promises.project.models)) or "none yet"
        raise ModelError(f"no model {name!r}; models here: {choices}")
    place = here.intake
    version = train_on_release(
        ScoreContext(place.settings, place.ledger, place.lake, place.batches),
        here.promises.project.models[name],
        now=now(),
        by=who(),
    )
    say(f"{name} version {version.version}: {version.metrics.get('test', version.metrics)}")


@model.command("list")
@click.argument("name")
def list_versions(name: str) -> None:
    """List the versions of a model, and which is champion."""
    from wharf.ledger import models

    here = open_installation()
    with here.intake.ledger.read() as tx:
        rows = models.versions_of(tx, name)
        champion = models.aliased(tx, name, "champion")
    table = Table("version", "trained", "state", "AUC", "champion")
    for row in rows:
        auc = row.metrics.get("test", {}).get("auc", "")
        table.add_row(
            str(row.version), f"{row.at:%Y-%m-%d %H:%M}", row.state, str(auc),
            "yes" if row.version == champion else "",
        )  # fmt: skip
    Console().print(table)


@model.command()
@click.argument("name")
@click.argument("version", type=int)
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
def promote(name: str, version: int, reason: str) -> None:
    """Make a version the champion."""
    from wharf.scoring import registry

    here = open_installation()
    registry.promote(here.intake.ledger, name, version, reason=reason, actor=who(), now=now())
    say(f"{name}: version {version} is champion")


@model.command()
@click.argument("name")
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
def rollback(name: str, reason: str) -> None:
    """Make the version that was champion before champion again."""
    from wharf.scoring import registry

    here = open_installation()
    event = registry.rollback(here.intake.ledger, name, reason=reason, actor=who(), now=now())
    say(f"{name}: version {event.version} is champion again, in place of {event.previous}")


@model.command()
@click.argument("names", nargs=-1)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8091, show_default=True, help="Port to listen on.")
@click.option(
    "--max-rows", default=5000, show_default=True, type=click.IntRange(1),
    help="The most records of one request.",
)  # fmt: skip
@click.option(
    "--max-megabytes", default=8, show_default=True, type=click.IntRange(1),
    help="The most megabytes of one request.",
)  # fmt: skip
@click.option(
    "--max-requests", default=256, show_default=True, type=click.IntRange(1),
    help="The most requests at one time; more are answered 503.",
)  # fmt: skip
def serve(
    names: tuple[str, ...],
    host: str,
    port: int,
    max_rows: int,
    max_megabytes: int,
    max_requests: int,
) -> None:
    """Score single records over HTTP with the champions of NAMES; with all models when none.

    Speaks the Open Inference Protocol 2 (POST /v2/models/NAME/infer) and takes raw records
    (POST /invocations/NAME). A new champion is taken up within a second, and no request is lost.
    """
    from wharf.ledger import Ledger
    from wharf.scoring.online import Served, serve
    from wharf.scoring.online.app import Limits
    from wharf.scoring.online.server import Address

    settings = read_settings()
    served = Served(Ledger.open(settings.ledger_url), settings.models, names)
    say(f"scoring on http://{host}:{port}/v2 (POST /invocations/NAME); Ctrl-C ends it")
    serve(
        served, Address(host, port), Limits(max_rows, max_megabytes * 1024**2),
        clock=now, concurrency=max_requests,
    )  # fmt: skip
