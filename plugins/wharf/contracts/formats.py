"""How a feed's files are written, and what columns they hold."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from wharf.contracts.shapes import parse_type
from wharf.contracts.spec import OptionalText, Spec

_RANGE = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})?:([A-Z]{1,3})((?(2)[1-9]\d{0,6}))")


class Column(Spec):
    """One column of a feed: its Iceberg type and how suppliers spell it."""

    type: str
    required: bool = False
    aliases: tuple[str, ...] = ()
    formerly: tuple[str, ...] = ()
    """Names that this column had in the table: it stays the same column, with all its values."""
    nulls: tuple[str, ...] | None = None
    format: OptionalText = None
    sensitive: bool = False
    about: str = ""

    @property
    def spellings(self) -> tuple[str, ...]:
        """How a supplier may write it, beside its name: files of before a renaming too."""
        return (*self.aliases, *self.formerly)

    @field_validator("type")
    @classmethod
    def _is_an_iceberg_type(cls, value: str) -> str:
        return str(parse_type(value))


class Format(Spec):
    """What all formats share."""

    members: OptionalText = None
    """Pattern of the members of a zip archive that are read together, such as `*.csv`."""
    header: Literal["find"] | int = "find"
    nulls: tuple[str, ...] = ("",)
    trim: bool = False
    tz: str = "UTC"
    date_formats: tuple[str, ...] = ("%Y-%m-%d",)

    @field_validator("tz")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        return known_zone(value)


class CsvFormat(Format):
    """Delimited text, also compressed (gz, zip, zst and bz2 are recognised by content)."""

    kind: Literal["csv"]
    encoding: str = "utf-8"
    delimiter: Annotated[str, Field(min_length=1, max_length=4)] = ","
    quote: Annotated[str, Field(max_length=1)] = '"'
    escape: Literal["", "\\"] = ""
    comment: Literal["", "#"] = ""
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""

    @field_validator("delimiter", mode="before")
    @classmethod
    def _reads_a_tab(cls, value: object) -> object:
        return "\t" if value in {"\\t", "tab"} else value

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError:
            raise ValueError("use a known encoding such as utf-8, utf-16 or cp1252") from None
        return value


class FixedFormat(Format):
    """Text whose columns stand at fixed places of each line, compressed or not."""

    kind: Literal["fixed"]
    positions: dict[str, tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]]
    """First and last character of each column, from 1."""
    header: Annotated[int, Field(ge=0, le=100)] = 0
    """The line of the header, which no column is found by; rows begin below it. 0 for none."""
    encoding: str = "utf-8"
    trim: bool = True
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'"] = ""

    @field_validator("positions")
    @classmethod
    def _are_positions(cls, value: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
        if wrong := [name for name, (first, last) in value.items() if first > last]:
            raise ValueError(f"write the first character before the last: {', '.join(wrong)}")
        return value


class ExcelFormat(Format):
    """A sheet of a workbook (.xlsx, .xls, .xlsb or .ods, recognised by content)."""

    kind: Literal["excel"]
    sheet: OptionalText = None
    range: OptionalText = None
    """Part of the sheet with its header, such as `B4:H200` or `B:H`; no cell outside is read."""
    trim: bool = True

    @field_validator("range")
    @classmethod
    def _is_a_range(cls, value: str | None) -> str | None:
        if value is None:
            return None
        match = _RANGE.fullmatch(value.upper())
        if match is None:
            raise ValueError("write corners such as B4:H200, or columns such as B:H")
        first, top, last, bottom = match.groups()
        if (len(first), first) > (len(last), last) or (top and int(top) > int(bottom)):
            raise ValueError("write the upper left corner first, such as B4:H200")
        return value.upper()


class JsonLinesFormat(Format):
    """One JSON object on each line, also compressed."""

    kind: Literal["jsonl"]
    encoding: str = "utf-8"


class JsonFormat(Format):
    """A JSON document: a list of objects, also inside an outer object; compressed or not."""

    kind: Literal["json"]
    encoding: str = "utf-8"
    records: OptionalText = None
    """Path of the list of objects, such as `data.items`; without it the whole is the list, or one
    object after the other."""

    @field_validator("records")
    @classmethod
    def _is_a_path(cls, value: str | None) -> str | None:
        if value is not None and not all(value.split(".")):
            raise ValueError("write the keys that lead to the list, such as data.items")
        return value


class ParquetFormat(Format):
    """A Parquet file."""

    kind: Literal["parquet"]


FileFormat = Annotated[
    CsvFormat | FixedFormat | ExcelFormat | JsonLinesFormat | JsonFormat | ParquetFormat,
    Field(discriminator="kind"),
]


def known_zone(value: str) -> str:
    """Check that a text names an IANA time zone."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("use an IANA time zone such as Europe/Amsterdam") from None
    return value
