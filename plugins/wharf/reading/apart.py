"""Work on files that nobody vouches for, in a process of its own with a limit of time and memory.

A reader that hangs, eats memory or crashes takes its own process along and nothing else; who asked
gets a reason, and the next call a fresh process.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, Final

from wharf.reading.refusals import Refused

START: Final = 180.0
"""Seconds that a process may take to import what it needs."""
_POLL: Final = 0.02
_DIE_WITH_PARENT: Final = 1
_RESET_PEAK: Final = "5"
_LIBRARIES: Final = ("fastexcel", "duckdb", "pyarrow.parquet")
_PAGE: Final = resource.getpagesize()
_RESERVED: Final = 3 << 30
"""Address space above the limit: threads and arenas reserve what they never touch."""


@dataclass(frozen=True)
class Ceiling:
    """What one call may use."""

    seconds: float = 10.0
    memory: int = 1 << 30


@dataclass(frozen=True)
class Used:
    """What one call took."""

    seconds: float = 0.0
    memory: int = 0
    """The most that its process held, with all that it had imported."""


class ReaderLost(Exception):
    """The process of a call had to be stopped, or died.

    Attributes:
        kind: A key of `REFUSALS`: too_slow, too_much_memory or reader_died.
        reason: What happened, in words.
    """

    def __init__(self, kind: str, reason: str) -> None:
        self.kind, self.reason = kind, reason
        super().__init__(reason)


class Apart:
    """Calls functions in another process, one at a time; start-up is paid once.

    Args:
        ceiling: What each call may use.
        modules: Modules to import before the first call, so that no call pays for them.
    """

    def __init__(self, ceiling: Ceiling, modules: tuple[str, ...] = ()) -> None:
        self._ceiling, self._modules = ceiling, modules
        self.used = Used()
        """What the last call took."""
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._used = False

    def __enter__(self) -> Apart:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function of a module; arguments, result and errors are pickled.

        Raises:
            ReaderLost: It took too long, too much memory, or its process died.
            Exception: What the function raised.
        """
        try:
            return self._call(function, args)
        except ReaderLost as lost:
            if lost.kind == "too_slow" or not self._used:
                raise
            # An earlier call's leavings may have tipped the scale.
            self._used = False
            return self._call(function, args)

    def close(self) -> None:
        """Stop the process, whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None

    def _call(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        if self._process and self._memory() > self._ceiling.memory // 2:
            self.close()
        if self._process is None:
            self._start()
        assert self._pipe is not None
        name = f"{function.__module__}:{function.__qualname__}"
        try:
            with self._measured():
                self._pipe.send((name, args))
                answer = self._answer()
        except (EOFError, OSError):
            raise self._died() from None
        except ReaderLost:
            self.close()
            raise
        except BaseException:
            self.close()
            raise
        self._used = True
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @contextlib.contextmanager
    def _measured(self) -> Iterator[None]:
        assert self._process is not None
        begun, folder = time.monotonic(), Path(f"/proc/{self._process.pid}")
        with contextlib.suppress(OSError):
            (folder / "clear_refs").write_text(_RESET_PEAK)
        peak = 0
        try:
            yield
        finally:
            # Not there outside Linux, nor once the process is gone.
            with contextlib.suppress(OSError, IndexError, ValueError):
                status = (folder / "status").read_text()
                peak = int(status.partition("VmHWM:")[2].split()[0]) << 10
            self.used = Used(time.monotonic() - begun, peak)

    def _start(self) -> None:
        self._used = False
        self._pipe, far = Pipe()
        paths = os.pathsep.join(dict.fromkeys(path or str(Path.cwd()) for path in sys.path))
        call = f"{far.fileno()}, {self._ceiling.memory}, *{self._modules!r}"
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import main; main({call})"],
            pass_fds=[far.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths},
        )
        far.close()
        try:
            if not self._pipe.poll(START):
                self.close()
                raise ReaderLost("reader_died", f"its reader did not start in {START:g} seconds")
            self._pipe.recv()
        except (EOFError, OSError):
            raise self._died() from None

    def _answer(self) -> Any:
        assert self._pipe is not None
        until = time.monotonic() + self._ceiling.seconds
        while not self._pipe.poll(_POLL):
            if time.monotonic() > until:
                seconds = f"{self._ceiling.seconds:g} seconds"
                raise ReaderLost("too_slow", f"reading it took over {seconds}")
            if self._memory() > self._ceiling.memory:
                raise ReaderLost("too_much_memory", _too_much(self._ceiling))
        answer = self._pipe.recv()
        if isinstance(answer, MemoryError):
            raise ReaderLost("too_much_memory", _too_much(self._ceiling))
        return answer

    def _memory(self) -> int:
        assert self._process is not None
        try:
            pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0  # no such file outside Linux: the limit within the process has to do
        return int(pages) * _PAGE

    def _died(self) -> ReaderLost:
        assert self._process is not None
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        code = self._process.returncode
        self.close()
        if code is not None and code < 0:
            how = f"by {signal.Signals(-code).name}"
        else:
            how = f"with status {code}"
        return ReaderLost("reader_died", f"its reader ended {how}")


def _too_much(ceiling: Ceiling) -> str:
    return f"reading it took over {ceiling.memory >> 20:,} MiB of memory"


class Shield:
    """One process beside this one, in which libraries of others look at delivered files.

    It is started with the first such file and kept; within a process that is apart itself, and
    bounded by that, the calls are plain calls.
    """

    inside = False
    """Whether this very process is one that may be lost."""

    def __init__(self, ceiling: Ceiling) -> None:
        self.ceiling = ceiling
        self._lock, self._owner = threading.Lock(), 0
        self._apart: Apart | None = None

    def call(self, file: str, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function of a module on a file.

        Raises:
            Refused: Its reader was lost; the file and the reason are named.
        """
        if Shield.inside:
            return function(*args)
        with self._lock:
            try:
                return self._mine().call(function, *args)
            except ReaderLost as lost:
                raise Refused(file, lost.kind, lost.reason) from None

    def _mine(self) -> Apart:
        """The process that this one started: after a fork that of the parent is not ours."""
        if self._apart is None or self._owner != os.getpid():
            self._apart, self._owner = Apart(self.ceiling, _LIBRARIES), os.getpid()
            atexit.register(self._apart.close)
        return self._apart


SHIELD: Final = Shield(Ceiling(seconds=1800, memory=4 << 30))
"""For files that a contract vouches for: they may be large, and must not take a task along."""


def main(descriptor: int, memory: int, *modules: str) -> None:
    """Answer calls until the other side closes the pipe."""
    Shield.inside = True
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory + _RESERVED, memory + _RESERVED))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    for module in modules:
        importlib.import_module(module)
    pipe: Connection = Connection(descriptor)
    pipe.send(None)
    with contextlib.suppress(EOFError):
        while True:
            name, args = pipe.recv()
            pipe.send(_outcome(name, args))


def _outcome(name: str, args: tuple[Any, ...]) -> Any:
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)(*args)
    except Exception as error:
        # Libraries have errors of their own for it.
        return MemoryError() if "OutOfMemory" in type(error).__name__ else error
