"""Work on the next items while the first are used; results keep their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

_WORKERS: Final = 2
"""Two keep ahead of what one core casts and writes; each holds one window in memory."""
Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Apply a function that lets other threads run meanwhile, a few items ahead."""
    if len(items) < 2:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="wharf-read") as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > _WORKERS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()
