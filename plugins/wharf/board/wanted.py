"""What a visitor wants to see, as the address of the page says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from wharf.board.marks import ALL, TROUBLE

SPANS = (7, 14, 35, 62, 90)
TONES = (*TROUBLE, "late-arrived", "on-time", "due", "not-expected")
STATES = ("trouble", *TONES)
_CHOICES = {"view": ("grid", "list"), "group": ("feed", "supplier"), "state": ("", *STATES)}
_LONGEST = 200


@dataclass(frozen=True)
class Wanted:
    """A view of the board; every field is a parameter of its address, left out where plain."""

    days: int = 14
    view: str = "grid"
    group: str = "feed"
    state: str = ""
    """A tone, or `trouble` for all that somebody should look at."""
    supplier: str = ""
    q: str = ""
    """Words that the name of a feed or supplier must hold."""
    open: str = ""
    """Suppliers whose feeds are shown below them, with commas; `all` for all of them."""
    page: int = 1

    @property
    def tones(self) -> frozenset[str]:
        """The tones asked for; none where all are."""
        if self.state == "trouble":
            return frozenset(TROUBLE)
        return frozenset({self.state}) if self.state else frozenset()

    @property
    def is_narrowed(self) -> bool:
        """Whether something is left out on purpose."""
        return bool(self.state or self.supplier or self.q)

    @property
    def opened(self) -> frozenset[str]:
        """Suppliers whose feeds are shown."""
        return frozenset(each for each in self.open.split(",") if each)

    def toggled(self, supplier: str) -> str:
        """The address at which one supplier is opened, or closed if it is open."""
        return self.to(open=",".join(sorted(self.opened ^ {supplier})))

    def to(self, **changes: Any) -> str:
        """The address of this view with some changes; any but of the page begins at page one."""
        other = replace(self, **{"page": 1, **changes})
        told = {
            each.name: getattr(other, each.name)
            for each in fields(other)
            if getattr(other, each.name) != each.default
        }
        return "?" + urlencode(told) if told else "./"

    def hidden(self, *but: str) -> dict[str, str]:
        """What a form has to carry along besides its own fields."""
        return {
            each.name: str(getattr(self, each.name))
            for each in fields(self)
            if each.name not in {*but, "page"} and getattr(self, each.name) != each.default
        }


def read_wanted(query: Mapping[str, str]) -> Wanted:
    """Read an address; what makes no sense is taken for the plain view."""
    plain = Wanted()
    given: dict[str, Any] = {
        name: query[name][:_LONGEST] for name in ("supplier", "q", "open") if name in query
    }
    for name, choices in _CHOICES.items():
        if query.get(name) in choices:
            given[name] = query[name]
    return replace(
        plain,
        **given,
        days=min(max(_whole(query.get("days", ""), plain.days), 1), SPANS[-1]),
        page=max(_whole(query.get("page", ""), 1), 1),
    )


def _whole(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else otherwise


def codes_of(tones: frozenset[str]) -> frozenset[str]:
    """The letters that count for one of the tones; all of them where none is asked for."""
    return frozenset(code for code, mark in ALL.items() if not tones or tones & mark.tones)
