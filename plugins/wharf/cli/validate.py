"""`wharf validate`: everything a project's files promise, checked before it runs."""

from __future__ import annotations

import sys

import click

from wharf.contracts import Project, load_project
from wharf.settings import read_settings


@click.command()
@click.option("--quiet", is_flag=True, help="Say nothing when all is well.")
def validate(quiet: bool) -> None:
    """Check contracts, calendars, expectation suites and the dbt project of WHARF_PROJECT."""
    project = load_project(read_settings().project)
    problems = [str(error) for error in project.invalid]
    problems += _suite_problems(project)
    problems += _product_problems(project)
    for problem in problems:
        click.secho(problem, fg="red", err=True)
    if problems:
        click.secho(f"{len(problems)} problems in {project.root}", fg="red", err=True)
        sys.exit(1)
    if not quiet:
        click.echo(
            f"{len(project.feeds)} feeds, {len(project.products)} products, "
            f"{len(project.models)} models, {len(project.calendars)} calendars: all valid"
        )


def _suite_problems(project: Project) -> list[str]:
    from wharf import quality

    found: list[str] = []
    for name, feed in sorted(project.feeds.items()):
        path = quality.suite_path(project.root, name)
        found += quality.check_suite(path, {*feed.columns, "_file", "_line", "_period"})
    for path in sorted(project.root.glob("expectations/products/*.json")):
        found += quality.check_suite(path)
    return found


def _product_problems(project: Project) -> list[str]:
    from wharf.products import check_dbt_project

    return check_dbt_project(project)
