from __future__ import annotations

from pathlib import Path

import pytest
from product_world import Place, new_place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An installation with a project of its own and an empty lake."""
    return new_place(tmp_path)
