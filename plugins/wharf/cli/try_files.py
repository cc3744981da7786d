"""`wharf try`: what would become of these files? Nothing is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wharf.cli.installation import now
from wharf.contracts import Feed, load_project
from wharf.errors import ContractError
from wharf.settings import read_settings

if TYPE_CHECKING:
    from wharf.decisions.trial import Trial

MARK = {"loaded": "green", "quarantined": "yellow", "refused": "red"}


@click.command("try")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--feed", "feed_name", help="Read by this feed's contract; inferred from the file otherwise."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each file.")
def try_files(files: tuple[Path, ...], feed_name: str | None, as_json: bool) -> None:
    """Dry run: read files as a delivery, audit them, and say how each would end.

    Each file ends as loaded, quarantined or refused, with its reason and its row counts.
    """
    from wharf.decisions.trial import attempt

    feed = _feed(feed_name) if feed_name else None
    for file in files:
        trial = attempt(file, feed, read_settings().project, now())
        click.echo(json.dumps(trial.describe(), default=str) if as_json else _sentence(trial))


def _feed(name: str) -> Feed:
    project = load_project(read_settings().project)
    if name not in project.feeds:
        choices = ", ".join(sorted(project.feeds)) or "none yet"
        raise ContractError("dags/feeds", [f"no feed {name!r}; feeds here: {choices}"])
    return project.feeds[name]


def _sentence(trial: Trial) -> str:
    outcome = click.style(f"{trial.outcome:<11}", fg=MARK[trial.outcome])
    counts = (
        f"{trial.rows_in_file:,} rows: {trial.rows_staged:,} staged, "
        f"{trial.rows_quarantined:,} quarantined"
    )
    lines = [f"{outcome} {trial.file}", f"            {counts}"]
    if trial.reason:
        lines.append(f"            {trial.reason}")
    return "\n".join([*lines, *(f"            note: {note}" for note in trial.notes)])
