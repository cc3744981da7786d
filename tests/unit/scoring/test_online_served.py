"""Which model answers: the ledger's champion, and what served before when that cannot be loaded."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from scoring_world import NOW, a_model, train_on

from wharf.errors import ModelError
from wharf.scoring import ScoreContext, Trained, registry
from wharf.scoring.online import Served


@pytest.fixture(scope="module")
def other(rows: pa.Table) -> Trained:
    """The same model, taught by fewer columns."""
    features = {"table": "facts.parcels", "columns": ["lon", "year_built"], "key": ["parcel_id"]}
    return train_on(a_model(features=features), rows)


@pytest.fixture
def served(ctx: ScoreContext, trained: Trained, other: Trained) -> Served:
    """Two versions, the first of them champion, and nothing looked up yet."""
    for each in (trained, other):
        registry.register(ctx.ledger, ctx.settings.models, each, now=NOW, actor="a test")
    return Served(ctx.ledger, ctx.settings.models)


def promote(ctx: ScoreContext, version: int) -> None:
    registry.promote(ctx.ledger, "residential", version, reason="a test", actor="ada", now=NOW)


def artifact_of(ctx: ScoreContext, version: int) -> Path:
    row = registry.require_version(ctx.ledger, "residential", version)
    return ctx.settings.models / row.uri


def answering(served: Served) -> int:
    return served.champion("residential").scorer.artifact.version


def test_champion_is_loaded_and_followed(ctx: ScoreContext, served: Served) -> None:
    assert not served.is_ready
    assert served.refresh(NOW) == ["residential"]
    assert served.refresh(NOW) == []
    assert (served.is_ready, answering(served)) == (True, 1)
    promote(ctx, 2)
    assert served.refresh(NOW) == ["residential"]
    assert answering(served) == 2


def test_a_request_keeps_the_model_it_began_with(ctx: ScoreContext, served: Served) -> None:
    served.refresh(NOW)
    begun = served.champion("residential")
    promote(ctx, 2)
    served.refresh(NOW)
    assert begun.scorer.artifact.version == 1
    begun.scorer.check_golden()


def test_a_damaged_champion_leaves_the_one_before(ctx: ScoreContext, served: Served) -> None:
    served.refresh(NOW)
    path = artifact_of(ctx, 2)
    whole = path.read_bytes()
    path.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
    promote(ctx, 2)
    assert served.refresh(NOW) == []
    assert (served.is_ready, answering(served)) == (True, 1)
    assert "is damaged" in served.problems["residential"].text
    path.write_bytes(whole)
    assert served.refresh(NOW + timedelta(milliseconds=500)) == []  # it waits a little
    assert served.refresh(NOW + timedelta(seconds=1)) == ["residential"]
    assert (answering(served), served.problems) == (2, {})


def test_pauses_grow_to_a_minute(ctx: ScoreContext, served: Served) -> None:
    artifact_of(ctx, 1).unlink()
    at, pauses = NOW, []
    for _ in range(9):
        served.refresh(at)
        again = served.problems["residential"].again
        assert again is not None
        pauses.append((again - at).total_seconds())
        at = again
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    with pytest.raises(ModelError, match=r"is not ready.*put the file back"):
        served.champion("residential")


def test_a_lost_ledger_takes_no_model_away(
    ctx: ScoreContext, served: Served, tmp_path: Path
) -> None:
    served.refresh(NOW)
    for file in (tmp_path / "home").glob("ledger.db*"):
        file.unlink()
    assert served.refresh(NOW) == []
    assert answering(served) == 1


def test_any_version_answers_when_it_is_named(ctx: ScoreContext, served: Served) -> None:
    served.refresh(NOW)
    assert served.version("residential", 2, NOW).scorer.artifact.version == 2
    assert served.version("residential", 1, NOW) is served.champion("residential")
    with pytest.raises(KeyError):
        served.version("residential", 3, NOW)
    with pytest.raises(KeyError):
        served.champion("commercial")


def test_a_model_without_champion_is_told(ctx: ScoreContext) -> None:
    served = Served(ctx.ledger, ctx.settings.models, ["residential"])
    served.refresh(NOW)
    assert not served.is_ready
    with pytest.raises(ModelError, match="wharf model train residential"):
        served.champion("residential")
