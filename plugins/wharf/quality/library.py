"""Great Expectations, loaded late and made quiet."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

# Its context is one for the whole process, so audits of one process take turns.
_ONE_AT_A_TIME = Lock()


@contextmanager
def great_expectations() -> Iterator[Any]:
    """The library, silenced: its import alone would write two hundred lines into a task's log."""
    os.environ.setdefault("DO_NOT_TRACK", "true")
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations

        # One of its modules sets its own level when it is imported.
        logging.getLogger("great_expectations.data_context.types.base").setLevel(logging.CRITICAL)
        from wharf.quality import metrics  # noqa: F401  # says which of its metrics are ours

        yield great_expectations


def expectation_types() -> tuple[str, ...]:
    """The names of all expectations that exist, sorted; the library must be loaded."""
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    return tuple(sorted(list_registered_expectation_implementations()))
