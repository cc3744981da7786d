"""What a batch is: its name, its columns, its files, and the record that lies beside them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

from wharf.contracts.shapes import Type, children, parse_type
from wharf.errors import LakeError

FieldIds: TypeAlias = "int | Mapping[str, FieldIds]"
_BATCH_ID = re.compile(r"^(\d{8}T\d{9})Z-([0-9a-f]{6})\Z")


@dataclass(frozen=True)
class BatchId:
    """The name of a batch: its UTC time to the millisecond, and six random digits.

    A name, never an order: versions and ledger sequences decide what is newer.
    """

    at: datetime
    random: str

    def __str__(self) -> str:
        return f"{self.at:%Y%m%dT%H%M%S}{self.at.microsecond // 1000:03d}Z-{self.random}"

    @classmethod
    def parse(cls, text: str) -> BatchId:
        """Read a batch id such as `20261120T060412345Z-7f3a9c`.

        Raises:
            LakeError: The text is no batch id.
        """
        match = _BATCH_ID.match(text)
        try:
            if not match:
                raise ValueError(text)
            at = datetime.strptime(match[1] + "000", "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
        except ValueError:
            raise LakeError(
                f"{text!r} is not a batch id; write it as 20261120T060412345Z-7f3a9c"
            ) from None
        return cls(at, match[2])


def new_batch_id(now: datetime) -> str:
    """Name a new batch.

    Args:
        now: An aware time; it becomes the readable half of the name.
    """
    at = now.astimezone(UTC)
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    return str(BatchId(at, secrets.token_hex(3)))


@dataclass(frozen=True)
class LakeColumn:
    """One column as the lake knows it: the field id is its identity, the name may be shown."""

    name: str
    type: str
    """Iceberg type text, for example `long` or `decimal(14, 2)`."""
    field_id: int
    required: bool = False
    """Whether the batch promises no missing values; the lake's own columns stay optional."""
    formerly: str = ""
    """What the table called it when the batch was staged, where this batch renames it."""
    inner: tuple[int, ...] = ()
    """Field ids inside a nested column, outer before inner, in the order of its type text."""

    @property
    def ids(self) -> FieldIds:
        """Its field ids, as a nested mapping where it has some inside; `""` is its own."""
        if not self.inner:
            return self.field_id
        return _nested_ids(self.field_id, parse_type(self.type), iter(self.inner))


def _nested_ids(own: int, type_: Type, inner: Iterator[int]) -> FieldIds:
    inside = {name: _nested_ids(next(inner), each, inner) for name, each in children(type_)}
    return {"": own, **inside} if inside else own


def _column(item: dict[str, Any]) -> LakeColumn:
    return LakeColumn(**{**item, "inner": tuple(item.get("inner", ()))})


@dataclass(frozen=True)
class StagedFile:
    """One immutable file of a batch."""

    uri: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Batch:
    """One complete version of a partition; the same facts lie in its `_batch.json`."""

    batch_id: str
    table: str
    period: str
    files: tuple[StagedFile, ...]
    rows: int
    columns: tuple[LakeColumn, ...]
    rows_quarantined: int = 0
    quarantine: StagedFile | None = None
    origin: Mapping[str, object] = field(default_factory=dict)
    """Where it came from: feed or product, deliveries, contract, run, version, inputs."""

    def with_origin(self, origin: Mapping[str, object]) -> Batch:
        """The same batch, saying where it came from."""
        return replace(self, origin=origin)

    def to_json(self) -> str:
        """The text of `_batch.json`."""
        return json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Batch:
        """Read the text of a `_batch.json`.

        Raises:
            LakeError: The text is not the record of a batch.
        """
        try:
            raw: dict[str, Any] = json.loads(text)
            quarantine = raw.pop("quarantine")
            return cls(
                files=tuple(StagedFile(**item) for item in raw.pop("files")),
                columns=tuple(_column(item) for item in raw.pop("columns")),
                quarantine=StagedFile(**quarantine) if quarantine else None,
                **raw,
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise LakeError(f"this is not the record of a batch: {error}") from error
