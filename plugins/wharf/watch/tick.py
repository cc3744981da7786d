"""One tick: make what should come, evaluate it, start what is wanted, send what is queued."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from wharf import alerts
from wharf.contracts import StartRun
from wharf.errors import WharfError
from wharf.intake import Intake
from wharf.ledger import Ledger, decisions
from wharf.ledger.rows import Tick
from wharf.watch.acknowledge import acknowledge
from wharf.watch.asked import asked_runs
from wharf.watch.daily import do_daily
from wharf.watch.evaluate import Evaluated, evaluate_due
from wharf.watch.expect import expect_horizon
from wharf.watch.learn import learn_decided
from wharf.watch.phases import Phases
from wharf.watch.promises import Promises
from wharf.watch.reruns import wanted_reruns
from wharf.watch.send import send_messages
from wharf.watch.starts import start_runs, wanted_runs
from wharf.watch.supervise import supervise
from wharf.watch.supplier_mail import queue_supplier_mails


@dataclass(frozen=True)
class Ticked:
    """What one tick did."""

    expected: int
    evaluated: Evaluated
    started: tuple[str, ...]
    sent: int
    failed: int
    problem: str = ""
    took: str = ""
    """How long its longer phases took."""

    def __str__(self) -> str:
        text = (
            f"{self.expected} rows made, {self.evaluated.rows} evaluated, "
            f"{self.evaluated.changed} changed, {self.evaluated.told} told, "
            f"{len(self.started)} runs started, {self.sent} messages sent"
        )
        text += f", {self.failed} messages failed" if self.failed else ""
        return "; ".join(each for each in (text, self.problem, self.took) if each)


def tick(
    ctx: Intake,
    promises: Promises,
    now: datetime,
    *,
    start_run: StartRun,
    running_keys: Callable[[], Set[tuple[str, str]]],
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    send: alerts.Send = alerts.send,
) -> Ticked:
    """Run one tick over the ledger; repeating it changes nothing.

    Args:
        ctx: The installation.
        promises: Contracts in force.
        now: The instant of the tick.
        start_run: Starts one run.
        running_keys: Lists (DAG id, period key) of queued and running runs.
        clock: Measures how long the tick took.
        send: Hands one message to its channel; a rehearsal only notes it.

    Returns:
        What was done. Where Airflow did not answer, the rest was done all the same.
    """
    began, phases = clock(), Phases(clock)
    settings = ctx.settings
    made = expect_horizon(ctx.ledger, promises, now) if settings.keeps_expectations else 0
    phases.end("expect")
    evaluated = evaluate_due(ctx.ledger, promises, settings, now, lambda: clock() - began)
    phases.end("evaluate")
    supervise(ctx.ledger, promises, settings, ctx.resolve, now)
    queue_supplier_mails(ctx, promises, now)
    do_daily(ctx.ledger, promises, settings, _previous(ctx.ledger), now)
    phases.end("tell")
    learn_decided(ctx.ledger, promises, now)
    phases.end("learn")
    started, problems = _start(ctx, promises, start_run, running_keys, now, lambda: clock() - began)
    phases.end("start runs")
    sent = failed = 0
    if settings.sends_outside:
        acknowledge(ctx.ledger, promises.project.routing, now)
        sent, failed = send_messages(
            ctx.ledger, promises.project, ctx.resolve, now, send, lambda: clock() - began
        )
    phases.end("send")
    done = Ticked(made, evaluated, started, sent, failed, "; ".join(problems), str(phases))
    with ctx.ledger.write() as tx:
        decisions.record_tick(tx, Tick("tick", now, (clock() - began).total_seconds(), str(done)))
    return done


def _previous(ledger: Ledger) -> datetime | None:
    with ledger.read() as tx:
        last = decisions.last_tick(tx, "tick")
    return last.at if last else None


def _start(
    ctx: Intake,
    promises: Promises,
    start_run: StartRun,
    running_keys: Callable[[], Set[tuple[str, str]]],
    now: datetime,
    elapsed: Callable[[], timedelta],
) -> tuple[tuple[str, ...], list[str]]:
    """Start what is wanted; gives what was started and what could not be."""
    try:
        running = running_keys()
    except WharfError as error:
        return (), [f"no run could be started: {error}"]
    wanted = wanted_runs(ctx.ledger, promises, running, now)
    undecided: list[str] = []
    try:
        wanted += wanted_reruns(ctx, promises, running, now)
    except WharfError as error:
        undecided.append(f"no product could be decided again: {error}")
    wanted += asked_runs(ctx.ledger, promises, running, now)
    started, problems = start_runs(ctx.ledger, wanted, start_run, now, elapsed)
    return tuple(f"{each.dag_id} {each.key}" for each in started), [*undecided, *problems]
