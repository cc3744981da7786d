"""What the guards of the house look at: this checkout and the files of it that people write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
MADE = {"__pycache__", "dist", "logs", "node_modules", "target", "vendor"}


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def files() -> list[Path]:
    """Every text file of the project, without what setup, runs and tests have made."""
    found = []
    for folder, below, names in os.walk(PROJECT):
        below[:] = [name for name in below if name == ".ci" or not (name in MADE or name[0] == ".")]
        found += [Path(folder, name) for name in names if name != ".env"]
    texts = [path for path in sorted(found) if b"\0" not in path.read_bytes()[:8192]]
    assert len(texts) > 100, "the guards look at the wrong folder"
    return texts
