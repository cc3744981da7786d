"""The contracts to rehearse: found in a project or in a plain folder, copied to a project's shape.

A file is known by its first words (`feed:`, `calendar:`, `channels:`...), so it may lie anywhere in
a plain folder; messages name it where it lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from wharf.contracts import Feed, Period, Project, load_project
from wharf.contracts.alerts import Channel, Routing
from wharf.contracts.spec import read_yaml
from wharf.errors import ContractError

KINDS = {"feed": "feeds", "calendar": "calendars", "product": "products", "model": "models"}
ROUTING = "channels"
# Without routing every message is still counted: as if one channel heard of everything.
EVERYTHING = Routing(
    channels=(Channel(name="everything", kind="webhook", connection="nowhere", min_level="L0"),)
)


def gather_contracts(folder: Path, target: Path) -> Project:
    """Copy contract files to a project's shape, and read them there.

    Args:
        folder: A project, its `dags` or `dags/feeds`, or a plain folder of feed files whose
            calendars lie in it or beside it.
        target: An empty folder.

    Raises:
        ContractError: A file is broken, or there is no feed; every problem is named.
    """
    origin: dict[str, str] = {}
    problems: list[str] = []
    for path, label in _files(folder):
        try:
            place = _place(path, label)
            if place in origin:
                raise ContractError(label, [f"says the same as {origin[place]}: {place}"])
        except ContractError as error:
            problems.append(str(error))
            continue
        origin[place] = label
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        (target / place).write_bytes(path.read_bytes())
    project = load_project(target)
    for broken in project.invalid:
        named = origin.get(broken.file, broken.file)
        problems += [f"{named}: {problem}" for problem in broken.problems]
    if not project.feeds and not problems:
        wanted = "give a project, or a folder with feed files (they begin with 'feed:')"
        problems.append(f"no feed file here; {wanted}")
    if problems:
        raise ContractError(str(folder), problems)
    return project


def with_channels(project: Project) -> Project:
    """The project, with one channel that hears of everything where it names none."""
    return project if project.routing.channels else replace(project, routing=EVERYTHING)


def active_since(feed: Feed, day: date) -> Feed:
    """A feed as if its promise had held since a day; its periods are those of the contract."""
    period = Period.containing(feed.period.kind, day)
    active = feed.active.model_copy(update={"from_": period.key})
    return feed.model_copy(update={"active": active})


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Contract files with what messages call them."""
    root, beside = folder, folder.parent / "calendars"
    if (folder / "dags" / "feeds").is_dir():
        root = folder / "dags"
    elif folder.name == "feeds" and folder.parent.name == "dags":
        root = folder.parent
    found = sorted(path for path in root.rglob("*.y*ml") if path.suffix in {".yaml", ".yml"})
    yield from ((path, path.relative_to(root).as_posix()) for path in found if path.is_file())
    if root == folder and beside.is_dir() and folder.name != "calendars":
        yield from ((path, f"../calendars/{path.name}") for path in sorted(beside.glob("*.yaml")))


def _place(path: Path, label: str) -> str:
    """Where in a project a file belongs, by what it says it is."""
    try:
        said = read_yaml(path, label)
    except OSError as error:
        raise ContractError(label, [f"cannot be read: {error.strerror}"]) from error
    if ROUTING in said:
        return "dags/alerts.yaml"
    for kind, folder in KINDS.items():
        name = said.get(kind)
        if isinstance(name, str):
            plain = _plain(name)
            return f"dags/{folder}/{plain.replace('.', '/', 1) if kind == 'feed' else plain}.yaml"
    choices = ", ".join(f"'{kind}:'" for kind in (*KINDS, ROUTING))
    raise ContractError(label, [f"is no contract: it has none of {choices}"])


def _plain(name: str) -> str:
    """A name as a path; one that is no name is left for the contract's own check to refuse."""
    kept = "".join(letter if letter.isalnum() or letter in "._" else "-" for letter in name)
    return kept.strip(".").replace("..", ".") or "nameless"
