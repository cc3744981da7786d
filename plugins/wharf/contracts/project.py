"""A project's contract files, read together: valid ones beside the errors of the broken ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from wharf.contracts.alerts import Routing
from wharf.contracts.calendars import Calendar, combine_calendars
from wharf.contracts.feed import Feed
from wharf.contracts.model import Model
from wharf.contracts.product import Product
from wharf.contracts.spec import Spec, SpecT, build, parse_yaml, read_yaml
from wharf.errors import ContractError


@dataclass(frozen=True)
class ContractFile:
    """One valid contract file: its path in the project, its bytes' hash and its text."""

    path: str
    sha256: str
    text: str
    spec: Spec


@dataclass(frozen=True)
class Project:
    """Everything a project's files say."""

    root: Path
    feeds: Mapping[str, Feed] = field(default_factory=dict)
    products: Mapping[str, Product] = field(default_factory=dict)
    models: Mapping[str, Model] = field(default_factory=dict)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    routing: Routing = field(default_factory=Routing)
    files: Mapping[str, ContractFile] = field(default_factory=dict)
    """Valid files, by `file_key`."""
    invalid: tuple[ContractError, ...] = ()

    def consumers(self, name: str) -> tuple[Product, ...]:
        """Products that read a feed or product, sorted by name."""
        return tuple(p for _, p in sorted(self.products.items()) if name in p.inputs)


def load_calendar(root: Path, name: str) -> Calendar:
    """Read one calendar and those it names; broken others do not matter.

    Raises:
        ContractError: The calendar or one that it names is broken or not there.
    """
    found: dict[str, Calendar] = {}
    wanted = [name]
    while wanted:
        each = wanted.pop()
        label = f"dags/calendars/{each}.yaml"
        if each in found or (found and not (root / label).exists()):
            continue
        found[each] = build(Calendar, read_yaml(root / label, label), label)
        wanted += [member for _, member in found[each].named]
    whole, problems = combine_calendars(found)
    if name in problems:
        raise ContractError(f"dags/calendars/{name}.yaml", problems[name])
    return whole[name]


def load_feeds(root: Path) -> Project:
    """Read `dags/feeds/` of a project; a broken file never hides the others."""
    return _load(root, {"dags/feeds/*/*.yaml": Feed})


def load_feed(path: Path) -> Feed:
    """Read one feed file.

    Raises:
        ContractError: The file is broken or its name and place disagree.
    """
    feed = build(Feed, parse_yaml(path.read_bytes(), path.name), path.name)
    supplier, _, name = feed.feed.partition(".")
    if (path.parent.name, path.stem) != (supplier, name):
        where = f"feeds/{supplier}/{name}.yaml"
        raise ContractError(path.name, [f"feed is {feed.feed!r}, so the file must be {where}"])
    return feed


def load_products(root: Path) -> Project:
    """Read `dags/products/` of a project."""
    return _load(root, {"dags/products/*.yaml": Product})


def load_models(root: Path) -> Project:
    """Read `dags/models/` of a project."""
    return _load(root, {"dags/models/*.yaml": Model})


def load_project(root: Path) -> Project:
    """Read all contract files of a project and check what they say about each other."""
    project = _load(
        root,
        {
            "dags/calendars/*.yaml": Calendar,
            "dags/feeds/*/*.yaml": Feed,
            "dags/products/*.yaml": Product,
            "dags/models/*.yaml": Model,
            "dags/alerts.yaml": Routing,
        },
    )
    calendars, wrong = combine_calendars(project.calendars)
    project = replace(project, calendars=calendars)
    problems = [
        *(ContractError(project.files[f"calendars/{name}"].path, w) for name, w in wrong.items()),
        *_cross_check(project),
    ]
    return replace(project, invalid=(*project.invalid, *problems))


def _load(root: Path, patterns: Mapping[str, type[Spec]]) -> Project:
    found: dict[type[Spec], dict[str, Spec]] = {kind: {} for kind in patterns.values()}
    files: dict[str, ContractFile] = {}
    invalid: list[ContractError] = []
    for pattern, kind in patterns.items():
        for path in sorted(root.glob(pattern)):
            label = path.relative_to(root).as_posix()
            try:
                data = path.read_bytes()
                spec = _read(kind, data, label)
                name = _name(spec, path)
                _check_place(spec, path, label)
                if name in found[kind]:
                    raise ContractError(label, [f"{name!r} is defined twice"])
            except ContractError as error:
                invalid.append(error)
                continue
            except OSError as error:
                invalid.append(ContractError(label, [f"cannot be read: {error.strerror}"]))
                continue
            found[kind][name] = spec
            digest = hashlib.sha256(data).hexdigest()
            files[file_key(spec, name)] = ContractFile(label, digest, data.decode(), spec)
    routing = next(iter(found.get(Routing, {}).values()), Routing())
    assert isinstance(routing, Routing)
    return Project(
        root=root,
        feeds=_of(found, Feed),
        products=_of(found, Product),
        models=_of(found, Model),
        calendars=_of(found, Calendar),
        routing=routing,
        files=files,
        invalid=tuple(invalid),
    )


def file_key(spec: Spec, name: str) -> str:
    """What a contract file is kept under: feeds and products by name, the others by kind too."""
    match spec:
        case Calendar():
            return f"calendars/{name}"
        case Model():
            return f"models/{name}"
        case Routing():
            return "alerts.yaml"
    return name


def _of(found: Mapping[type[Spec], Mapping[str, Spec]], kind: type[SpecT]) -> dict[str, SpecT]:
    return {name: spec for name, spec in found.get(kind, {}).items() if isinstance(spec, kind)}


def _read(kind: type[SpecT], data: bytes, label: str) -> SpecT:
    return build(kind, parse_yaml(data, label), label)


def _name(spec: Spec, path: Path) -> str:
    match spec:
        case Feed():
            return spec.feed
        case Product():
            return spec.product
        case Model():
            return spec.model
        case Calendar():
            return spec.calendar
    return path.stem


def _check_place(spec: Spec, path: Path, label: str) -> None:
    name = _name(spec, path)
    if isinstance(spec, Feed):
        supplier, _, feed = name.partition(".")
        if supplier == "products":
            raise ContractError(label, ["no supplier may be called 'products'"])
        if (path.parent.name, path.stem) != (supplier, feed):
            where = f"dags/feeds/{supplier}/{feed}.yaml"
            raise ContractError(label, [f"feed is {name!r}, so the file must be {where}"])
    elif path.stem != name and not isinstance(spec, Routing):
        raise ContractError(label, [f"names {name!r}, so the file must be {name}.yaml"])


def _cross_check(project: Project) -> list[ContractError]:
    told: dict[str, list[str]] = {}
    writers: dict[str, str] = {}
    for feed in project.feeds.values():
        first = writers.setdefault(feed.table, feed.feed)
        told[feed.feed] = _calendar_problems(project, "period.calendar", feed.period.calendar)
        if first != feed.feed:
            told[feed.feed] += [f"table is {feed.table!r}, which {first} writes already"]
    for each in project.products.values():
        told[each.product] = _calendar_problems(project, "period.calendar", each.period.calendar)
        told[each.product] += _product_problems(project, each)
    told["alerts.yaml"] = [
        problem
        for channel in project.routing.channels
        if channel.attention
        for problem in _calendar_problems(
            project, f"channels.{channel.name}.attention.calendar", channel.attention.calendar
        )
    ]
    return [ContractError(project.files[name].path, lines) for name, lines in told.items() if lines]


def _calendar_problems(project: Project, field: str, calendar: str | None) -> list[str]:
    if not calendar or calendar in project.calendars:
        return []
    if (project.root / f"dags/calendars/{calendar}.yaml").exists():
        return []  # Its own file is named as the broken one.
    choices = ", ".join(sorted(project.calendars)) or "none yet"
    return [f"{field} is {calendar!r}; calendars here: {choices}"]


def _has_file(root: Path, name: str) -> bool:
    """Whether a feed or product has a file, however broken it may be."""
    places = (f"dags/feeds/{name.replace('.', '/', 1)}.yaml", f"dags/products/{name}.yaml")
    return any((root / place).exists() for place in places)


def _product_problems(project: Project, product: Product) -> list[str]:
    known = {*project.feeds, *project.products}
    choices = ", ".join(sorted(known - {product.product}))
    found = [
        f"inputs: {name!r} is no feed or product; use {choices}"
        for name in product.inputs
        if name not in known and not _has_file(project.root, name)
    ]
    models = ", ".join(sorted(project.models)) or "none yet"
    return found + [
        f"steps: score {step.score!r} is no model; models: {models}"
        for step in product.steps
        if step.score and step.score not in project.models
    ]
