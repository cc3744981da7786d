"""Contract files as they were: each valid text once, by hash; the broken ones by message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache

from sqlalchemy import Connection, delete, func, insert, select

from wharf.contracts import Calendar, ContractFile, Feed, Model, Period, Product
from wharf.contracts.alerts import Routing
from wharf.contracts.spec import Spec, SpecT, build, parse_yaml
from wharf.errors import ContractError
from wharf.ledger.retired import retired_feeds
from wharf.ledger.rows import ContractVersion, read_row
from wharf.ledger.schema import contract_problem, contract_version

PLACES: Mapping[str, type[Spec]] = {
    "dags/feeds/": Feed,
    "dags/products/": Product,
    "dags/calendars/": Calendar,
    "dags/models/": Model,
    "dags/alerts.yaml": Routing,
}


def store_contract(tx: Connection, name: str, file: ContractFile, now: datetime) -> None:
    """Keep a valid contract file, unless it is the version in force already."""
    latest = current_contract(tx, name)
    if latest is None or latest.sha256 != file.sha256:
        tx.execute(
            insert(contract_version).values(
                name=name,
                path=file.path,
                sha256=file.sha256,
                text=file.text,
                stored_at=now,
            )
        )


def current_contract(tx: Connection, name: str) -> ContractVersion | None:
    """The last valid version of a contract."""
    query = (
        select(contract_version)
        .where(contract_version.c.name == name)
        .order_by(contract_version.c.seq.desc())
        .limit(1)
    )
    row = tx.execute(query).first()
    return read_row(ContractVersion, row) if row else None


def current_contracts(tx: Connection) -> dict[str, ContractVersion]:
    """The last valid version of every contract the ledger knows, by name."""
    newest = select(func.max(contract_version.c.seq)).group_by(contract_version.c.name)
    query = select(contract_version).where(contract_version.c.seq.in_(newest))
    return {row.name: read_row(ContractVersion, row) for row in tx.execute(query)}


def feeds_in_force(tx: Connection) -> dict[str, Feed]:
    """Every feed by its last valid contract, whether its file is still there or broken now."""
    stored = current_contracts(tx)
    specs = {name: spec for name, version in stored.items() if (spec := spec_of(version))}
    return feeds_among(specs, retired_feeds(tx))


def feeds_among(specs: Mapping[str, Spec], retired: Mapping[str, str]) -> dict[str, Feed]:
    """The feeds of some contracts: without those renamed since, and ended where retired.

    Args:
        specs: Contracts by name.
        retired: Retired feeds with the ISO day from which on nothing is expected of them.
    """
    feeds = {name: spec for name, spec in specs.items() if isinstance(spec, Feed)}
    renamed = {old for feed in feeds.values() for old in feed.formerly}
    return {
        name: _ended(feed, retired[name]) if name in retired else feed
        for name, feed in feeds.items()
        if name not in renamed
    }


def spec_of(version: ContractVersion) -> Spec | None:
    """What a stored contract says; None where this version of wharf cannot read it any more."""
    for place, kind in PLACES.items():
        if version.path.startswith(place):
            return _parsed(kind, version.path, version.text)
    return None


def contract_by_hash(tx: Connection, sha256: str) -> ContractVersion | None:
    """A stored contract by its bytes' hash."""
    query = select(contract_version).where(contract_version.c.sha256 == sha256).limit(1)
    row = tx.execute(query).first()
    return read_row(ContractVersion, row) if row else None


def set_problems(tx: Connection, problems: Mapping[str, str], now: datetime) -> None:
    """Replace the list of broken contract files; a problem keeps the time it was first seen."""
    known = contract_problems(tx)
    gone = [path for path in known if path not in problems]
    changed = {path: text for path, text in problems.items() if known.get(path) != text}
    for path in (*gone, *changed):
        tx.execute(delete(contract_problem).where(contract_problem.c.path == path))
    for path, text in changed.items():
        tx.execute(insert(contract_problem).values(path=path, message=text, since=now))


def contract_problems(tx: Connection) -> dict[str, str]:
    """What is wrong with which contract file now."""
    query = select(contract_problem).order_by(contract_problem.c.path)
    return {row.path: row.message for row in tx.execute(query)}


@lru_cache(maxsize=4096)
def _parsed(kind: type[SpecT], path: str, text: str) -> SpecT | None:
    try:
        return build(kind, parse_yaml(text, path), path)
    except ContractError:
        return None


def _ended(feed: Feed, first: str) -> Feed:
    """A feed whose promise ends with the period before a day."""
    last = Period.containing(feed.period.kind, date.fromisoformat(first)).previous()
    until = feed.active.until
    if until is not None and feed.parse_period(until).first <= last.first:
        return feed
    active = feed.active.model_copy(update={"until": last.key})
    return feed.model_copy(update={"active": active})
