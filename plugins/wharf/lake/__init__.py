"""The lake: immutable batches as Parquet files, and Iceberg tables that point at them.

Staging writes where no reader looks, publishing is one metadata commit, and nothing is ever
deleted. pyiceberg and the storage drivers are known only here. When and why a batch may be
published does not belong here: see `wharf.batches`.
"""

from wharf.lake.batch import Batch, BatchId, LakeColumn, StagedFile, new_batch_id
from wharf.lake.columns import arrow_type, duckdb_type, merged_type, text_of_arrow, type_of_arrow
from wharf.lake.lake import Lake, open_lake
from wharf.lake.landing import LandedFile, Landing, open_landing
from wharf.lake.names import safe_name
from wharf.lake.rescue import (
    FoundTable,
    Rescue,
    batches_on_disk,
    keeps_all_history,
    open_rescue,
    tables_on_disk,
)
from wharf.lake.tables import Snapshot

__all__ = [
    "Batch",
    "BatchId",
    "FoundTable",
    "Lake",
    "LakeColumn",
    "LandedFile",
    "Landing",
    "Rescue",
    "Snapshot",
    "StagedFile",
    "arrow_type",
    "batches_on_disk",
    "duckdb_type",
    "keeps_all_history",
    "merged_type",
    "new_batch_id",
    "open_lake",
    "open_landing",
    "open_rescue",
    "safe_name",
    "tables_on_disk",
    "text_of_arrow",
    "type_of_arrow",
]
