"""What every contract file shares: frozen models, unknown keys refused, helpful errors."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from wharf.errors import ContractError

IDENTIFIER = r"^[a-z][a-z0-9_]{0,62}$"
_DURATION = re.compile(r"^(\d+)(s|m|h|d)$")
_UNIT = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Spec(BaseModel):
    """Base of every contract model: immutable, and strict about its keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, populate_by_name=True
    )


def parse_duration(value: object) -> object:
    """Read `90s`, `20m`, `2h` or `3d` as a timedelta."""
    if isinstance(value, str):
        match = _DURATION.match(value.strip())
        if not match:
            raise ValueError("write a duration such as 90s, 20m, 2h or 3d")
        return timedelta(**{_UNIT[match[2]]: int(match[1])})
    return value


def parse_absent(value: object) -> object:
    """Read the words `null`, `~` and an empty text as no value."""
    return None if isinstance(value, str) and value.strip() in {"", "null", "~"} else value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
OptionalText = Annotated[str | None, BeforeValidator(parse_absent)]

SpecT = TypeVar("SpecT", bound=Spec)


def read_yaml(path: Path, label: str) -> dict[str, Any]:
    """Read one YAML mapping, every scalar as text (YAML 1.1 would turn `NO` into false).

    Raises:
        ContractError: The file is unreadable, not YAML, or not a mapping.
    """
    return parse_yaml(path.read_bytes(), label)


def parse_yaml(text: bytes | str, label: str) -> dict[str, Any]:
    """Parse one YAML mapping from text; see `read_yaml`."""
    try:
        raw = yaml.load(text, Loader=yaml.CBaseLoader)
    except yaml.YAMLError as error:
        raise ContractError(label, [f"not valid YAML: {_one_line(error)}"]) from error
    except UnicodeDecodeError as error:
        raise ContractError(label, [f"not UTF-8 text: {error}"]) from error
    if not isinstance(raw, dict):
        raise ContractError(label, ["must be a mapping of keys; it is empty or a list"])
    return raw


def build(model: type[SpecT], raw: dict[str, Any], label: str) -> SpecT:
    """Validate one mapping against its model.

    Args:
        model: The contract model.
        raw: What the file says.
        label: The file's name as the user knows it.

    Raises:
        ContractError: One line for each problem, with field, value and choices.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise ContractError(
            label, sorted({_say(model, item) for item in error.errors()})
        ) from error


def _say(model: type[BaseModel], item: ErrorDetails) -> str:
    tags = {"tagged-union", "union"}
    location = [str(part) for part in item["loc"] if str(part) not in tags]
    field = ".".join(location)
    value = item.get("input")
    shown = "" if isinstance(value, dict | list) else f" is {value!r}"
    context = item.get("ctx") or {}
    match item["type"]:
        case "extra_forbidden":
            near = difflib.get_close_matches(location[-1], list(_fields(model, location)), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            choices = ", ".join(sorted(_fields(model, location)))
            return f"{field}: unknown key{hint} (keys here: {choices})"
        case "missing":
            return f"{field}: is required"
        case "literal_error":
            return f"{field}{shown}; use {context.get('expected', '')}"
        case "union_tag_invalid":
            key = str(context.get("discriminator", "kind")).strip("'")
            tag = context.get("tag")
            return f"{field}.{key} is {tag!r}; use {context.get('expected_tags', '')}"
        case "value_error":
            return f"{field}{shown}; {context.get('error', item['msg'])}".lstrip("; ")
        case _:
            return f"{field}{shown}; {item['msg']}".lstrip("; ")


def _fields(model: type[BaseModel], location: list[str]) -> Iterator[str]:
    """Names allowed beside the last part of a location, as the user writes them."""
    candidates: list[type[BaseModel]] = [model]
    for part in location[:-1]:
        found = [
            inner
            for candidate in candidates
            for name, info in candidate.model_fields.items()
            if part in {name, info.alias}
            for inner in _models_in(info.annotation)
        ]
        candidates = found or candidates
    for candidate in candidates:
        for name, info in candidate.model_fields.items():
            yield info.alias or name


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
