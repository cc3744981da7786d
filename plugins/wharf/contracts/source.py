"""Where and how a feed's files are found."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from wharf.contracts.spec import IDENTIFIER, Duration, OptionalText, Spec


class FileSource(Spec):
    """What all file sources share: a path pattern below the connection's root."""

    connection: Annotated[str, Field(pattern=IDENTIFIER)]
    path: str
    parts: tuple[str, ...] = ()
    done_flag: OptionalText = None
    period_from: Literal["name"] = "name"
    stable_for: Duration = timedelta(0)
    min_bytes: int = 1
    absence: Literal["ignore", "withdrawn"] = "ignore"

    @field_validator("period_from", mode="before")
    @classmethod
    def _comes_from_the_path(cls, value: object) -> object:
        if value in {"arrival", "column"}:
            raise ValueError(
                f"{value} is not read: a file's period stands in its path. Write {{period...}} in "
                "path; for a file that is overwritten in place, in a folder of its period"
            )
        return value

    @field_validator("path", "done_flag")
    @classmethod
    def _stays_below_the_root(cls, value: str | None) -> str | None:
        if value and (value.startswith(("/", "~")) or ".." in value.split("/") or "\\" in value):
            raise ValueError("write a path below the connection's root, without '..'")
        return value

    @field_validator("parts")
    @classmethod
    def _parts_are_plain(cls, parts: tuple[str, ...]) -> tuple[str, ...]:
        bad = [
            part
            for part in parts
            if not part or (not part.replace("-", "_").isalnum() and "_" not in part)
        ]
        if bad or len(set(parts)) != len(parts):
            raise ValueError("parts are distinct names of letters, digits, - and _")
        return parts

    @model_validator(mode="after")
    def _parts_are_in_the_path(self) -> FileSource:
        if self.parts and "{part}" not in self.path:
            raise ValueError("parts are given, so path must contain {part}")
        if "{part}" in self.path and not self.parts:
            raise ValueError("path contains {part}, so parts must list them")
        if "{period" not in self.path:
            raise ValueError("path must contain {period...}: it says which period a file is of")
        return self

    @property
    def expected_parts(self) -> tuple[str, ...]:
        """Names of the parts of one delivery; one unnamed part by default."""
        return self.parts or ("",)


class LocalSource(FileSource):
    """Files in a folder of this machine; the connection's `root` is the folder."""

    kind: Literal["local"]


class HttpSource(FileSource):
    """Files behind a web server; the connection's host is the base address."""

    kind: Literal["http"]
    index: OptionalText = None


Source = Annotated[LocalSource | HttpSource, Field(discriminator="kind")]
