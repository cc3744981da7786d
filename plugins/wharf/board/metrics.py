"""Metrics in Prometheus' text format 0.0.4. Labels are names of contracts, so they are bounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wharf.board.current import Current
from wharf.board.promised import Promised
from wharf.board.pulse import Pulse
from wharf.ledger import Transaction, looks, tallies
from wharf.timeliness.quantiles import quantile

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_NOT_COME = {"LATE", "MISSING"}
Sample = tuple[Mapping[str, str], float]


@dataclass(frozen=True)
class Tallies:
    """What is counted over the whole installation."""

    incidents: Mapping[tuple[str, str], int]
    unsent: Mapping[str, int]
    oldest_unsent_s: float | None
    delays: Sequence[float]


def count(tx: Transaction, pulse: Pulse) -> Tallies:
    """Count incidents, messages and delays."""
    oldest = tallies.oldest_unsent(tx)
    return Tallies(
        incidents=tallies.incidents_by_level(tx),
        unsent=tallies.unsent_messages(tx),
        oldest_unsent_s=(pulse.at - oldest).total_seconds() if oldest else None,
        delays=looks.detection_delays(tx),
    )


def write_metrics(
    promised: Promised, pulse: Pulse, feeds: Sequence[Current], counted: Tallies
) -> str:
    """All metrics as text."""
    families = (
        *_watching(promised, pulse),
        *_feeds(feeds, pulse),
        *_installation(counted),
    )
    return "".join(_family(*each) for each in families)


Family = tuple[str, str, Iterable[Sample]]


def _watching(promised: Promised, pulse: Pulse) -> Iterable[Family]:
    yield "last_look_age_seconds", "Seconds since the last look.", _maybe(pulse.look_age_s)
    yield "last_tick_age_seconds", "Seconds since the last tick.", _maybe(pulse.tick_age_s)
    yield "watched", "1 while look and tick run, else silence means nothing.", [
        ({}, float(pulse.is_watched))
    ]  # fmt: skip
    yield "connection_blind", "1 where our looks at a connection fail.", [
        ({"connection": name}, float(not sight.ok)) for name, sight in sorted(pulse.sights.items())
    ]  # fmt: skip
    yield "contracts_broken", "Contract files that are broken.", [({}, len(promised.problems))]
    yield "contracts_orphaned", "Feeds whose contract file is gone.", [
        ({}, len(promised.orphaned))
    ]  # fmt: skip


def _feeds(feeds: Sequence[Current], pulse: Pulse) -> Iterable[Family]:
    told = [(_labels(each), each) for each in feeds]
    stood = [(labels, each.standing) for labels, each in told if each.standing]
    yield "feed_timeliness", "1 for the timeliness a feed has now.", [
        ({**labels, "state": stands.timeliness}, 1.0) for labels, stands in stood
    ]  # fmt: skip
    yield "feed_delivery", "1 for the delivery state a feed has now.", [
        ({**labels, "state": stands.delivery}, 1.0) for labels, stands in stood
    ]  # fmt: skip
    yield "feed_late", "1 while a feed is late or missing.", [
        (labels, float(stands.timeliness in _NOT_COME)) for labels, stands in stood
    ]  # fmt: skip
    yield "feed_late_seconds", "Seconds since due while a feed is late or missing, else 0.", [
        (labels, (stands.late_by_s or 0.0) if stands.timeliness in _NOT_COME else 0.0)
        for labels, stands in stood
    ]  # fmt: skip
    yield "feed_last_delivery_age_seconds", "Seconds since a feed last delivered all of it.", [
        (labels, (pulse.at - each.last_complete_at).total_seconds())
        for labels, each in told
        if each.last_complete_at
    ]  # fmt: skip


def _installation(counted: Tallies) -> Iterable[Family]:
    yield "incidents_open", "Open incidents.", [
        ({"kind": kind, "level": level}, number)
        for (kind, level), number in sorted(counted.incidents.items())
    ]  # fmt: skip
    yield "outbox_messages", "Messages that wait, are held back, or failed for good.", [
        ({"status": status}, number) for status, number in sorted(counted.unsent.items())
    ]  # fmt: skip
    yield "outbox_oldest_age_seconds", "Seconds that the oldest message has waited.", [
        ({}, counted.oldest_unsent_s or 0.0)
    ]  # fmt: skip
    yield "detection_delay_seconds", "How long the newest files lay at their source unseen.", [
        ({"quantile": text}, delay)
        for text, share in (("0.5", 0.5), ("0.95", 0.95))
        if (delay := _quantile(counted.delays, share)) is not None
    ]  # fmt: skip


def _labels(each: Current) -> dict[str, str]:
    return {"feed": each.feed.feed, "supplier": each.feed.supplier_id}


def _maybe(value: float | None) -> list[Sample]:
    return [] if value is None else [({}, value)]


def _quantile(values: Sequence[float], share: float) -> float | None:
    from datetime import timedelta

    found = quantile([timedelta(seconds=value) for value in values], share)
    return None if found is None else found.total_seconds()


def _family(name: str, about: str, samples: Iterable[Sample]) -> str:
    lines = [f"# HELP wharf_{name} {about}", f"# TYPE wharf_{name} gauge"]
    lines += [f"wharf_{name}{_label_text(labels)} {value:g}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _label_text(labels: Mapping[str, str]) -> str:
    told = ",".join(f'{name}="{escape_label(value)}"' for name, value in labels.items())
    return f"{{{told}}}" if told else ""


def escape_label(value: str) -> str:
    """A label's value as the format wants it."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
