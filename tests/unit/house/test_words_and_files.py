"""One word for each concept, files that can be read in one sitting, and no foreign addresses."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

BANNED = [
    "vendor",
    "ingestion run",
    "execution date",
    "landing zone",
    "dead letter",
    "bronze",
    "silver",
    "gold",
    "SLA miss",
    "data drop",
]
# The portal's folder for other people's code has the name that such folders have everywhere.
FOLDER_VENDOR = re.compile(r"vendor[/.)`\"']|[/`\"'(]vendor\b|const vendor\b|linguist-vendored")
SOURCE = {".css", ".html", ".js", ".py", ".sql"}
# In two halves, so that this file names none of them either.
REGISTRIES = [
    ("py", "pi.org"),
    ("python", "hosted.org"),
    ("npm", "js.org"),
    ("npm", "js.com"),
    ("maven.", "apache.org"),
    ("repo1.", "maven.org"),
    ("deb.", "debian.org"),
    ("static.", "crates.io"),
    ("proxy.", "golang.org"),
]


@pytest.mark.parametrize("word", BANNED)
def test_banned_word_stands_nowhere(word: str, files: list[Path], project: Path) -> None:
    pattern = re.compile(rf"\b{word.replace(' ', r'[ _-]')}s?\b", re.IGNORECASE)
    allowed = {project / "GLOSSARY.md", Path(__file__)}
    found = [
        f"{path.relative_to(project)}:{number}: {line.strip()}"
        for path in files
        if path not in allowed and path.suffix != ".lock"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line) and not FOLDER_VENDOR.search(line)
    ]
    assert not found, "GLOSSARY.md has the word to use instead:\n" + "\n".join(found)


def test_source_files_have_at_most_400_lines(files: list[Path], project: Path) -> None:
    long = {
        str(path.relative_to(project)): lines
        for path in files
        if path.suffix in SOURCE
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long, "split them by noun"


def test_modules_have_names_of_their_own(project: Path) -> None:
    taken = sys.stdlib_module_names | {"common", "helpers", "misc", "utils"}
    modules = [path for path in (project / "plugins/wharf").rglob("*.py") if path.stem[:2] != "__"]
    rooms = {path.parent for path in modules} - {project / "plugins/wharf"}
    names = [path for path in (*modules, *rooms) if path.stem in taken]
    assert not names, "a module of the standard library, or no noun at all"


def test_no_file_names_a_package_registry(files: list[Path], project: Path) -> None:
    hosts = re.compile("|".join(re.escape("".join(halves)) for halves in REGISTRIES))
    found = [
        str(path.relative_to(project))
        for path in files
        if hosts.search(path.read_text(encoding="utf-8"))
    ]
    assert not found


def test_locks_hold_hashes_and_no_addresses(project: Path) -> None:
    pins = (project / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in pins
    assert pins.count("==") < pins.count("--hash=sha256:")
    npm = json.loads((project / "plugins/wharf/portal/package-lock.json").read_text("utf-8"))
    packages = [package for name, package in npm["packages"].items() if name]
    assert len(packages) > 3
    assert not [package for package in packages if "resolved" in package]
    assert all(package["integrity"].startswith("sha512-") for package in packages)
