"""Every error a user of wharf can meet.

WharfError
├── ContractError (Terminal)      a feed, product, model, calendar or routing file is wrong
├── SettingsError (Terminal)      an environment setting or connection is missing or wrong
├── PeriodError (Terminal)        a period key is malformed or not in the contract
├── ArrivalsError (Terminal)      a file of past arrivals cannot be read, or fits no contract
├── SourceError (Transient)       a look or a fetch at the supplier's side failed
│   └── UnsafePath (Terminal)     a supplier's path leaves its root
├── DeliveryMissing (Transient)   the supplier has not put the expected files in place yet
├── NothingNew (Skip)             what is there was landed before; there is nothing to do
├── DeliveryRefused (Terminal)    the files cannot be read as the contract says; nothing was staged
├── AuditFailed (Terminal)        a critical expectation failed; the batch is in quarantine
├── SuiteError (Terminal)         an expectation suite is missing or names unknown expectations
├── DecisionRefused (Terminal)    a person may not decide this, so long, or without a reason
├── PublishRefused (Terminal)     a newer delivery version stands, or the batch was rolled back
├── Erased (Terminal)             files that were deleted on purpose are asked for
├── LakeError (Transient)         the lake or its catalog could not be reached or changed
│   └── LakeUnreached (Transient) storage or catalog failed: what lies there is not known
├── LedgerError (Transient)       the ledger could not be reached or changed
│   └── LedgerConflict (Transient) another process wrote first what may stand once only
├── AirflowUnavailable (Transient) Airflow did not answer, or does not know a DAG yet
├── ProductError (Terminal)       a product's step failed or an edge may not be decided
├── ModelError (Terminal)         no champion, a parity gate refused, or an artifact is damaged
├── ChannelError (Transient)      a message could not be handed over; it is tried again later
├── ChannelRefused (Terminal)     a channel will never take this message as it is
└── DemoError (Terminal)          the demo could not start or its world came out wrong

The mixin says what a scheduler should do: Terminal fails at once, Transient retries,
Skip ends the work without failure.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Terminal:
    """Mixin: trying again cannot help."""


class Transient:
    """Mixin: trying again may help."""


class Skip:
    """Mixin: there is nothing to do."""


class WharfError(Exception):
    """Base of every error raised by wharf on purpose."""


def disk_is_full(error: BaseException) -> bool:
    """Whether an error of any library says that a disk has no room left."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return True
    return any(text in str(error) for text in ("No space left on device", "disk is full"))


def files_failed(error: BaseException | None) -> bool:
    """Whether an error of any library says that files could not be read, whatever is in them."""
    while error is not None:
        text = str(error)
        if isinstance(error, OSError) or text.startswith(("IO Error:", "HTTP Error:", "OSError:")):
            return True
        error = error.__cause__ or error.__context__
    return False


def no_room(where: str) -> str:
    """What to say of a full disk."""
    return (
        f"the disk of {where} is full. Free some room there, then run the same step again; "
        "what readers see is whole"
    )


class ContractError(Terminal, WharfError):
    """A contract file is wrong; the message names file, field, value and choices."""

    def __init__(self, file: str, problems: Iterable[str]) -> None:
        self.file = file
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{file}: {problem}" for problem in self.problems))


class SettingsError(Terminal, WharfError):
    """An environment setting or a connection is missing or wrong."""


class PeriodError(Terminal, WharfError, ValueError):
    """A period key is malformed, or the contract has no such period."""


class ArrivalsError(Terminal, WharfError):
    """A file of past arrivals is wrong; the message names line, column, value and choices."""

    def __init__(self, file: str, problems: Iterable[str]) -> None:
        self.file = file
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{file}: {problem}" for problem in self.problems))


class SourceError(Transient, WharfError):
    """A look or a fetch at the supplier's side failed."""


class UnsafePath(Terminal, WharfError):
    """A path from a supplier leaves the root it must stay in."""


class DeliveryMissing(Transient, WharfError):
    """The supplier has not put the expected files in place yet."""

    def __init__(self, feed: str, period: str, looked_in: str, missing: Iterable[str]) -> None:
        self.feed, self.period, self.looked_in = feed, period, looked_in
        self.missing = tuple(missing)
        super().__init__(
            f"{feed}: {period} is not complete in {looked_in}; missing: {', '.join(self.missing)}"
        )


class NothingNew(Skip, WharfError):
    """Everything at the source was landed before under the same bytes."""


class DeliveryRefused(Terminal, WharfError):
    """A delivered file cannot be read as its contract says; nothing of it was staged."""

    def __init__(self, file: str, reason: str, next_step: str = "") -> None:
        self.file, self.reason = file, reason
        super().__init__(f"{file} refused: {reason}" + (f". {next_step}" if next_step else ""))


class AuditFailed(Terminal, WharfError):
    """A critical expectation failed; the batch is in quarantine and readers see nothing of it."""

    def __init__(self, batch_id: str, failed: Iterable[str]) -> None:
        self.batch_id, self.failed = batch_id, tuple(failed)
        super().__init__(
            f"batch {batch_id} is in quarantine: {'; '.join(self.failed)}. "
            f"Read: `wharf batch show {batch_id}`. The batch published before is still read."
        )


class SuiteError(Terminal, WharfError):
    """An expectation suite is missing, malformed, or names an expectation that does not exist."""


class DecisionRefused(Terminal, WharfError):
    """What a person wants decided is not allowed; the message names the field and says why."""

    def __init__(self, field: str, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(f"{field}: {problem}")


class PublishRefused(Terminal, WharfError):
    """A newer delivery version stands published, or a person rolled this batch back."""


class Erased(Terminal, WharfError):
    """What is asked for was deleted on purpose: its time was over, or a person's rows had to go."""


class LakeError(Transient, WharfError):
    """The lake or its catalog could not be reached or changed."""


class LakeUnreached(LakeError):
    """Storage or catalog failed or did not answer: nothing is known of what lies there."""


@contextmanager
def reading_files(what: str) -> Iterator[None]:
    """Turn what any engine raises over files that it could not read into LakeUnreached."""
    try:
        yield
    except WharfError:
        raise
    except Exception as error:  # of DuckDB, Arrow, or a library over them
        if disk_is_full(error) or not files_failed(error):
            raise
        said = " ".join(str(error).split())
        raise LakeUnreached(f"{what}: files cannot be read, try again: {said}") from error


class LedgerError(Transient, WharfError):
    """The ledger could not be reached or changed."""


class LedgerConflict(LedgerError):
    """Another process wrote first what may stand once only; look again."""


class AirflowUnavailable(Transient, WharfError):
    """Airflow's REST interface did not answer, or does not know the DAG yet."""


class ProductError(Terminal, WharfError):
    """A product's step failed, or its inputs allow no decision."""


class ModelError(Terminal, WharfError):
    """A model has no champion, failed its parity gate, or its artifact is damaged."""


class ChannelError(Transient, WharfError):
    """A message could not be handed to its channel now; a later try may succeed."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        """Seconds that the channel asked to be left alone, if it said so."""
        super().__init__(message)


class ChannelRefused(Terminal, WharfError):
    """A channel refused a message, or is set up so that it never can take one."""


class DemoError(Terminal, WharfError):
    """The demo could not start, or its world did not come out as promised."""
