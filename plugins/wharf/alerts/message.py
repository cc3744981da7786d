"""Messages: a notice in words for people and in JSON for machines, always in the same order."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from wharf.alerts.notice import Attachment, Consumer, Link, Notice
from wharf.alerts.safe_text import clean, markup, one_line, web_address

SCHEMA = "wharf.alert.v1"
SEVERITY = {"L0": "info", "L1": "warning", "L2": "error", "L3": "critical"}
COLOURS = {"L0": "#4c6a92", "L1": "#9a6700", "L2": "#bc4c00", "L3": "#b3261e", "done": "#1a7f37"}
_LONGEST_SUBJECT = 160
_NOT_TOLD = {"numbers", "tz", "to", "attachments"}


@dataclass(frozen=True)
class Section:
    """One part of a message's body: a title of ours, and lines that may hold anything."""

    title: str
    lines: tuple[str, ...]
    links: tuple[Link, ...] = ()


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
    notice: Notice
    head: str = ""
    """How it stands, such as `L1 late` or `resolved`."""
    sections: tuple[Section, ...] = ()
    """The body in its fixed order, one printable line each."""
    colour: str = COLOURS["L0"]
    to: tuple[str, ...] = ()
    """Whom to mail instead of the channel's own recipients."""
    attachments: tuple[Attachment, ...] = ()
    sent_at: datetime | None = None
    """When it is sent, where somebody said so."""

    @property
    def what(self) -> str:
        """What happened, as one printable line."""
        return one_line(self.notice.what)

    @property
    def links(self) -> tuple[Link, ...]:
        """All links of the body that lead to a web page."""
        found = (link for section in self.sections for link in section.links)
        led = ((link.label, web_address(link.href)) for link in found)
        return tuple(Link(label, href) for label, href in led if href)

    @property
    def is_resolved(self) -> bool:
        """Whether it closes its incident."""
        return self.notice.action == "resolve"


def render(notice: Notice, now: datetime | None = None) -> Message:
    """Put a notice into words; whatever suppliers wrote is made harmless here.

    Args:
        notice: What to tell.
        now: The instant of sending, which signatures name; that of the notice when None.
    """
    if notice.is_for_the_supplier:
        from wharf.alerts.supplier_words import render_for_supplier

        return render_for_supplier(notice)
    sections = tuple(_harmless(each) for each in _sections(notice))
    head = _head(notice)
    subject = one_line(f"[wharf {notice.env}] {head}: {notice.what}", _LONGEST_SUBJECT)
    text = as_text(sections)
    colour = COLOURS["done"] if notice.action == "resolve" else COLOURS.get(notice.level, "#444444")
    return Message(
        subject=subject,
        text=text,
        html=as_html(f"<strong>{markup(head)}</strong> {markup(notice.what)}", sections, colour),
        data=_data(notice, subject, text),
        thread=notice.thread or notice.key,
        number=notice.number,
        at=notice.at,
        notice=notice,
        head=head,
        sections=sections,
        colour=colour,
        to=notice.to,
        attachments=notice.attachments,
        sent_at=now,
    )


def as_text(sections: Iterable[Section]) -> str:
    """Sections as plain text, one title and its lines after the other."""
    blocks = []
    for section in sections:
        lines = [f"  {one_line(line)}" for line in section.lines]
        lines += [f"  {one_line(link.label)}: {one_line(link.href)}" for link in section.links]
        blocks.append("\n".join([section.title, *lines]))
    return "\n\n".join(blocks) + "\n"


def as_html(heading: str, sections: Iterable[Section], colour: str) -> str:
    """Sections as a page for a mail.

    Args:
        heading: Markup of the first line.
        sections: The body.
        colour: Of the bar beside the heading.
    """
    rows = "".join(
        f'<tr><th style="text-align:left;vertical-align:top;padding:4px 16px 4px 0;'
        f'font-weight:600;white-space:nowrap">{markup(section.title)}</th>'
        f'<td style="padding:4px 0">{_cell(section)}</td></tr>'
        for section in sections
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        "<title>wharf</title></head>"
        '<body style="font-family:sans-serif;font-size:14px;line-height:1.45">'
        f'<p style="border-left:4px solid {colour};padding-left:12px;font-size:16px">'
        f"{heading}</p>"
        f'<table role="presentation" style="border-collapse:collapse">{rows}</table>'
        "</body></html>\n"
    )


def say_time(at: datetime, tz: str) -> str:
    """An instant in a zone's wall time, and in UTC where that differs."""
    local, utc = at.astimezone(ZoneInfo(tz)), at.astimezone(UTC)
    shown = f"{local:%Y-%m-%d %H:%M %Z}"
    if not local.utcoffset():
        return shown
    same_day = local.date() == utc.date()
    return f"{shown} ({utc:%H:%M} UTC)" if same_day else f"{shown} ({utc:%Y-%m-%d %H:%M} UTC)"


def _head(notice: Notice) -> str:
    stands = f"{notice.level} {notice.kind}"
    match notice.action:
        case "resolve":
            return "resolved"
        case "repeat":
            return f"still {stands}"
        case "raise":
            return f"raised to {stands}"
        case "lower":
            return f"lowered to {stands}"
        case "ack":
            return f"acknowledged {stands}"
    return stands if notice.is_about_a_delivery else notice.action


def _sections(notice: Notice) -> Iterable[Section]:
    """The body in its fixed order."""
    yield Section("What", tuple(_what(notice)), () if notice.is_about_a_delivery else notice.links)
    if not notice.is_about_a_delivery:
        return
    yield Section("How late", tuple(_how_late(notice)))
    yield Section("Usually", (notice.usual or "no usual time is known yet",))
    needs = tuple(_need(each, notice) for each in notice.consumers)
    yield Section("What depends on it", needs or ("no product reads it",))
    yield Section("What happens by itself", notice.automatic or (_automatic(notice),))
    asked = notice.actions or (() if notice.links else ("nothing is asked of you",))
    yield Section("What you can do", asked, notice.links)
    yield Section("Streak", (_streak(notice),))


def _harmless(section: Section) -> Section:
    links = tuple(Link(one_line(link.label, 100), link.href) for link in section.links)
    return Section(section.title, tuple(one_line(line) for line in section.lines), links)


def _what(notice: Notice) -> Iterable[str]:
    yield notice.what
    if notice.is_about_a_delivery:
        parts = {"supplier": notice.supplier, "feed": notice.feed, "period": notice.period}
        named = [f"{name} {value}" for name, value in parts.items() if value]
        if named:
            yield ", ".join(named)
    yield from notice.lines


def _how_late(notice: Notice) -> Iterable[str]:
    if notice.due_at is None:
        is_group = notice.kind in {"late", "supplier"} and notice.lines
        yield "each as told above" if is_group else "this is not about time"
        return
    due = f"due {say_time(notice.due_at, notice.tz)}"
    minutes = notice.late_minutes
    yield f"{minutes} min late, counted from due" if minutes else "not late"
    since = notice.late_since
    yield f"{due}; alarm at {say_time(since, notice.tz)}" if since else due


def _need(consumer: Consumer, notice: Notice) -> str:
    policy = f", then: {consumer.policy}" if consumer.policy else ""
    decides = say_time(consumer.decide_at, notice.tz)
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


def _cell(section: Section) -> str:
    lines = [markup(line) for line in section.lines]
    for link in section.links:
        if href := web_address(link.href):
            shown = html.escape(href, quote=True)
            lines.append(f'<a href="{shown}">{markup(link.label)}</a>')
        else:
            lines.append(f"{markup(link.label)}: {markup(link.href)}")
    return "<br>".join(lines)


def _data(notice: Notice, subject: str, text: str) -> dict[str, Any]:
    values = notice.to_json()
    told: dict[str, Any] = clean(
        {
            **{name: values[name] for name in values if name not in _NOT_TOLD},
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
