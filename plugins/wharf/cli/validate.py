"""`wharf validate`: everything a project's files promise, checked before it runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import click

from wharf.cli.installation import now
from wharf.contracts import Project, load_project
from wharf.errors import LedgerError
from wharf.settings import Settings, read_settings
from wharf.timeliness.lint import Finding, lint

SQLITE = "sqlite:///"
COLOUR = {"error": "red", "warning": "yellow"}


@click.command()
@click.option("--quiet", is_flag=True, help="Say nothing when all is well.")
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each finding.")
def validate(quiet: bool, strict: bool, as_json: bool) -> None:
    """Check contracts, calendars, expectation suites and the dbt project of WHARF_PROJECT.

    Errors are what cannot work: broken files, clock points out of order, a calendar that ended, a
    password in a file. Warnings ask for a look: a calendar that ends soon, an input without a
    written policy. The exit code is 1 when there is an error.
    """
    settings = read_settings()
    project = load_project(settings.project)
    broken = [_broken(text) for error in project.invalid for text in str(error).splitlines()]
    broken += [_broken(text) for text in (*_suite_problems(project), *_product_problems(project))]
    found = [*broken, *lint(project, now(), _measured(settings))]
    for finding in found:
        if as_json:
            click.echo(json.dumps(vars(finding)))
        else:
            click.secho(f"{finding.level}: {finding}", fg=COLOUR[finding.level], err=True)
    errors = sum(finding.level == "error" for finding in found)
    if not as_json and not (quiet and not found):
        _sum_up(project, errors, len(found) - errors)
    if errors or (strict and found):
        sys.exit(1)


def _sum_up(project: Project, errors: int, warnings: int) -> None:
    if errors or warnings:
        told = f"{errors} errors, {warnings} warnings in {project.root}"
        click.secho(told, fg="red" if errors else "yellow", err=True)
        return
    click.echo(
        f"{len(project.feeds)} feeds, {len(project.products)} products, "
        f"{len(project.models)} models, {len(project.calendars)} calendars: all valid"
    )


def _broken(text: str) -> Finding:
    file, colon, rest = text.partition(": ")
    return Finding("error", file if colon else "", rest if colon else text)


def _measured(settings: Settings) -> Mapping[str, timedelta]:
    """How long processing takes; nothing where there is no ledger yet, or it does not answer."""
    from wharf.ledger import Ledger
    from wharf.ledger.processing import processing_times

    url = settings.ledger_url
    if url.startswith(SQLITE) and not Path(url.removeprefix(SQLITE)).exists():
        return {}
    try:
        with Ledger.open(url).read() as tx:
            return processing_times(tx)
    except LedgerError:
        return {}


def _suite_problems(project: Project) -> list[str]:
    from wharf import quality

    found = [f"{file}: {why}" for file, why in quality.check_custom(project.root).items()]
    for name, feed in sorted(project.feeds.items()):
        path = quality.suite_path(project.root, name)
        found += quality.check_suite(path, {*feed.columns, "_file", "_line", "_period"})
    for path in sorted(project.root.glob("expectations/products/*.json")):
        found += quality.check_suite(path)
    return found


def _product_problems(project: Project) -> list[str]:
    from wharf.products import check_dbt_project

    return check_dbt_project(project)
