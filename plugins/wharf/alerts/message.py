"""Messages: a notice in words for people and in JSON for machines, always in the same order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from wharf.alerts.notice import Consumer, Link, Notice
from wharf.alerts.safe_text import clean, is_web_address, markup, one_line

SCHEMA = "wharf.alert.v1"
SEVERITY = {"L0": "info", "L1": "warning", "L2": "error", "L3": "critical"}
_COLOUR = {"L0": "#4c6a92", "L1": "#9a6700", "L2": "#bc4c00", "L3": "#b3261e", "done": "#1a7f37"}
_LONGEST_SUBJECT = 160


@dataclass(frozen=True)
class Message:
    """One message, ready for any channel."""

    subject: str
    text: str
    html: str
    data: Mapping[str, Any]
    """As `message_v1.schema.json` describes."""
    thread: str
    number: int
    at: datetime


@dataclass(frozen=True)
class _Section:
    title: str
    lines: tuple[str, ...]
    links: tuple[Link, ...] = ()


def render(notice: Notice) -> Message:
    """Put a notice into words; whatever suppliers wrote is made harmless here."""
    sections = tuple(_sections(notice))
    subject = one_line(f"[wharf {notice.env}] {_head(notice)}: {notice.what}", _LONGEST_SUBJECT)
    text = _text(sections)
    return Message(
        subject=subject,
        text=text,
        html=_html(notice, sections),
        data=_data(notice, subject, text),
        thread=notice.thread or notice.key,
        number=notice.number,
        at=notice.at,
    )


def _head(notice: Notice) -> str:
    if notice.action == "resolve":
        return "resolved"
    if notice.is_about_a_delivery:
        return f"{notice.level} {notice.kind}"
    return notice.action


def _sections(notice: Notice) -> Iterable[_Section]:
    """The body in its fixed order."""
    yield _Section("What", tuple(_what(notice)))
    if not notice.is_about_a_delivery:
        return
    yield _Section("How late", tuple(_how_late(notice)))
    yield _Section("Usually", (notice.usual or "no usual time is known yet",))
    needs = tuple(_need(each, notice) for each in notice.consumers)
    yield _Section("What depends on it", needs or ("no product reads it",))
    yield _Section("What happens by itself", notice.automatic or (_automatic(notice),))
    asked = notice.actions or (() if notice.links else ("nothing is asked of you",))
    yield _Section("What you can do", asked, notice.links)
    yield _Section("Streak", (_streak(notice),))


def _what(notice: Notice) -> Iterable[str]:
    yield notice.what
    if notice.is_about_a_delivery:
        yield f"supplier {notice.supplier}, feed {notice.feed}, period {notice.period}"
    yield from notice.lines


def _how_late(notice: Notice) -> Iterable[str]:
    if notice.due_at is None:
        yield "this is not about time"
        return
    due = f"due {_say(notice.due_at, notice)}"
    minutes = notice.late_minutes
    yield f"{minutes} min late, counted from due" if minutes else "not late"
    since = notice.late_since
    yield f"{due}; alarm at {_say(since, notice)}" if since else due


def _need(consumer: Consumer, notice: Notice) -> str:
    policy = f", then: {consumer.policy}" if consumer.policy else ""
    decides = _say(consumer.decide_at, notice)
    return f"{consumer.product} (tier {consumer.tier}) decides {decides}{policy}"


def _automatic(notice: Notice) -> str:
    if notice.action == "resolve":
        return "nothing more; this incident is closed"
    if notice.kind == "quality":
        return "readers keep the batch published before; nothing of this one is shown"
    return "we keep looking, and publish the delivery when it comes"


def _streak(notice: Notice) -> str:
    row = "the first in a row" if notice.streak <= 1 else f"{notice.streak} periods in a row"
    return f"{row}, {notice.missed} missed altogether" if notice.missed else row


def _text(sections: Iterable[_Section]) -> str:
    blocks = []
    for section in sections:
        lines = [f"  {one_line(line)}" for line in section.lines]
        lines += [f"  {one_line(link.label)}: {one_line(link.href)}" for link in section.links]
        blocks.append("\n".join([section.title, *lines]))
    return "\n\n".join(blocks) + "\n"


def _html(notice: Notice, sections: Iterable[_Section]) -> str:
    colour = _COLOUR["done"] if notice.action == "resolve" else _COLOUR.get(notice.level, "#444")
    rows = "".join(
        f'<tr><th style="text-align:left;vertical-align:top;padding:4px 16px 4px 0;'
        f'font-weight:600;white-space:nowrap">{markup(section.title)}</th>'
        f'<td style="padding:4px 0">{_cell(section)}</td></tr>'
        for section in sections
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{markup(notice.what)}</title></head>"
        '<body style="font-family:sans-serif;font-size:14px;line-height:1.45">'
        f'<p style="border-left:4px solid {colour};padding-left:12px;font-size:16px">'
        f"<strong>{markup(_head(notice))}</strong> {markup(notice.what)}</p>"
        f'<table role="presentation" style="border-collapse:collapse">{rows}</table>'
        "</body></html>\n"
    )


def _cell(section: _Section) -> str:
    lines = [markup(line) for line in section.lines]
    for link in section.links:
        if is_web_address(link.href):
            lines.append(f'<a href="{markup(link.href)}">{markup(link.label)}</a>')
        else:
            lines.append(f"{markup(link.label)}: {markup(link.href)}")
    return "<br>".join(lines)


def _data(notice: Notice, subject: str, text: str) -> dict[str, Any]:
    values = notice.to_json()
    told: dict[str, Any] = clean(
        {
            **{name: values[name] for name in values if name not in {"numbers", "tz"}},
            "schema": SCHEMA,
            "thread": notice.thread or notice.key,
            "severity": SEVERITY.get(notice.level, "info"),
            "state": "resolved" if notice.action == "resolve" else "open",
            "subject": subject,
            "late_minutes": notice.late_minutes,
            "numbers": dict(notice.numbers),
        }
    )
    return {**told, "text": text}


def _say(at: datetime, notice: Notice) -> str:
    local, utc = at.astimezone(ZoneInfo(notice.tz)), at.astimezone(UTC)
    shown = f"{local:%Y-%m-%d %H:%M %Z}"
    if not local.utcoffset():
        return shown
    return (
        f"{shown} ({utc:%H:%M} UTC)"
        if local.date() == utc.date()
        else (f"{shown} ({utc:%Y-%m-%d %H:%M} UTC)")
    )
