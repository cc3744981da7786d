"""`wharf doctor`: is this installation able to do its work?"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import click

import wharf
from wharf.errors import WharfError
from wharf.settings import Settings, read_settings


@click.command()
def doctor() -> None:
    """Check settings, ledger, lake, project, Java and the portal's query engine, one line each."""
    settings = read_settings()
    checks: dict[str, Callable[[Settings], str]] = {
        "wharf": _where,
        "airflow": lambda _: metadata.version("apache-airflow"),
        "home": lambda s: f"{s.home} ({_free(s.home):.0f} GB free)",
        "project": _project,
        "ledger": _ledger,
        "lake": _lake,
        "java": _java,
        "portal": _engine,
    }
    failed = 0
    for name, check in checks.items():
        try:
            click.echo(f"{click.style('ok', fg='green')}    {name:<9}{check(settings)}")
        except (WharfError, OSError, metadata.PackageNotFoundError) as error:
            failed += 1
            click.echo(f"{click.style('FAILS', fg='red')} {name:<9}{error}")
    sys.exit(1 if failed else 0)


def _where(_: Settings) -> str:
    return f"{wharf.__version__} from {Path(wharf.__file__).parent}"


def _free(path: Path) -> float:
    existing = next(each for each in (path, *path.parents) if each.exists())
    return shutil.disk_usage(existing).free / 1e9


def _project(settings: Settings) -> str:
    from wharf.contracts import load_project

    project = load_project(settings.project)
    if project.invalid:
        raise project.invalid[0]
    return f"{settings.project}: {len(project.feeds)} feeds, {len(project.products)} products"


def _ledger(settings: Settings) -> str:
    from wharf.ledger import Ledger, feeds

    with Ledger.open(settings.ledger_url).read() as tx:
        return f"{len(feeds.feed_names(tx))} feeds known"


def _lake(settings: Settings) -> str:
    from wharf.lake import open_lake

    return f"{len(open_lake(settings).tables())} tables in {settings.warehouse}"


def _java(_: Settings) -> str:
    wrapper = Path(sys.prefix) / "jre" / "bin" / "java"
    if not wrapper.exists():
        raise FileNotFoundError(f"{wrapper} is missing; run `make setup`")
    return str(wrapper)


def _engine(_: Settings) -> str:
    folder = Path(wharf.__file__).parent / "portal" / "static" / "vendor"
    if not (folder / "duckdb-eh.wasm.gz").exists():
        return "pages work, but without the SQL box: run `make setup` where npm packages can be had"
    return "pages with SQL box"
