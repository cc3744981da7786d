"""Connections that cannot be looked at: told once, whatever lies behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from urllib.parse import urlsplit

from wharf.contracts import ResolveConnection
from wharf.errors import WharfError
from wharf.ledger import Ledger, Transaction, polls
from wharf.ledger import incidents as rows
from wharf.ledger.rows import Incident
from wharf.timeliness.incidents import OPENS_AGAIN_WITHIN, dedup_key
from wharf.timeliness.inhibition import Looks, Trouble, troubles
from wharf.watch.groups import Desk, close_group, let_go
from wharf.watch.promises import Promises

_LONGEST_ERROR = 300


def hosts_of(
    ledger: Ledger, promises: Promises, resolve: ResolveConnection
) -> tuple[dict[str, str], bool]:
    """The hosts of connections whose last look failed, and whether there is anything to watch.

    Credentials are read outside any transaction, and only where something is wrong.
    """
    with ledger.read() as tx:
        looks = _used(polls.last_looks(tx), promises)
        standing = rows.open_of_kind(tx, "connection")
    failing = [each.connection for each in looks if each.failing_since is not None]
    told = {name: str(e.detail["host"]) for e in standing for name in e.detail["connections"]}
    asked = {name: _host(name, resolve) for name in sorted(set(failing) - set(told))}
    return {**asked, **told}, bool(failing or standing)


def watch_connections(desk: Desk, hosts: Mapping[str, str]) -> tuple[int, dict[str, int], set[str]]:
    """Open, extend and resolve the incidents of connections.

    Args:
        desk: The tick's transaction.
        hosts: Host of each connection whose looks fail.

    Returns:
        How many were resolved, the open incident of each connection that cannot be looked at, and
        the connections whose last look failed.
    """
    looks = _used(polls.last_looks(desk.tx), desk.promises)
    standing = {str(each.detail["host"]): each for each in rows.open_of_kind(desk.tx, "connection")}
    known = {host: _as_trouble(each) for host, each in standing.items()}
    new, over = troubles(looks, hosts, known, desk.settings.look_every)
    for host, trouble in new.items():
        standing[host] = _keep(desk, trouble, standing.get(host))
    for host in over:
        _end(desk, standing.pop(host))
    down = {name: each.id for each in standing.values() for name in each.detail["connections"]}
    return len(over), down, {e.connection for e in looks if e.failing_since is not None}


def _used(looks: Iterable[Looks], promises: Promises) -> list[Looks]:
    names = {feed.source.connection for feed in promises.feeds.values()}
    return [each for each in looks if each.connection in names]


def _host(name: str, resolve: ResolveConnection) -> str:
    """The host of a connection; itself where it has none or is not set up."""
    try:
        found = resolve(name)
    except WharfError:
        return name
    host = (urlsplit(found.host).hostname or "") if "://" in found.host else found.host
    return name if found.kind == "local" else host or name


def _as_trouble(row: Incident) -> Trouble:
    since = datetime.fromisoformat(row.detail["since"])
    return Trouble(str(row.detail["host"]), tuple(row.detail["connections"]), since)


def _keep(desk: Desk, trouble: Trouble, stands: Incident | None) -> Incident:
    """Open an incident, open the last one again, or add connections to the one that is open."""
    names = ", ".join(trouble.connections[:5])
    more = len(trouble.connections) - 5
    names += f" and {more} more" if more > 0 else ""
    where = names if trouble.connections == (trouble.host,) else f"{names} on {trouble.host}"
    feeds = sum(
        each.source.connection in trouble.connections for each in desk.promises.feeds.values()
    )
    behind = f"{feeds} feed{'' if feeds == 1 else 's'} behind it cannot be judged"
    error = " ".join(trouble.error.split())[:_LONGEST_ERROR]
    about = f"looks at {where} fail since {trouble.since:%Y-%m-%d %H:%M} UTC; {behind}: {error}"
    facts = {
        "host": trouble.host,
        "connections": list(trouble.connections),
        "since": trouble.since.isoformat(),
        "about": about,
    }
    if stands is not None:
        detail = {**stands.detail, **facts}
        rows.change_incident(desk.tx, stands.id, detail=detail, wakes_at=desk.now)
        return _read(desk.tx, stands.id)
    key = dedup_key(desk.settings.env, "connection", trouble.host)
    fresh = {"condition": "", "loudest": "L1", "waits": False, "told_at": desk.now.isoformat()}
    last = rows.last_incident(desk.tx, key)
    if last is not None and last.resolved_at and desk.now - last.resolved_at <= OPENS_AGAIN_WITHIN:
        rows.change_incident(
            desk.tx, last.id, resolved_at=None, detail={**fresh, **facts}, wakes_at=desk.now
        )
        return _read(desk.tx, last.id)
    return rows.open_incident(
        desk.tx,
        Incident(
            feed="",
            period="",
            kind="connection",
            dedup_key=key,
            level="L1",
            opened_at=trouble.since,
            what=about,
            detail={**fresh, **facts},
            wakes_at=desk.now,
        ),
    )


def _end(desk: Desk, row: Incident) -> None:
    """Resolve an incident; what is late all the same speaks for itself from now on."""
    freed = let_go(desk, row.id)
    names = ", ".join(row.detail["connections"][:5])
    what = f"looks at {names} succeed again, after failing since {row.detail['since'][:16]} UTC"
    close_group(desk, row, what, [each.what for each in freed])


def _read(tx: Transaction, incident_id: int) -> Incident:
    return rows.incidents_by_id(tx, [incident_id])[incident_id]
