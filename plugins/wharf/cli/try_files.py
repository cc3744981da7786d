"""`wharf try`: what would become of these files? Nothing is kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wharf.cli.installation import now
from wharf.contracts import Feed, load_project
from wharf.errors import ContractError
from wharf.settings import read_settings

if TYPE_CHECKING:
    from wharf.reading import Trial

MARK = {"loaded": "green", "quarantined": "yellow", "refused": "red"}


@click.command("try")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--feed", "feed_name", help="Read by this feed's contract; inferred from the file otherwise."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each file.")
@click.option(
    "--seconds",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0.1),
    help="The longest that reading one file may take.",
)
@click.option(
    "--memory",
    default=1024,
    show_default=True,
    type=click.IntRange(300),
    metavar="MIB",
    help="The most memory that reading one file may take.",
)
def try_files(
    files: tuple[Path, ...], feed_name: str | None, as_json: bool, seconds: float, memory: int
) -> None:
    """Dry run: read files as a delivery, audit them, and say how each would end.

    Each file ends as loaded, quarantined or refused, with its reason and its row counts. Every file
    is read in a process that is stopped when it takes too long or too much memory.
    """
    trials = _trials(files, feed_name, seconds, memory)
    with closing(trials):
        for trial in _with_progress(trials, files):
            said = json.dumps(trial.describe(), default=str) if as_json else _sentence(trial)
            click.echo(said)


def _trials(
    files: Sequence[Path], feed_name: str | None, seconds: float, memory: int
) -> Generator[Trial, None, None]:
    from wharf.reading import Ceiling, try_all

    ceiling = Ceiling(seconds, memory << 20)
    if feed_name is None:
        return try_all(files, ceiling)
    from wharf.decisions.trial import WARM, try_and_audit

    feed = _feed(feed_name)
    project = read_settings().project
    return try_all(files, ceiling, try_and_audit, feed, project, now(), preload=WARM)


def _with_progress(trials: Iterable[Trial], files: Sequence[Path]) -> Iterator[Trial]:
    """Show how far it got where a person looks on and the results go elsewhere."""
    if len(files) < 2 or sys.stdout.isatty() or not sys.stderr.isatty():
        yield from trials
        return
    with click.progressbar(
        trials, length=len(files), label="Reading", show_pos=True, file=sys.stderr
    ) as bar:
        yield from bar


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
