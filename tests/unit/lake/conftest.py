from __future__ import annotations

from pathlib import Path

import pytest
from lake_world import local_place

from wharf.lake import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return local_place(tmp_path).open()
