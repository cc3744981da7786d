"""What Airflow does with each of our errors."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from wharf.airflow.words import airflow_words
from wharf.errors import AuditFailed, NothingNew, SourceError, UnsafePath


def test_a_terminal_error_fails_at_once() -> None:
    with pytest.raises(AirflowFailException, match="in quarantine"), airflow_words():
        raise AuditFailed("20261120T060412345Z-7f3a9c", ["not null of id"])


def test_nothing_to_do_skips() -> None:
    with pytest.raises(AirflowSkipException, match="came again"), airflow_words():
        raise NothingNew("it came again")


def test_a_transient_error_is_left_to_the_retries() -> None:
    with pytest.raises(SourceError, match="timed out"), airflow_words():
        raise SourceError("timed out")


def test_terminal_wins_where_an_error_is_both() -> None:
    with pytest.raises(AirflowFailException), airflow_words():
        raise UnsafePath("../../etc/passwd")


def test_a_mistake_in_the_code_keeps_its_own_name() -> None:
    with pytest.raises(ZeroDivisionError), airflow_words():
        _ = 1 / 0
