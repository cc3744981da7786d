"""The demo's project: a copy of the shipped one below the home, with dates of today stamped in."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

PARTS = ("dags", "dbt", "expectations")
_ACTIVE = re.compile(r"^active:.*$", re.MULTILINE)
_HOLIDAYS = re.compile(r"^holidays:.*$", re.MULTILINE)
_IGNORED = shutil.ignore_patterns("__pycache__", "target", "logs", ".user.yml")


@dataclass(frozen=True)
class Span:
    """From which day a contract of the demo holds, and until which."""

    first: date
    last: date | None = None

    def __str__(self) -> str:
        last = f'"{self.last}"' if self.last else "null"
        return f'active: {{from: "{self.first}", until: {last}}}'


def copy_project(
    source: Path, target: Path, spans: Mapping[str, Span], holidays: Iterable[date]
) -> None:
    """Copy a project and stamp it; a file whose text stays the same is not touched.

    Args:
        source: The shipped project.
        target: The demo's own, made when missing.
        spans: For each file below `dags/` that is stamped, when its contract holds.
        holidays: Holidays of the counties' calendar.
    """
    target.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    for part in PARTS:
        shutil.copytree(source / part, aside / part, ignore=_IGNORED)
    for name, span in spans.items():
        file = aside / "dags" / name
        file.write_text(_ACTIVE.sub(str(span), file.read_text(encoding="utf-8")), encoding="utf-8")
    listed = ", ".join(f'"{day}"' for day in sorted(holidays))
    calendar = aside / "dags" / "calendars" / "county_working_days.yaml"
    text = _HOLIDAYS.sub(f"holidays: [{listed}]", calendar.read_text(encoding="utf-8"))
    calendar.write_text(text, encoding="utf-8")
    _take_over(aside, target)
    shutil.rmtree(aside)


def _take_over(aside: Path, target: Path) -> None:
    for file in sorted(path for path in aside.rglob("*") if path.is_file()):
        stands = target / file.relative_to(aside)
        if stands.exists() and stands.read_bytes() == file.read_bytes():
            continue
        stands.parent.mkdir(parents=True, exist_ok=True)
        file.replace(stands)
