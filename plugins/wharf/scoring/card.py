"""The model card: what a person reads first in an artifact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def write_card(
    manifest: Mapping[str, Any], metrics: Mapping[str, Any], data: Mapping[str, Any]
) -> str:
    """The card as Markdown."""
    test, segments = metrics["test"], metrics["segments"]
    lines = [
        f"# {manifest['name']}, version {manifest['version']}",
        "",
        f"Predicts whether `{manifest['target']}` is `{manifest['positive']}`; a score of at least "
        f"{manifest['threshold']} is labelled so. Trained {manifest['created_at']:%Y-%m-%d %H:%M} "
        f"UTC by {manifest['trainer']}.",
        "",
        "## Test rows, never seen in training",
        "",
        "| rows | base rate | accuracy | always the commoner class | AUC | log loss |",
        "|---|---|---|---|---|---|",
        f"| {test['rows']:,} | {_number(test['base_rate'])} | {_number(test['accuracy'])} | "
        f"{_number(test['majority_accuracy'])} | {_number(test['auc'])} | "
        f"{_number(test['log_loss'])} |",
        "",
        *_segment_lines(segments),
        "## Learned from",
        "",
        f"{data['rows_labelled']:,} labelled rows of {data['rows_read']:,} in "
        + ", ".join(
            f"{_cell(one['table'])} (snapshot {one['snapshot_id']}, "
            f"batches {', '.join(one['batch_ids']) or 'not recorded'})"
            for one in data["tables"]
        )
        + f"; product {data['product']}. Held out by {data['split']['by']}, "
        f"seed {data['split']['seed']}.",
        "",
        "## Reads",
        "",
        "| column | as | share of the decision |",
        "|---|---|---|",
        *(
            f"| {_cell(one['name'])} | {one['datatype']} | "
            f"{metrics['importance'].get(one['name'], 0):.1%} |"
            for one in manifest["inputs"]
        ),
        "",
        f"The portable model was compared with the native one on {manifest['parity_rows']:,} real "
        f"and {manifest['parity_edge_rows']:,} edge rows: at most "
        f"{manifest['max_abs_diff']:.2g} apart.",
        "",
    ]
    return "\n".join(lines)


def _segment_lines(segments: Mapping[str, Mapping[str, Any]]) -> list[str]:
    if not segments:
        return []
    rows = [
        f"| {_cell(column)} | {_cell(value)} | {one['rows']:,} | {_number(one['base_rate'])} | "
        f"{_number(one['accuracy'])} | {_number(one['auc'])} |"
        for column, values in sorted(segments.items())
        for value, one in sorted(values.items())
    ]
    head = ["| column | value | rows | base rate | accuracy | AUC |", "|---|---|---|---|---|---|"]
    return [*head, *rows, ""]


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _cell(text: str) -> str:
    return " ".join(str(text).replace("|", "\\|").replace("<", "&lt;").split())
