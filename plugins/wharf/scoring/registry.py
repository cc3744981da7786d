"""The registry: which versions a model has and which one is champion. Append-only, no server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wharf.errors import ModelError
from wharf.ledger import Ledger, models
from wharf.ledger.rows import AliasEvent, ModelVersionRow
from wharf.scoring.artifact import Artifact, fetch, store
from wharf.scoring.metrics import area_under_roc
from wharf.scoring.scorer import Scorer

if TYPE_CHECKING:
    from wharf.scoring.training import Trained

CHAMPION = "champion"
_ATTEMPTS = 5


@dataclass(frozen=True)
class Comparison:
    """A new version beside the champion, on test rows that neither learned from."""

    champion: int | None
    champion_auc: float | None
    auc: float | None
    takes_over: bool
    reason: str


def register(
    ledger: Ledger, folder: Path, trained: Trained, *, now: datetime, actor: str, commit: str = ""
) -> ModelVersionRow:
    """Store a trained model as the next version; it becomes champion if first or better.

    Args:
        ledger: Where versions and alias moves are kept.
        folder: Where the zips lie.
        trained: A model that passed its parity gate.
        now: When it is registered.
        actor: Who trained it.
        commit: The project's commit, when known.

    Raises:
        ModelError: Others keep registering versions of this model at the same time.
    """
    for _ in range(_ATTEMPTS):
        with ledger.read() as tx:
            version = models.next_version(tx, trained.name)
        comparison = compare(ledger, folder, trained)
        data = trained.pack(version, parent=comparison.champion, commit=commit)
        uri = store(data, folder, trained.name, version)
        row = _row(trained, version, data, uri, comparison, now)
        if _record(ledger, row, comparison, actor):
            return row
    raise ModelError(f"{trained.name}: other versions keep being registered; train again")


def compare(ledger: Ledger, folder: Path, trained: Trained) -> Comparison:
    """Measure the champion on the new version's test rows."""
    auc = trained.metrics["test"]["auc"]
    standing = champion(ledger, trained.name)
    if standing is None:
        return Comparison(None, None, auc, True, "first version")
    if standing.data.get("split") != dict(trained.data["split"]):
        return Comparison(
            standing.version, None, auc, False,
            f"not compared: version {standing.version} held out other rows; promote it by hand",
        )  # fmt: skip
    artifact = fetch(folder, standing.uri, sha256=standing.sha256)
    missing = {one.name for one in artifact.features} - set(trained.test.column_names)
    if missing:
        return Comparison(
            standing.version, None, auc, False,
            f"not compared: version {standing.version} also reads {', '.join(sorted(missing))}",
        )  # fmt: skip
    old = _auc_on_test(artifact, trained)
    better = auc is not None and old is not None and auc > old
    reason = f"AUC {auc:.4f} against {old:.4f} of version {standing.version} on the same test rows"
    return Comparison(standing.version, old, auc, better, reason)


def champion(ledger: Ledger, name: str) -> ModelVersionRow | None:
    """The version that scores now; None when there is none."""
    with ledger.read() as tx:
        version = models.aliased(tx, name, CHAMPION)
        known = {row.version: row for row in models.versions_of(tx, name)}
    return known.get(version) if version is not None else None


def require_version(ledger: Ledger, name: str, version: int | None = None) -> ModelVersionRow:
    """A version of a model, or its champion.

    Raises:
        ModelError: There is none; the message says how to get one.
    """
    if version is None:
        found = champion(ledger, name)
        if found is None:
            raise ModelError(f"{name} has no champion; train one with `wharf model train {name}`")
        return found
    rows = versions(ledger, name)
    for row in rows:
        if row.version == version:
            return row
    there = ", ".join(str(row.version) for row in rows) or "none yet"
    raise ModelError(f"{name} has no version {version}; versions: {there}")


def versions(ledger: Ledger, name: str) -> list[ModelVersionRow]:
    """All versions of a model, oldest first."""
    with ledger.read() as tx:
        return models.versions_of(tx, name)


def history(ledger: Ledger, name: str) -> list[AliasEvent]:
    """Every move of the champion, oldest first."""
    with ledger.read() as tx:
        return models.alias_history(tx, name, CHAMPION)


def promote(
    ledger: Ledger, name: str, version: int, *, reason: str, actor: str, now: datetime
) -> AliasEvent:
    """Make a version the champion because a person says so.

    Raises:
        ModelError: There is no such version, it is champion already, or another person was faster.
    """
    require_version(ledger, name, version)
    with ledger.read() as tx:
        previous = models.aliased(tx, name, CHAMPION)
    if previous == version:
        raise ModelError(f"{name}: version {version} is champion already")
    event = AliasEvent(name, CHAMPION, version, previous, reason, actor, now)
    with ledger.write() as tx:
        models.move_alias(tx, event)
    return event


def rollback(ledger: Ledger, name: str, *, reason: str, actor: str, now: datetime) -> AliasEvent:
    """Make the version that was champion before this one champion again.

    Raises:
        ModelError: There was none before.
    """
    moves = history(ledger, name)
    if not moves or moves[-1].previous is None:
        raise ModelError(f"{name} had no champion before this one; nothing to go back to")
    return promote(ledger, name, moves[-1].previous, reason=reason, actor=actor, now=now)


def _auc_on_test(artifact: Artifact, trained: Trained) -> float | None:
    columns = {one.name: trained.test.column(one.name) for one in artifact.features}
    scores = Scorer(artifact).score(columns).astype(np.float64)
    return area_under_roc(trained.test_labels, scores)


def _row(
    trained: Trained, version: int, data: bytes, uri: str, comparison: Comparison, now: datetime
) -> ModelVersionRow:
    import hashlib

    return ModelVersionRow(
        name=trained.name,
        version=version,
        sha256=hashlib.sha256(data).hexdigest(),
        uri=uri,
        metrics=_summary(trained.metrics, comparison),
        data=dict(trained.data),
        state="registered",
        at=now,
    )


def _summary(metrics: Mapping[str, Any], comparison: Comparison) -> dict[str, Any]:
    """What lists and pages show; curves and the rest stay in the artifact."""
    curves = {"roc", "calibration"}
    parts = {
        part: {name: value for name, value in metrics[part].items() if name not in curves}
        for part in ("test", "validation", "train")
    }
    return {
        **parts,
        "importance": metrics["importance"],
        "segments": metrics["segments"],
        "calibration": metrics["test"]["calibration"],
        "comparison": {
            "champion": comparison.champion,
            "champion_auc": comparison.champion_auc,
            "auc": comparison.auc,
            "takes_over": comparison.takes_over,
            "reason": comparison.reason,
        },
    }


def _record(ledger: Ledger, row: ModelVersionRow, comparison: Comparison, actor: str) -> bool:
    """Write version and alias in one transaction; False when somebody was faster."""
    with ledger.write() as tx:
        if models.next_version(tx, row.name) != row.version:
            return False
        if models.aliased(tx, row.name, CHAMPION) != comparison.champion:
            return False
        models.record_version(tx, row)
        if comparison.takes_over:
            models.move_alias(
                tx,
                AliasEvent(
                    name=row.name,
                    alias=CHAMPION,
                    version=row.version,
                    previous=comparison.champion,
                    reason=comparison.reason,
                    actor=actor,
                    at=row.at,
                ),
            )
    return True
