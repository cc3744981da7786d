"""Reading: turn delivered files into typed Parquet and a quarantine, losing and inventing no row.

`plan_reading` finds out what the bytes are, where the header stands, and which cell is which
column; `write_plan` casts without loss and reconciles every count. What a table is called, where it
goes and whether too many rows are in quarantine is for the caller to say.
"""

from wharf.reading.apart import Apart, Ceiling, ReaderLost
from wharf.reading.counts import Counts, FileCounts
from wharf.reading.findings import Finding
from wharf.reading.fixes import Repaired, repair
from wharf.reading.infer import Proposal, infer_contract
from wharf.reading.opened import Sniffed, SourceFile
from wharf.reading.parts import parts_of
from wharf.reading.plan import Plan, plan_reading
from wharf.reading.refusals import REFUSALS, Refused, describe_refusal
from wharf.reading.shapes import Shape, shape_of
from wharf.reading.trial import Terms, Trial, try_file
from wharf.reading.trials import try_all
from wharf.reading.unpack import Limits
from wharf.reading.write import write_plan

__all__ = [
    "REFUSALS",
    "Apart",
    "Ceiling",
    "Counts",
    "FileCounts",
    "Finding",
    "Limits",
    "Plan",
    "Proposal",
    "ReaderLost",
    "Refused",
    "Repaired",
    "Shape",
    "Sniffed",
    "SourceFile",
    "Terms",
    "Trial",
    "describe_refusal",
    "infer_contract",
    "parts_of",
    "plan_reading",
    "repair",
    "shape_of",
    "try_all",
    "try_file",
    "write_plan",
]
