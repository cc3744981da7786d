"""`wharf feed`: a first contract read off a supplier's file; the end of one whose file is gone."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click
import yaml

from wharf.contracts import Feed, load_feed
from wharf.errors import ContractError
from wharf.settings import read_settings

if TYPE_CHECKING:
    from wharf.reading import Proposal

DATE = re.compile(r"(20\d\d)([-_]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])")


@click.group()
def feed() -> None:
    """Feeds and their contracts."""


@feed.command()
@click.argument("name", metavar="SUPPLIER.FEED")
@click.option(
    "--from",
    "sample",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file as the supplier sends it.",
)
@click.option(
    "--sensitive",
    multiple=True,
    metavar="COLUMN",
    help="A column whose values may stand nowhere, not in the suite either; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Print the contract; write nothing.")
def new(name: str, sample: Path, sensitive: tuple[str, ...], dry_run: bool) -> None:
    """Write a feed file and a starter suite that take this very file in.

    What the file shows of ranges, lengths, patterns and small sets becomes warnings of the suite.

    Columns, types, dialect and header row are read off the file; the times are proposals to edit.
    """
    from wharf.decisions.trial import attempt
    from wharf.reading import SourceFile, infer_contract

    supplier, dot, short = name.partition(".")
    if not dot or not re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", name):
        raise click.BadParameter(f"{name!r} is no name; write SUPPLIER.FEED, such as acme.prices")
    root = read_settings().project
    target = root / "dags" / "feeds" / supplier / f"{short}.yaml"
    suite = root / "expectations" / supplier / f"{short}.json"
    if taken := [path for path in (target, suite) if path.exists()]:
        raise ContractError(str(taken[0]), ["exists already; edit it, or choose another name"])
    proposal = _marked(infer_contract(SourceFile(sample, sample.name, "")), sensitive)
    text = _contract_text(name, sample, proposal)
    if dry_run:
        click.echo(text)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    suite.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    proposed = _suite(load_feed(target), sample)
    suite.write_text(json.dumps(proposed, indent=2) + "\n", encoding="utf-8")
    trial = attempt(sample, load_feed(target), root, datetime.now(UTC))
    click.echo(f"wrote {target}\nwrote {suite}")
    click.echo(
        f"this file would be {trial.outcome}: "
        f"{trial.rows_staged:,} of {trial.rows_in_file:,} rows staged"
    )
    click.echo(
        f"Next: edit the times and source.connection in the feed file, set "
        f"AIRFLOW_CONN_{supplier.upper()}_INBOX, "
        f"then `wharf validate` and `wharf run {name} PERIOD`."
    )


@feed.command()
@click.argument("name", metavar="FEED")
@click.option(
    "--from",
    "first",
    required=True,
    metavar="PERIOD",
    help="The first period that is not expected any more: its key, or a date inside it.",
)
@click.option("--reason", required=True, help="Why it ends, for the audit trail.")
def retire(name: str, first: str, reason: str) -> None:
    """End the promise of a feed whose contract file is gone.

    Until then its deliveries stay expected, and late. What has come stays as it is; the feed is
    expected again when its file is back. A feed that has a file ends by active.until in it.
    """
    from wharf.cli.installation import now, open_installation, who
    from wharf.ledger.retired import retire_feed, retired_feeds

    here = open_installation()
    ending = here.feed(name)
    file = here.settings.project / f"dags/feeds/{name.replace('.', '/')}.yaml"
    if file.exists():
        last = ending.parse_period(first).previous()
        hint = f"has a file: set active.until to {last.key!r} in it, or remove it first"
        raise ContractError(name, [hint])
    period = ending.parse_period(first)
    with here.intake.ledger.write() as tx:
        if since := retired_feeds(tx).get(name):
            raise ContractError(name, [f"is retired already, from {since} on"])
        ended = retire_feed(tx, name, period.first, who(), reason, now())
    click.echo(
        f"{name} is retired from {period} on; {len(ended)} periods are not expected any more"
    )


def _contract_text(name: str, sample: Path, proposal: Proposal) -> str:
    supplier = name.partition(".")[0]
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    contract: dict[str, Any] = {
        "feed": name,
        "about": f"Proposed from {sample.name}; say in one sentence what it is.",
        "active": {"from": yesterday.isoformat()},
        "table": f"raw.{name.replace('.', '_')}",
        "content": "snapshot",
        **({"key": list(proposal.key)} if proposal.key else {}),
        "supplier": {"id": supplier},
        "source": {
            "kind": "local",
            "connection": f"{supplier}_inbox",
            "path": _pattern(sample.name),
        },
        "format": _plain(proposal.format.model_dump(mode="json", exclude_defaults=True)),
        "columns": {
            column: _plain(spec.model_dump(mode="json", exclude_defaults=True))
            for column, spec in proposal.columns.items()
        },
        "period": {"kind": "day"},
        "timeliness": {
            "tz": "UTC", "opens": "T+0 00:00", "due": "T+1d 06:00", "grace": "20m",
            "cutoff": "T+3d 00:00",
        },
    }  # fmt: skip
    contract["format"]["kind"] = proposal.format.kind
    return yaml.safe_dump(
        contract, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
    )


def _pattern(name: str) -> str:
    dated = DATE.search(name)
    if not dated:
        stem, dot, ending = name.partition(".")
        return f"{stem}_{{period:%Y%m%d}}{dot}{ending}"
    mark = dated[2]
    return f"{name[: dated.start()]}{{period:%Y{mark}%m{mark}%d}}{name[dated.end() :]}"


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in value.items()}


def _marked(proposal: Proposal, sensitive: tuple[str, ...]) -> Proposal:
    columns = dict(proposal.columns)
    for name in sensitive:
        if name not in columns:
            raise click.BadParameter(f"no column {name!r}; columns: {', '.join(columns)}")
        columns[name] = columns[name].model_copy(update={"sensitive": True})
    return replace(proposal, columns=columns)


def _suite(feed: Feed, sample: Path) -> dict[str, Any]:
    from wharf import quality
    from wharf.decisions.trial import stage_sample

    with TemporaryDirectory(prefix="wharf-new-") as folder:
        return quality.starter_suite(
            feed.feed,
            {column: spec.type for column, spec in feed.columns.items()},
            key=feed.key,
            required=[column for column, spec in feed.columns.items() if spec.required],
            sensitive=feed.sensitive,
            staged=stage_sample(sample, feed, Path(folder)),
        )
