"""Contract files as they were: each valid text once, by hash; the broken ones by message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from wharf.contracts import ContractFile, Feed
from wharf.contracts.spec import build, parse_yaml
from wharf.ledger.rows import ContractVersion, read_row
from wharf.ledger.schema import contract_problem, contract_version


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
    renamed: set[str] = set()
    found: dict[str, Feed] = {}
    for name, version in current_contracts(tx).items():
        if version.path.startswith("dags/feeds/"):
            found[name] = build(Feed, parse_yaml(version.text, version.path), version.path)
            renamed |= set(found[name].formerly)
    return {name: feed for name, feed in found.items() if name not in renamed}


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
