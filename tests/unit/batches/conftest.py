from __future__ import annotations

from pathlib import Path

import pytest
from lake_world import local_place, open_batches

from wharf.batches import Batches


@pytest.fixture
def verbs(tmp_path: Path) -> Batches:
    """The verbs on an empty lake and ledger."""
    return open_batches(local_place(tmp_path))
