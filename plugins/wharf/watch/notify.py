"""Recording what incidents do, and queueing what is to be said about it; nothing is sent here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from wharf.alerts import Consumer, Link, Notice, route, summary_notice
from wharf.contracts.alerts import Routing
from wharf.ledger import Transaction
from wharf.ledger import incidents as rows
from wharf.ledger.rows import Incident, Outgoing, Transition
from wharf.settings import Settings
from wharf.timeliness import incidents


def record_transitions(
    tx: Transaction,
    routing: Routing,
    weighed: Sequence[incidents.Row],
    now: datetime,
    settings: Settings,
) -> int:
    """Decide what is new about incidents, record it, and queue its messages.

    Args:
        tx: The writing transaction in which the states were recorded.
        routing: Which channels hear of what.
        weighed: The expected deliveries that were evaluated.
        now: The instant of the evaluation.
        settings: Name and addresses of the installation.

    Returns:
        How many transitions were recorded.
    """
    standing = {(each.kind, each.feed, each.period): each for each in rows.open_incidents(tx)}
    found = incidents.decide(
        [_as_decided(each) for each in standing.values()], weighed, now, env=settings.env
    )
    of = {(row.feed, row.period): row for row in weighed}
    for each in found:
        incident_id = _record(tx, each, standing.get((each.kind, each.feed, each.period)), now)
        step = rows.append_transition(
            tx,
            Transition(
                incident_id, 0, each.at, each.action, each.level, each.what, dict(each.numbers)
            ),
        )
        if not each.summary and settings.sends_outside:
            row = of[each.feed, each.period]
            notice = _notice(each, row, incident_id, step.number, settings)
            _queue(tx, routing, each, notice, incident_id, now)
    old = [each for each in found if each.summary]
    if old and settings.sends_outside:
        _queue_summary(tx, routing, old, now, settings.env)
    return len(found)


def _as_decided(row: Incident) -> incidents.Incident:
    return incidents.Incident(
        key=row.dedup_key,
        kind=row.kind,  # type: ignore[arg-type]
        feed=row.feed,
        period=row.period,
        level=row.level,  # type: ignore[arg-type]
        condition=str(row.detail["condition"]),
        summary=row.summary,
        loudest=row.detail["loudest"],
    )


def _record(
    tx: Transaction, each: incidents.Transition, stands: Incident | None, now: datetime
) -> int:
    detail = {**each.numbers, "condition": each.condition, "loudest": each.loudest}
    if stands is None:
        opened = Incident(
            feed=each.feed,
            period=each.period,
            kind=each.kind,
            dedup_key=each.key,
            level=each.level,
            opened_at=each.at,
            what=each.what,
            summary=each.summary,
            detail=detail,
        )
        return rows.open_incident(tx, opened).id
    resolved_at = now if each.action == "resolve" else None
    rows.change_incident(
        tx, stands.id, level=each.level, what=each.what, detail=detail, resolved_at=resolved_at
    )
    return stands.id


def _notice(
    each: incidents.Transition,
    row: incidents.Row,
    incident_id: int,
    number: int,
    settings: Settings,
) -> Notice:
    board = f"{settings.airflow_url}/wharf/feeds/{each.feed}/{each.period}"
    dag = f"{settings.airflow_url}/dags/feed__{each.feed.replace('.', '__')}"
    waits = each.kind == "late" and each.action != "resolve"
    promise = f"wharf promise {each.feed} {each.period} --until TIME --reason TEXT"
    deliver = f"wharf deliver {each.feed} {each.period} FILE"
    return Notice.of(
        each,
        number=number,
        env=settings.env,
        thread=f"{each.key}:{incident_id}",
        consumers=tuple(
            Consumer(
                need.product,
                need.tier,
                need.decide_at,
                "goes on without" if need.has_fallback else "waits",
            )
            for need in row.needs
        ),
        actions=(promise, deliver) if waits else (),
        links=(Link("this delivery on the board", board), Link("its DAG in Airflow", dag)),
    )


def _queue(
    tx: Transaction,
    routing: Routing,
    each: incidents.Transition,
    notice: Notice,
    incident_id: int,
    now: datetime,
) -> None:
    for channel in route(routing, each.supplier, each.loudest):
        rows.queue_message(
            tx,
            Outgoing(
                key=f"{each.key}:{notice.number}:{channel.name}:{incident_id}",
                channel=channel.name,
                notice=notice.to_json(),
                queued_at=now,
                incident_id=incident_id,
                number=notice.number,
            ),
        )


def _queue_summary(
    tx: Transaction,
    routing: Routing,
    old: Sequence[incidents.Transition],
    now: datetime,
    env: str,
) -> None:
    """One message for each channel about everything it would have heard of singly."""
    for channel in routing.channels:
        heard = [each for each in old if channel.takes(each.supplier, each.loudest)]
        if heard:
            notice = summary_notice(heard, env=env, now=now)
            rows.queue_message(
                tx,
                Outgoing(
                    key=f"{notice.key}:{now.microsecond}:{channel.name}",
                    channel=channel.name,
                    notice=notice.to_json(),
                    queued_at=now,
                ),
            )
