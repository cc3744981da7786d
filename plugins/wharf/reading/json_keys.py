"""Which key of an object is which column of the contract, and so of which type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wharf.contracts import Column
from wharf.contracts.formats import FileFormat
from wharf.contracts.shapes import Primitive, Type, parse_type
from wharf.reading.dates import ISO_DATE
from wharf.reading.header import plain
from wharf.reading.json_patterns import Leaf, leaves_in
from wharf.reading.opened import Wanted


class KeyTypes:
    """The types of keys, which match columns as the cells of a header do."""

    def __init__(self, wanted: Wanted) -> None:
        columns = wanted.columns or {}
        spelled = [
            (spelling, parse_type(spec.type))
            for name, spec in columns.items()
            for spelling in (name, *spec.aliases)
        ]
        self._loose = {plain(spelling): type_ for spelling, type_ in spelled}
        self._known: dict[str, Type | None] = dict(spelled)
        plainly = _is_plain(wanted.format, columns.values())
        self.leaves: Mapping[str, Leaf] = (
            leaves_in(type_ for _, type_ in spelled) if plainly else {}
        )

    def of(self, key: str) -> Type | None:
        """The type of a key; None where the contract does not know it."""
        if key not in self._known:
            self._known[key] = self._loose.get(plain(key))
        return self._known[key]

    def nested(self, key: str) -> Type | None:
        """The type of a key whose values are structs, lists or maps."""
        type_ = self.of(key)
        return None if isinstance(type_, Primitive) else type_


def _is_plain(fmt: FileFormat | None, columns: Iterable[Column]) -> bool:
    """Whether numbers and dates can mean nothing but themselves under a contract."""
    given = [*columns]
    spellings = [fmt.nulls if fmt else (), *(each.nulls or () for each in given)]
    words = {word.lower() for some in spellings for word in some}
    dated = any(each.format for each in given) or (fmt and ISO_DATE not in fmt.date_formats)
    return not (
        dated or words & {"true", "false"} or any(char.isdigit() for w in words for char in w)
    )
