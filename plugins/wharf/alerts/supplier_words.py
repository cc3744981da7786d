"""What a supplier reads: a mail from a template, with nothing in it of our own affairs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wharf.alerts.message import COLOURS, Message, as_html
from wharf.alerts.notice import Notice
from wharf.alerts.safe_text import clean, markup, one_line

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).parent / "templates"
_LONGEST_SUBJECT = 160
_SUBJECTS = {
    "chaser": "not received yet",
    "receipt": "received and accepted",
    "rejection": "could not be accepted",
}


def render_for_supplier(notice: Notice) -> Message:
    """Put a chaser, a receipt or a rejection into words.

    The notice's numbers are the template's values.
    """
    values: dict[str, Any] = clean(
        {
            **notice.numbers,
            "supplier": notice.numbers.get("supplier_name") or notice.supplier,
            "feed": notice.feed,
            "period": notice.period,
            "lines": list(notice.lines),
        }
    )
    text = _template(notice.action).render(values).strip() + "\n"
    subject = one_line(
        f"{notice.feed} {notice.period}: {_SUBJECTS[notice.action]}", _LONGEST_SUBJECT
    )
    shown = f'<pre style="font-family:inherit;white-space:pre-wrap">{_lines(text)}</pre>'
    return Message(
        subject=subject,
        text=text,
        html=as_html(shown, (), COLOURS["done" if notice.action == "receipt" else "L1"]),
        data={"subject": subject, "text": text},
        thread=notice.thread or notice.key,
        number=notice.number,
        at=notice.at,
        notice=notice,
        head=_SUBJECTS[notice.action],
        to=notice.to,
        attachments=notice.attachments,
    )


def _lines(text: str) -> str:
    """Text as markup, its lines and blanks kept."""
    return "\n".join(
        " " * (len(line) - len(line.lstrip())) + markup(line) for line in text.split("\n")
    )


@lru_cache(maxsize=8)
def _template(name: str) -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    place = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Plain text: what it becomes as HTML is escaped as a whole.
        autoescape=False,
    )
    return place.get_template(f"{name}.txt")
