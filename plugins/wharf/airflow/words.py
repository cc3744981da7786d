"""The core's errors in Airflow's words: Terminal fails at once, Skip skips, Transient retries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wharf.errors import Skip, Terminal, WharfError


@contextmanager
def airflow_words() -> Iterator[None]:
    """Translate what the block raises.

    Raises:
        AirflowSkipException: There is nothing to do.
        AirflowFailException: Trying again cannot help.
    """
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

    try:
        yield
    except WharfError as error:
        if isinstance(error, Skip):
            raise AirflowSkipException(str(error)) from error
        if isinstance(error, Terminal):
            raise AirflowFailException(str(error)) from error
        raise
