"""Notices: what the message about one transition shows, and in whose outbox it is put."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from wharf.alerts import Consumer, Link, Notice
from wharf.contracts.alerts import Channel, News, Routing
from wharf.ledger.rows import Incident, Outgoing
from wharf.settings import Settings
from wharf.timeliness import incidents
from wharf.timeliness.grouping import GroupTelling

# A supplier's group is about lateness like its members; a group of old news is a summary.
_NEWS: Mapping[str, News] = {
    "late": "late",
    "quality": "quality",
    "supplier": "late",
    "summary": "summary",
}


def about_delivery(
    each: incidents.Transition,
    row: incidents.Row,
    incident: Incident,
    number: int,
    settings: Settings,
    more: Iterable[str] = (),
) -> Notice:
    """The notice of a transition about one delivery.

    Args:
        each: The transition.
        row: The delivery.
        incident: As it is recorded now.
        number: The transition's number in the incident's life.
        settings: Names and addresses of the installation.
        more: Further lines about what happened.
    """
    board = f"{settings.airflow_url}/wharf/feeds/{each.feed}/{each.period}"
    dag = f"{settings.airflow_url}/dags/feed__{each.feed.replace('.', '__')}"
    waits = each.kind == "late" and each.action != "resolve"
    promise = f"wharf promise {each.feed} {each.period} --until TIME --reason TEXT"
    deliver = f"wharf deliver {each.feed} {each.period} FILE"
    return Notice.of(
        each,
        number=number,
        env=settings.env,
        thread=thread_of(incident),
        usual=row.usual,
        streak=max(row.streak, 1),
        missed=row.missed,
        consumers=_consumers(row),
        actions=(promise, deliver) if waits else (),
        links=(*_to_decide(each, board), Link("its DAG and its logs in Airflow", dag)),
        lines=tuple(more),
    )


def about_group(
    incident: Incident,
    action: str,
    told: GroupTelling,
    number: int,
    now: datetime,
    settings: Settings,
    members: Iterable[Notice] = (),
) -> Notice:
    """The notice of a group's transition: its members are its lines.

    Args:
        incident: The group's.
        action: What happened to it.
        told: In words.
        number: The transition's number in the incident's life.
        now: When it happened.
        settings: Names and addresses of the installation.
        members: The last notice of each member: what depends on them depends on the group.
    """
    behind = list(members)
    needs = {(each.product, each.decide_at): each for one in behind for each in one.consumers}
    return Notice(
        key=incident.dedup_key,
        number=number,
        env=settings.env,
        action=action,
        kind=incident.kind,
        level=told.level,
        supplier=incident.supplier,
        feed="",
        period="",
        at=now,
        what=told.what,
        numbers={"members": len(told.lines)},
        consumers=tuple(sorted(needs.values(), key=lambda each: (each.decide_at, each.product))),
        links=(Link("the board", f"{settings.airflow_url}/wharf/"),),
        streak=max((each.streak for each in behind), default=1),
        missed=max((each.missed for each in behind), default=0),
        lines=told.lines,
        thread=thread_of(incident),
    )


def again(last: Notice, action: str, now: datetime, what: str = "") -> Notice:
    """The same notice once more, as a reminder or as the end that was not heard."""
    return replace(last, action=action, at=now, what=what or last.what)


def thread_of(incident: Incident) -> str:
    """Names the thread of messages about an incident."""
    return f"{incident.dedup_key}:{incident.id}"


def outgoing(
    incident: Incident,
    notice: Notice,
    channels: Iterable[str],
    now: datetime,
    *,
    held: bool = False,
    mark: str = "",
) -> list[Outgoing]:
    """A notice to several channels; its number, or a mark, makes each message one of its kind."""
    said = notice.to_json()
    return [
        Outgoing(
            key=f"{incident.dedup_key}:{mark or notice.number}:{channel}:{incident.id}",
            channel=channel,
            notice=said,
            queued_at=now,
            incident_id=incident.id,
            number=notice.number,
            status="HELD" if held else "QUEUED",
        )
        for channel in channels
    ]


def routed(
    routing: Routing, kind: str, level: str, about: Iterable[tuple[str, str]]
) -> list[Channel]:
    """The channels that hear of an incident.

    Args:
        routing: All channels.
        kind: Of incident.
        level: The loudest it ever was.
        about: Supplier and feed of each delivery concerned; a channel that takes one takes all.
    """
    news = _NEWS.get(kind, "own")
    concerned = list(about) or [("", "")]
    return [
        channel
        for channel in routing.channels
        if any(channel.takes(supplier, level, feed, news) for supplier, feed in concerned)
    ]


def _to_decide(each: incidents.Transition, board: str) -> list[Link]:
    """Where on the board a person can do something about a delivery."""
    links = [Link("this delivery on the board", board)]
    if each.action == "resolve":
        return links
    if each.kind == "late":
        links.append(Link("promise", f"{board}#act-promise"))
        links.append(Link("waive", f"{board}#act-waive"))
    return [Link("acknowledge", f"{board}#act-ack"), *links]


def _consumers(row: incidents.Row) -> tuple[Consumer, ...]:
    return tuple(
        Consumer(
            need.product,
            need.tier,
            need.decide_at,
            "goes on without" if need.has_fallback else "waits",
        )
        for need in row.needs
    )
