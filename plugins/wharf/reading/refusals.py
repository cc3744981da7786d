"""Why a whole file is refused, or one row of it quarantined: the words, and the next step.

Every refusal of this room has a kind from `REFUSALS`, so that a person, a test and a dashboard can
tell a truncated archive from a wrong header without reading prose.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from wharf.contracts import Column
from wharf.errors import DeliveryRefused

_SEND_AGAIN = "Ask the supplier to send the file again; nothing of it was staged."
_CHANGE_FORMAT = "Ask the supplier for the agreed format, or change `format` in the feed file."
_CHANGE_COLUMNS = (
    "Compare with `columns` in the feed file: add an alias for a renamed column, "
    "or ask the supplier for the agreed file."
)

_GIVE_MORE = "Look at its size and content; if they are right, allow more, or ask for it in parts."

REFUSALS: Final[dict[str, str]] = {
    "empty": _SEND_AGAIN,
    "truncated": "The upload was cut off. " + _SEND_AGAIN,
    "damaged": _SEND_AGAIN,
    "too_large": "If this size is right, ask the supplier to send it in parts.",
    "unsafe_archive": "Do not open it by hand; ask the supplier for an archive of plain names.",
    "encrypted": "Ask the supplier for a file without a password.",
    "several_files": (
        'Name the members to read in the feed file, such as `format.members: "*.csv"`, ask for one '
        "file in each archive, or list the files as `source.parts`."
    ),
    "no_file": "Give the path of a file that this user may read.",
    "positions": "Give each column of the feed file its place in `format.positions`.",
    "no_member": "Set `format.members` in the feed file to a pattern of the members named here.",
    "unreadable": _CHANGE_FORMAT,
    "other_format": _CHANGE_FORMAT,
    "conflict_markers": "The supplier published an unfinished merge. " + _SEND_AGAIN,
    "delimiter": "Set `format.delimiter` in the feed file, or ask for the agreed file.",
    "encoding": "Set `format.encoding` in the feed file, or ask for the agreed file.",
    "no_sheet": "Set `format.sheet` in the feed file to one of the sheets named here.",
    "no_header": _CHANGE_COLUMNS,
    "duplicate_header": "Ask the supplier to name every column once.",
    "unnamed_column": (
        "Ask the supplier to name the column, or add its position, such as '#3', to the aliases "
        "of a column of the contract."
    ),
    "missing_columns": _CHANGE_COLUMNS,
    "new_columns": (
        "Add them to `columns`, or set `on_arrival.schema.new_column` to evolve_and_notify."
    ),
    "too_many_columns": "Check that the delimiter is right; no table here has so many columns.",
    "nested": (
        "Give the column a type such as `struct<name: string>`, `list<string>` or "
        "`map<string, string>` in the feed file; `wharf feed new` proposes it."
    ),
    "no_records": (
        "Set `format.records` in the feed file to the keys that lead to the list of objects."
    ),
    "too_slow": _GIVE_MORE,
    "too_much_memory": _GIVE_MORE,
    "reader_died": "Its content breaks the library that reads it. " + _SEND_AGAIN,
    "counts": "This is a fault of wharf, not of the file: please report it with the file.",
}

# Reasons for which single rows go to quarantine, as they stand in its column `reason`.
TOO_FEW: Final = "too few fields"
TOO_MANY: Final = "too many fields"
MALFORMED_QUOTE: Final = "malformed quote"
UNTERMINATED_QUOTE: Final = "unterminated quote"
TOO_LONG: Final = "line too long"
BAD_ENCODING: Final = "not valid in its encoding"
REPEATED_HEADER: Final = "repeats the header"
UNNAMED_VALUE: Final = "value in a column without a name"
REQUIRED: Final = "required value is missing"
NOT_JSON: Final = "not valid JSON"
NOT_AN_OBJECT: Final = "not a JSON object"
KEY_TWICE: Final = "a key stands twice in the object"
TOO_DEEP: Final = "nested too deeply"
NOT_FINITE: Final = "NaN or Infinity is not JSON"


class Refused(DeliveryRefused):
    """A file that this room refuses.

    Attributes:
        kind: A key of `REFUSALS`.
        next_step: What a person can do about it.
    """

    def __init__(self, file: str, kind: str, reason: str) -> None:
        self.kind, self.next_step = kind, REFUSALS[kind]
        super().__init__(file, reason, self.next_step)

    def __reduce__(self) -> tuple[type[Refused], tuple[str, str, str]]:
        return Refused, (self.file, self.kind, self.reason)


def without_texts(error: Refused, columns: Mapping[str, Column]) -> Refused:
    """The same refusal without any text of the file, for where it may hold what nobody is shown.

    A line taken for a header may be one of data. Names of the contract stay.
    """
    known = {text for name, each in columns.items() for text in (name, *each.aliases)}
    reason = error.reason
    if error.kind in {"counts", "damaged"}:
        reason = reason.partition(": ")[0]
    first, last = reason.find("'"), reason.rfind("'")
    if first < last:
        quoted = reason[first : last + 1]
        if not all(each.strip("' ") in known for each in quoted.split(",")):
            reason = f"{reason[:first]}...{reason[last + 1 :]}"
    return Refused(error.file, error.kind, reason)


def describe_refusal(error: DeliveryRefused) -> str:
    """Say in three lines what was refused, why, and what to do next."""
    next_step = getattr(error, "next_step", "")
    lines = [f"Refused: {error.file}", f"Why: {error.reason}"]
    return "\n".join([*lines, f"Next: {next_step}"] if next_step else lines)


def listed(names: object, limit: int = 12) -> str:
    """Name the members of a collection in a message, the first few of many."""
    texts = [shown(str(name)) for name in names] if isinstance(names, list | tuple | set) else []
    more = f" and {len(texts) - limit} more" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more


def shown(text: str, limit: int = 80) -> str:
    """Make a supplier's text safe for one line of a message or a log."""
    safe = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    return f"'{safe[:limit]}{'...' if len(safe) > limit else ''}'"
