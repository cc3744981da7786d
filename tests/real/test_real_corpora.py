"""Corpora of bad files: a fixed sample of each is read as a second reader reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpora_world import Tally, corpora, judge_corpus, unpack

pytestmark = pytest.mark.real
SAMPLE = 40
"""Files of each corpus: `tests/real/corpora.py` takes all of them."""
NAMES = (
    "csv_spectrum", "csvkit_examples", "duckdb_data", "frictionless", "jsontestsuite",
    "messytables_horror",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_file_is_read_wrongly(name: str, tmp_path: Path) -> None:
    packed = corpora()
    if name not in packed:
        pytest.skip("no real data; WHARF_REAL_DATA says where it lies")
    files = unpack(packed[name], tmp_path)
    some = files[:: max(1, len(files) // SAMPLE)]

    tally: Tally = judge_corpus(name, tmp_path, some, lambda _: None)

    assert (tally.wrong, tally.crashes, tally.files) == ([], [], len(some))
