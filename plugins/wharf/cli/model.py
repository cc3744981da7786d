"""`wharf model`: train, list, promote and roll back scoring models."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from wharf.cli.installation import now, open_installation, say, who
from wharf.errors import ModelError


@click.group()
def model() -> None:
    """Train, list, promote and roll back scoring models."""


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
