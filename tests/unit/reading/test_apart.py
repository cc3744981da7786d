"""Files in processes of their own: what hangs, eats memory or crashes hurts nothing else."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wharf.reading import Apart, Ceiling, Limits, ReaderLost, Trial, try_all
from wharf.reading.trial import refused


def double(number: int) -> int:
    return 2 * number


def sleep() -> None:
    time.sleep(60)


def eat() -> int:
    return len(b"x" * (1 << 30))


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def fail() -> None:
    raise ValueError("as it stands")


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> Iterator[Apart]:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    for function in (double, sleep, eat, crash, fail):
        monkeypatch.setattr(function, "__module__", "test_apart")
    with Apart(Ceiling(8, 700 << 20), ("test_apart",)) as worker:
        yield worker


@pytest.mark.parametrize(
    ("function", "kind"), [(sleep, "too_slow"), (eat, "too_much_memory"), (crash, "reader_died")]
)
def test_a_lost_process_is_named_and_replaced(apart: Apart, function: object, kind: str) -> None:
    assert callable(function)
    with pytest.raises(ReaderLost) as lost:
        apart.call(function)
    assert lost.value.kind == kind
    assert apart.call(double, 21) == 42


def test_an_error_of_the_function_comes_back(apart: Apart) -> None:
    with pytest.raises(ValueError, match="as it stands"):
        apart.call(fail)


def stumble(file: Path, work: Path, limits: Limits) -> Trial:
    if file.name == "hangs":
        time.sleep(60)
    if file.name == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    if file.name == "fails":
        raise ZeroDivisionError("by zero\nsecond line")
    return refused(file, f"read in {work.name[:6]} below {limits.memory}")


def test_each_file_has_its_outcome_in_the_order_of_the_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    monkeypatch.setattr(stumble, "__module__", "test_apart")
    files = [Path(name) for name in ("hangs", "sound", "crashes", "fails")]
    trials = list(try_all(files, Ceiling(5, 700 << 20), stumble))
    assert [trial.file for trial in trials] == [str(file) for file in files]
    assert [trial.outcome for trial in trials] == ["refused"] * 4
    slow, sound, crashed, failed = (trial.reason for trial in trials)
    assert slow == "reading it took over 5 seconds"
    assert sound.startswith("read in wharf-")
    assert crashed == "its reader ended by SIGSEGV"
    assert failed == "its reader failed: ZeroDivisionError: by zero"
