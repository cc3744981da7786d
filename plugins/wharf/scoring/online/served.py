"""The models that are served: champions as the ledger names them, other versions on request."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from wharf.errors import ModelError, WharfError
from wharf.ledger import Ledger, models
from wharf.ledger.rows import ModelVersionRow
from wharf.scoring import registry
from wharf.scoring.artifact import fetch
from wharf.scoring.scorer import Scorer

logger = logging.getLogger(__name__)
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=60)
_OLD_VERSIONS = 4


@dataclass(frozen=True)
class Live:
    """A model that answers."""

    scorer: Scorer
    sha256: str
    since: datetime


@dataclass(frozen=True)
class Problem:
    """Why a champion does not serve yet; what served before goes on."""

    text: str
    version: int | None = None
    attempts: int = 1
    again: datetime | None = None
    """When it is tried once more; None where only the registry can help."""


class Served:
    """Champions in memory; one look at the ledger brings them up to date.

    A request asks once for its model and keeps it: replacing one reference is all a swap is.
    """

    def __init__(self, ledger: Ledger, folder: Path, names: Iterable[str] = ()) -> None:
        """Serve some models, or every one that has a champion when none is named."""
        self._ledger, self._folder, self._wanted = ledger, folder, tuple(names)
        self._live: dict[str, Live] = {}
        self._problems: dict[str, Problem] = {}
        self._old: dict[tuple[str, int], Live] = {}
        self._lock = threading.Lock()

    def refresh(self, now: datetime) -> list[str]:
        """Look who is champion, and load who is new; what cannot be loaded changes nothing.

        Returns:
            The names of the models that were swapped.
        """
        try:
            with self._ledger.read() as tx:
                names = self._wanted or models.aliased_names(tx, registry.CHAMPION)
            champions = {name: registry.champion(self._ledger, name) for name in names}
        except WharfError as error:
            logger.warning("the ledger cannot be read, champions stay: %s", error)
            return []
        return [name for name, row in champions.items() if self._follow(name, row, now)]

    def champion(self, name: str) -> Live:
        """The model that answers for a name now.

        Raises:
            ModelError: It is not loaded yet.
            KeyError: No such model is served.
        """
        live = self._live.get(name)
        if live is None:
            if name not in self.names:
                raise KeyError(name)
            raise ModelError(f"{name} is not ready: {self._problems[name].text}")
        return live

    def live(self, name: str) -> Live | None:
        """What answers for a name now, if anything does."""
        return self._live.get(name)

    def version(self, name: str, version: int, now: datetime) -> Live:
        """A given version, loaded when it is first asked for.

        Raises:
            ModelError: It cannot be loaded.
            KeyError: There is no such model or version.
        """
        live = self._live.get(name)
        if live is not None and live.scorer.artifact.version == version:
            return live
        if name not in self.names:
            raise KeyError(name)
        with self._lock:
            found = self._old.get((name, version))
            if found is None:
                rows = {row.version: row for row in registry.versions(self._ledger, name)}
                found = self._load(rows[version], now)
                while len(self._old) >= _OLD_VERSIONS:
                    self._old.pop(next(iter(self._old)))
                self._old[name, version] = found
            return found

    def versions(self, name: str) -> list[int]:
        """All registered versions of a model."""
        return [row.version for row in registry.versions(self._ledger, name)]

    @property
    def names(self) -> tuple[str, ...]:
        """What is or should be served."""
        return tuple(sorted({*self._wanted, *self._live, *self._problems}))

    @property
    def problems(self) -> Mapping[str, Problem]:
        """Why a champion does not serve, by model."""
        return dict(self._problems)

    @property
    def is_ready(self) -> bool:
        """Whether every model that should be served answers."""
        return bool(self._live) and set(self.names) == set(self._live)

    def _follow(self, name: str, row: ModelVersionRow | None, now: datetime) -> bool:
        if row is None:
            said = f"it has no champion; train one with `wharf model train {name}`"
            self._problems[name] = Problem(said)
            return False
        live, trouble = self._live.get(name), self._problems.get(name)
        if live is not None and live.sha256 == row.sha256:
            self._problems.pop(name, None)
            return False
        same = trouble is not None and trouble.version == row.version
        if trouble is not None and same and trouble.again is not None and now < trouble.again:
            return False
        try:
            self._live[name] = self._load(row, now)
        except ModelError as error:
            attempts = trouble.attempts + 1 if trouble is not None and same else 1
            pause = min(FIRST_PAUSE * (1 << min(attempts - 1, 16)), LONGEST_PAUSE)
            self._problems[name] = Problem(str(error), row.version, attempts, now + pause)
            logger.warning("%s version %s does not serve: %s", name, row.version, error)
            return False
        self._problems.pop(name, None)
        logger.info("%s version %s serves", name, row.version)
        return True

    def _load(self, row: ModelVersionRow, now: datetime) -> Live:
        scorer = Scorer(fetch(self._folder, row.uri, sha256=row.sha256))
        scorer.check_golden()  # it also warms the session
        return Live(scorer, row.sha256, now)


def follow(
    served: Served, stop: threading.Event, every: timedelta, clock: Callable[[], datetime]
) -> threading.Thread:
    """Refresh in a thread until `stop` is set."""

    def run() -> None:
        while not stop.wait(every.total_seconds()):
            try:
                served.refresh(clock())
            except Exception:
                logger.exception("a look at the registry failed; the next one is soon")

    thread = threading.Thread(target=run, name="wharf-champions", daemon=True)
    thread.start()
    return thread
