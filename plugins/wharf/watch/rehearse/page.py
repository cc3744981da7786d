"""The page of a rehearsal: one file that needs nothing else and runs nothing."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from wharf.watch.rehearse.figures import Figures
from wharf.watch.rehearse.outcome import Outcome

FOLDER = Path(__file__).parent


def write_page(outcome: Outcome, figures: Figures, path: Path, proposals: tuple[str, ...]) -> None:
    """Write the summary page.

    Args:
        outcome: What was found.
        figures: The same, counted.
        path: The file to write.
        proposals: Sentences that propose other terms; none where nobody asked.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    templates.filters |= {"span": say_span, "share": say_share, "count": say_count}
    text = templates.get_template("summary.html").render(
        outcome=outcome,
        figures=figures,
        proposals=proposals,
        loudest=max((number for _, number in figures.by_month), default=0),
    )
    path.write_text(text, encoding="utf-8", errors="replace")


def say_span(span: timedelta | None) -> str:
    """A span in words that fit a table: `2 d 03:04` late, `-0:12` early; empty when unknown."""
    if span is None:
        return ""
    minutes = abs(span) // timedelta(minutes=1)
    days, rest = divmod(minutes, 24 * 60)
    sign = "-" if span < timedelta(0) and minutes else ""
    day = f"{days} d " if days else ""
    return f"{sign}{day}{rest // 60}:{rest % 60:02d}"


def say_share(share: float | None) -> str:
    """A share as per cent; never 100.0 % where one was late."""
    if share is None:
        return ""
    rounded = int(share * 1000) / 10
    return f"{rounded:.1f} %"


def say_count(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
