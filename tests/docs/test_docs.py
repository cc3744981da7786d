"""The documents keep step with the code."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from wharf import errors
from wharf.cli.docs import docs as write_docs
from wharf.cli.main import COMMANDS, wharf
from wharf.contracts.feed import Feed

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def test_there_are_pages() -> None:
    assert len(PAGES) > 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_setting_is_documented() -> None:
    code = (ROOT / "plugins/wharf/settings.py").read_text(encoding="utf-8")
    text = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    for name in sorted(set(re.findall(r"WHARF_[A-Z0-9_]+", code))):
        assert f"`{name}`" in text, name


def test_the_command_reference_is_what_the_commands_say(tmp_path: Path) -> None:
    fresh = tmp_path / "commands.md"
    with click.Context(wharf):
        write_docs.main(["--out", str(fresh)], standalone_mode=False)
    assert fresh.read_text() == (ROOT / "docs/commands.md").read_text(), "run `make docs`"


def test_every_wharf_command_in_the_documents_exists() -> None:
    for page in PAGES:
        for name in re.findall(r"`(?:\.venv/bin/)?wharf ([a-z-]+)", page.read_text()):
            assert name in COMMANDS, f"{page.name}: wharf {name}"


def test_every_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for name in re.findall(r"`?make ([a-z-]+)", page.read_text()):
            if f"`make {name}" in page.read_text():
                assert name in targets, f"{page.name}: make {name}"


def test_every_key_of_a_feed_is_documented() -> None:
    text = (ROOT / "docs/contracts.md").read_text(encoding="utf-8")
    for name, field in Feed.model_fields.items():
        assert f"`{field.alias or name}`" in text, name


def test_the_drawn_tree_of_errors_names_every_error() -> None:
    drawn = errors.__doc__ or ""
    for name, thing in vars(errors).items():
        if isinstance(thing, type) and issubclass(thing, errors.WharfError):
            assert name in drawn, name
