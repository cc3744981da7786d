"""Many files tried, each in a process of its own that may be stopped: none can hurt the others."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from wharf.reading.apart import Apart, Ceiling, ReaderLost
from wharf.reading.trial import Trial, refused, try_file
from wharf.reading.unpack import Limits

MOST_AT_ONCE: Final = 4
_EXPANDED: Final = 8 << 30
"""Bytes that a compressed file may expand to: what can be written within seconds."""


def try_all(
    files: Sequence[Path],
    ceiling: Ceiling | None = None,
    function: Callable[..., Trial] = try_file,
    *args: Any,
    preload: tuple[str, ...] = (),
) -> Generator[Trial, None, None]:
    """Try files, a few at once; one that overruns its ceiling or breaks its reader is refused.

    Args:
        files: The files.
        ceiling: What reading one file may use.
        function: Tries a file within a folder and limits; a function of a module.
        args: Passed on to it.
        preload: Modules that it will import.

    Yields:
        One trial for each file, in the order of the files.
    """
    ceiling = ceiling or Ceiling()
    limits = Limits(bytes=_EXPANDED, memory=ceiling.memory // 2)
    number = max(1, min(MOST_AT_ONCE, os.cpu_count() or 1, len(files)))
    # DuckDB imports pandas when it is first handed a table; no file should pay for that.
    workers = [Apart(ceiling, (function.__module__, "pandas", *preload)) for _ in range(number)]
    idle: SimpleQueue[Apart] = SimpleQueue()
    for worker in workers:
        idle.put(worker)

    def one(file: Path) -> Trial:
        worker = idle.get()
        try:
            return _apart(worker, file, function, limits, args)
        finally:
            idle.put(worker)

    pool = ThreadPoolExecutor(number)
    try:
        yield from pool.map(one, files)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.close()


def _apart(
    worker: Apart, file: Path, function: Callable[..., Trial], limits: Limits, args: tuple[Any, ...]
) -> Trial:
    try:
        with tempfile.TemporaryDirectory(prefix="wharf-try-", ignore_cleanup_errors=True) as work:
            trial: Trial = worker.call(function, file, Path(work), limits, *args)
    except ReaderLost as lost:
        trial = refused(file, lost.reason)
    except Exception as error:
        first = str(error).strip().partition("\n")[0][:200]
        trial = refused(file, f"its reader failed: {type(error).__name__}: {first}")
    return trial.with_use(worker.used)
