"""The kinds of decisions: what each is about, what it does, and for how long at most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

About = Literal["delivery", "periods", "feed", "consumer", "batch", "file", "window"]


@dataclass(frozen=True)
class Kind:
    """One kind of decision."""

    name: str
    about: About
    """One delivery, a range of periods or one of them, the whole feed, one product that reads a
    delivery, a batch, a landed file, or all that falls due within a window."""
    longest: timedelta
    """From now to its end at most."""
    usual: timedelta
    """What is offered when nobody says until when."""
    says: str
    """What it does, after "by deciding so you ...": one sentence without its stop."""


_DAY = timedelta(days=1)
KINDS = {
    kind.name: kind
    for kind in (
        Kind("ack", "delivery", 7 * _DAY, timedelta(hours=4),
             "take care of it: reminders stop until then, what is new is still told"),
        Kind("snooze", "delivery", 3 * _DAY, timedelta(hours=2),
             "hear nothing more of it until then, except that it came"),
        Kind("waive", "periods", 400 * _DAY, 7 * _DAY,
             "expect nothing for it; what comes all the same is taken and noted"),
        Kind("promise", "delivery", 62 * _DAY, timedelta(hours=2),
             "put the alarm off until then; the due time stays what the contract says"),
        Kind("suspend", "feed", 366 * _DAY, 7 * _DAY,
             "expect nothing of the feed that falls due between now and then"),
        Kind("accept_partial", "delivery", 7 * _DAY, _DAY,
             "take the parts that are there for the whole; a run started until then stages them"),
        Kind("use_last_good", "consumer", 35 * _DAY, 2 * _DAY,
             "let a product read an earlier batch in its place until then"),
        Kind("force_publish", "batch", 3 * _DAY, _DAY,
             "publish a batch against the rules; over a failed critical check only with a second "
             "person, until then"),
        Kind("mark_duplicate", "file", 7 * _DAY, _DAY,
             "take a landed file for a repetition: the version before it counts"),
        Kind("mark_restatement", "file", 7 * _DAY, _DAY,
             "take a landed file for a new version: it is staged and audited"),
        Kind("maintenance", "window", 62 * _DAY, _DAY,
             "expect nothing that falls due within the window"),
    )
}  # fmt: skip
