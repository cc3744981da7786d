"""What the tests of scoring share."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from scoring_world import a_model, open_context, parcels, train_on

from wharf.scoring import ScoreContext, Trained


@pytest.fixture(scope="session")
def rows() -> pa.Table:
    """3,000 parcels."""
    return parcels()


@pytest.fixture(scope="session")
def trained(rows: pa.Table) -> Trained:
    """The residential model, trained on them."""
    return train_on(a_model(), rows)


@pytest.fixture
def ctx(tmp_path: Path) -> ScoreContext:
    """An installation with an empty lake and ledger."""
    return open_context(tmp_path / "home")
