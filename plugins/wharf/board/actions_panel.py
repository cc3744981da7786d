"""What a person may do about one delivery, as values for the forms on its story."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from wharf.board.actions_guard import Caller
from wharf.board.story import Story
from wharf.decisions import KINDS, Desk, Person, Wish
from wharf.decisions.publishing import is_same_person, waits_for_second
from wharf.decisions.rules import check
from wharf.decisions.situations import situation
from wharf.decisions.telling import sentence, status
from wharf.errors import DecisionRefused
from wharf.ledger.rows import Decision

LABELS = {
    "ack": "Take care of it",
    "snooze": "Silence it for a while",
    "promise": "The supplier promised a later time",
    "waive": "Expect nothing for this period",
    "accept_partial": "Accept the parts that are there",
    "use_last_good": "Let a product read an earlier batch",
    "force_publish": "Publish a batch against the rules",
    "mark_duplicate": "A file is only a repetition",
    "mark_restatement": "A file is a new version",
    "suspend": "Suspend the whole feed",
}
BUTTONS = {
    "ack": "I take care of it",
    "snooze": "Silence it",
    "promise": "Note the promise",
    "waive": "Expect nothing",
    "accept_partial": "Accept them",
    "use_last_good": "Allow it",
    "force_publish": "Publish it",
    "mark_duplicate": "It is a repetition",
    "mark_restatement": "It is a new version",
    "suspend": "Suspend it",
}


@dataclass(frozen=True)
class Offer:
    """One form: a kind of decision that is allowed now."""

    kind: str
    label: str
    says: str
    button: str
    until: str
    """The end that stands in the form, on the supplier's clock."""
    choices: tuple[tuple[str, str], ...] = ()
    """Values and labels of what it may be about, where there is a choice."""
    chooses: str = ""
    """The field of that choice."""


@dataclass(frozen=True)
class Taken:
    """One decision about the delivery that can still be changed, in words."""

    seq: int
    text: str
    can_be_revoked: bool
    waits: bool
    """Whether it waits for a second person, and this caller could be that."""


@dataclass(frozen=True)
class Panel:
    """All that stands in the part of a story where people decide."""

    feed: str
    period: str
    tz: str
    caller: str
    may_decide: bool
    has_login: bool
    token: str
    offers: tuple[Offer, ...]
    taken: tuple[Taken, ...]
    parts: tuple[str, ...]
    limit: int
    """The most bytes a file handed in may have."""
    said: str = ""
    """What was decided or done last, to be shown once."""
    problem: str = ""
    filled: Mapping[str, str] = field(default_factory=dict)
    """What was typed into the form that was refused."""
    trial: Any = None


def build_panel(
    desk: Desk,
    story: Story,
    caller: Caller,
    *,
    token: str,
    limit: int,
    **more: Any,
) -> Panel:
    """What this caller may do about a delivery."""
    may_decide = caller.may_change(story.feed.dag_id)
    person = Person(caller.name, "board", caller.has_login)
    offers = tuple(_offers(desk, story, person)) if may_decide else ()
    return Panel(
        feed=story.feed.feed,
        period=story.row.period,
        tz=story.tz,
        caller=caller.name,
        may_decide=may_decide,
        has_login=caller.has_login,
        token=token if may_decide else "",
        offers=offers,
        taken=tuple(
            told
            for each in story.decisions
            if (told := _taken(each, caller, story.at)).can_be_revoked or told.waits
        ),
        parts=story.feed.source.parts,
        limit=limit,
        **more,
    )


def _offers(desk: Desk, story: Story, person: Person) -> Iterator[Offer]:
    """Kinds for which a wish with a usual end would be taken now."""
    for name, label in LABELS.items():
        field_, choices = _choices(desk, story, name)
        usual = _usual_end(story, name)
        allowed = []
        for value, text in choices:
            detail = {field_: value, "max_age": "1d"} if field_ else {}
            period = None if name == "suspend" else story.row.period
            wish = Wish(name, story.feed.feed, "why", usual, period, detail=detail)
            if _is_allowed(desk, story, wish, person):
                allowed.append((value, text))
        if allowed:
            local = usual.astimezone(ZoneInfo(story.tz))
            kind = KINDS[name]
            yield Offer(
                name, label, kind.says, BUTTONS.get(name, label), f"{local:%Y-%m-%dT%H:%M}",
                tuple(allowed) if field_ else (), field_,
            )  # fmt: skip


def _is_allowed(desk: Desk, story: Story, wish: Wish, person: Person) -> bool:
    here = situation(
        desk, wish, row=story.row, state=story.state, made=story.batches,
        read_now=story.read_now, landed=story.deliveries, decided=story.decisions,
    )  # fmt: skip
    try:
        check(wish, here, person, story.at)
    except DecisionRefused:
        return False
    return True


def _choices(desk: Desk, story: Story, kind: str) -> tuple[str, list[tuple[str, str]]]:
    match KINDS[kind].about:
        case "consumer":
            products = sorted(desk.products.items())
            names = [name for name, each in products if story.feed.feed in each.inputs]
            return "consumer", [(name, name) for name in names]
        case "batch":
            words = [(b.batch_id, f"{b.batch_id}, {b.status.lower()}") for b in story.batches]
            return "batch_id", words[::-1]
        case "file":
            return "delivery", [
                (str(each.seq), f"{each.path}, version {each.version}, {each.verdict.lower()}")
                for each in story.deliveries
            ]
    return "", [("", "")]


def _usual_end(story: Story, kind: str) -> datetime:
    """The end that is offered: what outlasts the cut-off settles a waiver for good."""
    usual = story.at + KINDS[kind].usual
    if kind == "waive":
        return max(story.at + timedelta(hours=1), story.row.cutoff_at)
    if kind == "promise":
        later = max(usual, story.row.late_at + timedelta(hours=1))
        return min(later, story.row.cutoff_at)
    return usual


def _taken(row: Decision, caller: Caller, now: datetime) -> Taken:
    open_ = status(row, now) in {"in force", "waits for a second person"}
    excuses = row.kind in {"waive", "suspend", "maintenance"} and row.revoked_at is None
    return Taken(
        seq=row.seq,
        text=sentence(row, now),
        can_be_revoked=open_ or excuses,
        waits=(
            waits_for_second(row, now)
            and caller.has_login
            and not is_same_person(caller.name, row.by)
        ),
    )
