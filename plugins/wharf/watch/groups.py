"""Groups: incidents that tell of others, for a supplier, for a connection, for what was missed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from wharf.alerts import Notice, abilities
from wharf.contracts.alerts import Channel
from wharf.ledger import Transaction, conversations, outbox
from wharf.ledger import incidents as rows
from wharf.ledger.rows import Incident, Transition
from wharf.settings import Settings
from wharf.timeliness.grouping import OWN, GroupKind, GroupTelling, Member, tell_group
from wharf.timeliness.incidents import dedup_key
from wharf.timeliness.levels import Level
from wharf.watch import notices
from wharf.watch.promises import Promises
from wharf.watch.reminders import next_reminder

KINDS: tuple[GroupKind, ...] = ("supplier", "connection", "summary", "channel", "component")
MOST_LINES = 200
MOST_LOOKED_AT = 50


@dataclass(frozen=True)
class Desk:
    """Where groups are kept and told of: one writing transaction of one tick."""

    tx: Transaction
    promises: Promises
    settings: Settings
    now: datetime


def member_of(row: Incident) -> Member:
    """An incident about a delivery, as a group sees it."""
    level: Level = row.level  # type: ignore[assignment]
    return Member(
        id=row.id,
        feed=row.feed,
        period=row.period,
        supplier=row.supplier,
        level=level,
        condition=str(row.detail["condition"]),
        what=row.what,
        noticed_at=_noticed_at(row),
        opened_at=row.opened_at,
        connection=row.detail.get("connection", ""),
        groups=row.detail.get("groups", True),
        is_open=row.resolved_at is None,
        ending=str(row.detail.get("ending") or ""),
    )


def _noticed_at(row: Incident) -> datetime:
    """When an incident was opened; one of an older version has no such note."""
    noted = row.detail.get("noticed_at")
    return datetime.fromisoformat(noted) if noted else row.opened_at


def found_group(desk: Desk, members: Sequence[Member]) -> Incident:
    """Open the incident of one supplier; it goes on with what its members were told under."""
    supplier, opened_at = members[0].supplier, min(each.opened_at for each in members)
    key = dedup_key(desk.settings.env, "supplier", supplier, f"{desk.now:%Y%m%dT%H%M%SZ}")
    detail = {"condition": "", "loudest": "L0", "waits": False, "told_at": desk.now.isoformat()}
    group = rows.open_incident(
        desk.tx,
        Incident(
            feed="",
            period="",
            kind="supplier",
            dedup_key=key,
            level="L0",
            opened_at=opened_at,
            what=supplier,
            detail=detail,
            supplier=supplier,
        ),
    )
    first: dict[str, Any] = {}
    for each in conversations.open_conversations(desk.tx, [each.id for each in members]):
        first.setdefault(each.channel, each)
    conversations.hand_over(desk.tx, first.values(), group.id)
    take_in(desk, group.id, members)
    return group


def take_in(desk: Desk, group_id: int, members: Iterable[Member]) -> None:
    """Let a group speak for incidents from now on."""
    taken = rows.incidents_by_id(desk.tx, [each.id for each in members])
    changes = {
        key: {
            "parent_id": group_id,
            "wakes_at": None,
            "detail": {**each.detail, "waits": False},
        }
        for key, each in taken.items()
    }
    rows.change_each(desk.tx, changes)
    outbox.hold(desk.tx, taken)


def let_go(desk: Desk, group_id: int) -> list[Incident]:
    """Let the open members of a group speak for themselves again; gives them."""
    members = rows.children_of(desk.tx, [group_id])[group_id]
    freed = [each for each in members if each.resolved_at is None]
    changes = {
        each.id: {
            "parent_id": None,
            "wakes_at": desk.now,
            "detail": {**each.detail, "waits": True, "noticed_at": desk.now.isoformat()},
        }
        for each in freed
    }
    rows.change_each(desk.tx, changes)
    return freed


def tell_groups(desk: Desk, groups: Sequence[Incident]) -> tuple[int, list[Incident]]:
    """Tell the news of groups.

    Returns:
        How many transitions were recorded, and the groups of which there is no news.
    """
    members = rows.children_of(desk.tx, [each.id for each in groups])
    told, quiet = 0, []
    for group in groups:
        if _tell(desk, group, members[group.id]):
            told += 1
        else:
            quiet.append(group)
    return told, quiet


def close_group(desk: Desk, group: Incident, what: str, lines: Sequence[str]) -> None:
    """Resolve a group whose cause is over, whatever its members do."""
    telling = GroupTelling(group.level, "OVER", what, tuple(lines), is_over=True)  # type: ignore[arg-type]
    _write(desk, group, "resolve", telling, rows.children_of(desk.tx, [group.id])[group.id])


def _tell(desk: Desk, group: Incident, members: Sequence[Incident]) -> bool:
    kind: GroupKind = group.kind  # type: ignore[assignment]
    about = str(group.detail.get("about") or group.supplier)
    telling = tell_group(kind, about, [member_of(each) for each in members], floor=_floor(group))
    action = _action(group, telling)
    if action is None:
        return False
    if kind == "summary" and action == "resolve":
        over = "what was missed while nobody watched is over, or told of by itself"
        telling = replace(telling, what=over)
    _write(desk, group, action, telling, members)
    return True


def _floor(group: Incident) -> Level:
    if group.kind not in OWN:
        return "L0"
    needs: dict[str, Level] = group.detail.get("needs", {})
    return max(["L1", *needs.values()])


def _action(group: Incident, telling: GroupTelling) -> str | None:
    if group.detail.get("waits"):
        return "summary"
    if not group.detail["condition"]:
        return "open"
    if telling.is_over:
        return "resolve"
    if telling.level != group.level:
        return "raise" if telling.level > group.level else "lower"
    return "update" if telling.condition != group.detail["condition"] else None


def _write(
    desk: Desk, group: Incident, action: str, telling: GroupTelling, members: Sequence[Incident]
) -> None:
    """Record one transition of a group, and queue its messages."""
    is_over = action == "resolve" or (action == "summary" and telling.is_over)
    detail = {
        **group.detail,
        "condition": telling.condition,
        "loudest": max(str(group.detail["loudest"]), telling.level),
        "waits": False,
        "told_at": desk.now.isoformat(),
    }
    routing = desk.promises.project.routing
    values: dict[str, Any] = {
        "level": telling.level,
        "what": telling.what,
        "detail": detail,
        "resolved_at": desk.now if is_over else None,
        "wakes_at": None if is_over else next_reminder(routing, group, desk.now),
    }
    rows.change_incident(desk.tx, group.id, **values)
    step = rows.append_transition(
        desk.tx, Transition(group.id, 0, desk.now, action, telling.level, telling.what)
    )
    if desk.settings.sends_outside:
        _queue(desk, replace(group, **values), action, telling, members, step.number)


def _queue(
    desk: Desk,
    group: Incident,
    action: str,
    telling: GroupTelling,
    members: Sequence[Incident],
    number: int,
) -> None:
    known = conversations.channels_told(desk.tx, [group.id])[group.id]
    hears = known | _unsent(desk, group.id)
    behind = _last_notices(desk, members) if action != "resolve" else []
    messages = []
    for channel, heard in _audience(desk, group, action, members):
        if action in {"update", "lower", "resolve"} and channel.name not in hears:
            continue
        said = replace(telling, lines=_lines(group, telling, heard))
        if group.kind == "summary" and action != "resolve":
            own = tell_group("summary", "", [member_of(each) for each in heard])
            said = replace(said, what=own.what)
        # Its first member's thread goes on as the group's.
        first_word = "update" if action == "open" and channel.name in known else action
        notice = notices.about_group(
            group, first_word, said, number, desk.now, desk.settings, behind
        )
        if group.kind == "summary":
            still = sum(each.resolved_at is None for each in heard)
            notice = replace(notice, numbers={**notice.numbers, "still_open": still})
        messages += notices.outgoing(group, notice, [channel.name], desk.now)
    outbox.queue_messages(desk.tx, messages)


def _last_notices(desk: Desk, members: Sequence[Incident]) -> list[Notice]:
    """What was said last, or held back, of the members that are open; of many, of the first."""
    still = [each.id for each in members if each.resolved_at is None][:MOST_LOOKED_AT]
    last = outbox.last_messages(desk.tx, still)
    of = {key: message for (key, _), message in sorted(last.items())}
    return [Notice.from_json(each.notice) for each in of.values()]


def _audience(
    desk: Desk, group: Incident, action: str, members: Sequence[Incident]
) -> list[tuple[Channel, list[Incident]]]:
    """The channels that hear of a group, each with the members that it hears of."""
    routing, loudest = desk.promises.project.routing, str(group.detail["loudest"])
    if group.kind != "summary":
        about = [(each.supplier, each.feed) for each in members] or _behind(desk, group)
        found = notices.routed(routing, group.kind, loudest, about)
        # A channel that takes nothing is told of by the others.
        dead = group.detail.get("channel")
        return [(channel, list(members)) for channel in found if channel.name != dead]
    heard_by: list[tuple[Channel, list[Incident]]] = []
    for channel in routing.channels:
        heard = [
            each
            for each in members
            if channel.takes(each.supplier, str(each.detail["loudest"]), each.feed, "summary")
        ]
        is_open = any(each.resolved_at is None for each in heard)
        # A pager is asked to keep open only what is open.
        may_hear = is_open or action != "summary" or not abilities(channel).repeats_itself
        if action == "resolve" or (heard and may_hear):
            heard_by.append((channel, heard))
    return heard_by


def _behind(desk: Desk, group: Incident) -> list[tuple[str, str]]:
    """Supplier and name of the feeds behind a connection."""
    names = set(group.detail.get("connections", ()))
    feeds = desk.promises.feeds.values()
    return [(each.supplier_id, each.feed) for each in feeds if each.source.connection in names]


def _unsent(desk: Desk, group_id: int) -> set[str]:
    """Channels to which something about a group is on its way, tried or not."""
    return {
        each.channel
        for each in outbox.messages(desk.tx, group_id)
        if each.status in outbox.UNFINISHED
    }


def _lines(group: Incident, telling: GroupTelling, heard: Sequence[Incident]) -> tuple[str, ...]:
    lines = telling.lines
    if group.kind == "summary":
        lines = tuple(_line(each) for each in sorted(heard, key=lambda each: each.opened_at))
    if len(lines) > MOST_LINES:
        return (*lines[:MOST_LINES], f"and {len(lines) - MOST_LINES} more")
    return lines


def _line(each: Incident) -> str:
    until = " to now" if each.resolved_at is None else ", over"
    return f"since {each.opened_at:%Y-%m-%d %H:%M}Z{until}: {each.what}"
