"""A crowded installation, read only; and an empty one for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from board_crowd import crowd
from board_server import PASSWORD, LocalServer, guard
from board_world import NOW, BoardWorld
from fastapi import FastAPI

from wharf.board import build_app
from wharf.board.grid import Grid
from wharf.board.views import Views


@pytest.fixture(scope="session")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> BoardWorld:
    """Twenty feeds in every state; tests only read it."""
    return crowd(tmp_path_factory.mktemp("crowd"))


@pytest.fixture(scope="session")
def crowded_grid(crowded: BoardWorld) -> Grid:
    return grid_of(crowded)


@pytest.fixture
def world(tmp_path: Path) -> BoardWorld:
    return BoardWorld(tmp_path)


@pytest.fixture(scope="session")
def app(crowded: BoardWorld) -> FastAPI:
    return build_app(crowded.settings, guard, lambda: NOW)


@pytest.fixture(scope="session")
def stranger(app: FastAPI) -> Iterator[httpx.Client]:
    """A client that knows no password."""
    with LocalServer(app) as server, httpx.Client(base_url=server.url) as client:
        yield client


@pytest.fixture(scope="session")
def client(stranger: httpx.Client) -> Iterator[httpx.Client]:
    """A client that may see the board."""
    headers = {"X-Password": PASSWORD}
    with httpx.Client(base_url=stranger.base_url, headers=headers) as client:
        yield client


def grid_of(world: BoardWorld, days: int = 14) -> Grid:
    """The board of an installation as of its instant."""
    return Views(world.settings, lambda: world.now).grid(days)


@pytest.fixture(scope="session")
def project_docs() -> str:
    """The page about the board."""
    return (Path(__file__).parents[3] / "docs/board.md").read_text(encoding="utf-8")
