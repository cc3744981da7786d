"""Batches: the four verbs stage, audit, publish and roll back, the same for every table.

The only caller of the lake's publishing and the only writer of the ledger's batch rows. Whether
a batch may replace what stands is decided here, under the table's lock; how a commit is made
belongs to `wharf.lake`, when to publish to `wharf.intake` and `wharf.products`.
"""

from wharf.batches.batches import Batches
from wharf.batches.frames import load_dataframe, store_dataframe
from wharf.batches.rebuild import Rebuilt, rebuild

__all__ = ["Batches", "Rebuilt", "load_dataframe", "rebuild", "store_dataframe"]
