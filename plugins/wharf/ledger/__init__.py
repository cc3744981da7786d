"""The ledger: what should have come, what came, what became of it. Rows, never decisions.

Functions take a SQLAlchemy connection from `Ledger.read()` or `Ledger.write()` first and give
frozen values of `wharf.ledger.rows`. Nothing here computes a state, renders or sends.
"""

from wharf.ledger import (
    arrivals,
    asked,
    backfills,
    batches,
    contracts,
    decisions,
    deliveries,
    disk,
    erasures,
    expected,
    facts,
    feeds,
    heat,
    horizon,
    incidents,
    learned,
    looks,
    models,
    past_arrivals,
    products,
    proposals,
    rows,
    scorecard,
    tallies,
    wants,
)
from wharf.ledger.database import Ledger, Transaction

__all__ = [
    "Ledger",
    "Transaction",
    "arrivals",
    "asked",
    "backfills",
    "batches",
    "contracts",
    "decisions",
    "deliveries",
    "disk",
    "erasures",
    "expected",
    "facts",
    "feeds",
    "heat",
    "horizon",
    "incidents",
    "learned",
    "looks",
    "models",
    "past_arrivals",
    "products",
    "proposals",
    "rows",
    "scorecard",
    "tallies",
    "wants",
]
