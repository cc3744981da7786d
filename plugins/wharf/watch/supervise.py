"""Supervising incidents: who speaks for whom, what waits no longer, whom to remind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from wharf.contracts import ResolveConnection
from wharf.ledger import Ledger, expected, outbox
from wharf.ledger import incidents as rows
from wharf.ledger.rows import Incident
from wharf.settings import Settings
from wharf.timeliness.grouping import TAKES_IN_FOR, Member, arrange
from wharf.watch.connections import hosts_of, watch_connections
from wharf.watch.groups import (
    KINDS,
    Desk,
    close_group,
    found_group,
    member_of,
    take_in,
    tell_groups,
)
from wharf.watch.promises import Promises
from wharf.watch.reminders import next_reminder, remind

COLLECTS_FOR = timedelta(minutes=15)
"""A summary of old news leaves by then, whatever is still to be evaluated."""


def supervise(
    ledger: Ledger,
    promises: Promises,
    settings: Settings,
    resolve: ResolveConnection,
    now: datetime,
) -> int:
    """Do what is ripe about open incidents, after the evaluation of a tick.

    Args:
        ledger: The ledger.
        promises: Contracts in force.
        settings: Of the installation; `group_wait` among them.
        resolve: Finds the hosts of connections that cannot be looked at.
        now: The instant of the tick.

    Returns:
        How many transitions of groups were recorded.
    """
    hosts, is_trouble = hosts_of(ledger, promises, resolve)
    with ledger.read() as tx:
        if not is_trouble and not rows.awake(tx, now, limit=1):
            return 0
    with ledger.write() as tx:
        desk = Desk(tx, promises, settings, now)
        resolved, down, failing = watch_connections(desk, hosts)
        awake = rows.awake(tx, now)
        waiting = [each for each in awake if each.detail.get("waits") and each.kind == "late"]
        touched = _arrange(desk, waiting, down, failing)
        groups = {each.id: each for each in awake if each.kind in KINDS}
        groups |= rows.incidents_by_id(tx, touched - set(groups))
        collecting = [e for e in groups.values() if e.detail.get("waits") and not _is_ripe(desk, e)]
        ended = [each for each in groups.values() if each.detail.get("ended")]
        for each in ended:
            close_group(desk, each, str(each.detail["ended"]), ())
        done = {each.id for each in (*collecting, *ended)}
        ready = [each for key, each in sorted(groups.items()) if key not in done]
        told, quiet = tell_groups(desk, ready)
        alone = [e for e in awake if e.kind not in KINDS and not e.detail.get("waits")]
        _remind(desk, [*alone, *quiet])
    return resolved + len(ended) + told


def _arrange(
    desk: Desk, waiting: Sequence[Incident], down: dict[str, int], failing: set[str]
) -> set[int]:
    """Decide who speaks for incidents that nobody was told of yet; gives the groups with news."""
    if not waiting:
        return set()
    suppliers = {each.supplier for each in waiting}
    recent = rows.open_of_suppliers(desk.tx, suppliers, desk.now - TAKES_IN_FOR)
    done = arrange(
        [member_of(each) for each in waiting],
        [member_of(each) for each in recent if _was_told_alone(each)],
        {each.supplier: each.id for each in recent if each.kind == "supplier"},
        down=down,
        failing=failing,
        wait=desk.settings.group_wait,
        now=desk.now,
    )
    touched = set(done.joined)
    for group_id, members in done.joined.items():
        take_in(desk, group_id, members)
    for members in done.founded:
        touched.add(found_group(desk, members).id)
    _release(desk, waiting, done.alone)
    rows.change_each(desk.tx, {each.id: {"wakes_at": until} for each, until in done.waiting})
    return touched


def _was_told_alone(each: Incident) -> bool:
    speaks = each.parent_id is None and not each.summary and not each.detail.get("waits")
    return each.kind == "late" and speaks and each.level > "L0"


def _release(desk: Desk, waiting: Iterable[Incident], alone: Iterable[Member]) -> None:
    """Let incidents speak for themselves."""
    ids = {each.id for each in alone}
    outbox.release(desk.tx, ids)
    routing = desk.promises.project.routing
    changes = {
        each.id: {
            "detail": {**each.detail, "waits": False},
            "wakes_at": next_reminder(routing, each, desk.now),
        }
        for each in waiting
        if each.id in ids
    }
    rows.change_each(desk.tx, changes)


def _is_ripe(desk: Desk, summary: Incident) -> bool:
    """Whether everything was evaluated that a summary of old news should tell."""
    if not expected.feeds_due(desk.tx, desk.now) & set(desk.promises.feeds):
        return True
    members = rows.children_of(desk.tx, [summary.id])[summary.id]
    last = max((member_of(each).noticed_at for each in members), default=desk.now)
    is_quiet = desk.now - last >= max(2 * desk.settings.tick_every, timedelta(minutes=1))
    return is_quiet or desk.now - summary.opened_at >= COLLECTS_FOR


def _remind(desk: Desk, awake: Sequence[Incident]) -> None:
    if awake and desk.settings.sends_outside:
        messages = remind(desk.tx, desk.promises.project.routing, awake, desk.now)
        outbox.queue_messages(desk.tx, messages)
