"""The demo from its start to its table, and `serve` on the state that is there."""

from __future__ import annotations

import json
import secrets
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

from wharf.demo.observe import Observer
from wharf.demo.place import Place, open_place
from wharf.demo.progress import Progress
from wharf.demo.project import copy_project
from wharf.demo.receivers import FileServer, MailReceiver, WebReceiver
from wharf.demo.script import differences
from wharf.demo.table import show_messages, show_table
from wharf.demo.world import World
from wharf.errors import WharfError
from wharf.ledger import Ledger, decisions, models
from wharf.ledger import products as product_rows
from wharf.ledger.rows import Decision
from wharf.settings import Settings, read_settings, shipped_project

PROMISED_FOR = timedelta(seconds=90)
LONGEST = timedelta(minutes=20)
PRODUCTS = ("parcel_facts", "parcel_use", "signals_by_use", "supplier_scorecard")
LOOK_EVERY, TICK_EVERY = 10.0, 12.0


def run_demo(*, ends: bool, postgres: bool, port: int) -> int:
    """Play the story; 0 when everything came out as it should.

    Args:
        ends: Whether to end by itself.
        postgres: Whether to use Postgres.
        port: Airflow's port, if it is free.
    """
    begun = datetime.now(UTC)
    home = read_settings().home
    settings = replace(read_settings(), env="demo", project=home / "project")
    progress = Progress(begun)
    world = World.open(home, begun.date())
    stamps = world.stamps
    copy_project(shipped_project(), settings.project, stamps.spans, stamps.holidays)
    progress.say(f"{len(world.scripts)} feeds and periods in {settings.home}")
    code = 1
    with ExitStack() as stack:
        place, observer = _open(stack, settings, world, progress, postgres=postgres, port=port)
        try:
            differs = Demo(place, world, observer, progress).play()
            code = 1 if differs else 0
        except KeyboardInterrupt:
            progress.say("stopping")
            return 130
        finally:
            _tell(place, world, observer, Path("demo-report.json"))
        for line in differs:
            progress.warn(line)
        progress.say(f"done after {progress.elapsed():.0f} s")
        _addresses(place, progress)
        if not ends:
            _stay(place, progress)
    return code


def serve(*, postgres: bool, port: int) -> int:
    """Start Airflow, board and portal on the state below WHARF_HOME, until Ctrl-C."""
    progress = Progress(datetime.now(UTC))
    settings = read_settings()
    with ExitStack() as stack:
        if settings.env == "demo":
            world = World.open(settings.home, progress.begun.date())
            place, _ = _open(stack, settings, world, progress, postgres=postgres, port=port)
        else:
            place = open_place(
                stack,
                settings,
                {},
                progress.say,
                postgres=postgres,
                port=port,
                look_every=settings.look_every.total_seconds(),
                tick_every=settings.tick_every.total_seconds(),
            )
        _addresses(place, progress)
        _stay(place, progress)
    return 0


class Demo:
    """The story of one run: suppliers, scheduler and clock, until all has come to rest."""

    def __init__(self, place: Place, world: World, observer: Observer, progress: Progress) -> None:
        self.place = place
        self.world = world
        self.observer = observer
        self.progress = progress
        self._phases = iter(
            (
                ("all feeds of the past are settled", self._is_past_settled, self._let_facts_run),
                ("parcel_facts is released", self._has_facts, self._train),
                ("the model has a champion", self._has_champion, self._let_scores_run),
            )
        )
        self._phase = next(self._phases, None)

    def play(self) -> list[str]:
        """Let everything happen.

        Returns:
            What came out otherwise than it should; empty when all is right.
        """
        for dag in self.place.airflow.rest.dags():
            if str(dag["dag_id"]).startswith("feed__"):
                self._unpause(str(dag["dag_id"]))
        until = time.monotonic() + LONGEST.total_seconds()
        while time.monotonic() < until:
            self._go_on()
            differs = self._differences()
            if self._phase and self._phase[1]():
                self.progress.say(self._phase[0])
                self._phase[2]()
                self._phase = next(self._phases, None)
            if not differs and all(self._released(name) for name in PRODUCTS):
                return []
            self.progress.show(self._line(differs))
            time.sleep(1.5)
        return self._what_is_missing()

    def _what_is_missing(self) -> list[str]:
        errors = self.place.airflow.rest.import_errors()
        return [
            *self._differences(),
            *(f"product {name} was not released" for name in PRODUCTS if not self._released(name)),
            *(
                f"{each.feed} {each.period} waits for {each.waits_for}"
                for each in self.world.outstanding()
            ),
            *(f"{file}: {text.splitlines()[-1]}" for file, text in errors.items()),
        ]

    def _go_on(self) -> None:
        now = datetime.now(UTC)
        for line in self.world.advance(self.observer.holds, now):
            self.progress.say(line)
        _mind(self.place, self.progress)

    def _differences(self) -> list[str]:
        wanted = self.world.expected()
        return differences(wanted, self.observer.actual(wanted, datetime.now(UTC)))

    def _released(self, product: str) -> bool:
        with self.place.ledger.read() as tx:
            return bool(product_rows.releases_of(tx, product, str(self.world.days.d5)))

    def _is_past_settled(self) -> bool:
        return all(line.startswith("ember.permits") for line in self._differences())

    def _let_facts_run(self) -> None:
        self._unpause("product__parcel_facts", "product__supplier_scorecard", "model__residential")

    def _has_facts(self) -> bool:
        return self._released("parcel_facts")

    def _train(self) -> None:
        self._unpause("product__signals_by_use")
        if not self._has_champion():
            self.place.airflow.rest.trigger("model__residential")

    def _has_champion(self) -> bool:
        with self.place.ledger.read() as tx:
            return models.aliased(tx, "residential", "champion") is not None

    def _let_scores_run(self) -> None:
        self._unpause("product__parcel_use")

    def _unpause(self, *dag_ids: str) -> None:
        for dag_id in dag_ids:
            self.place.airflow.rest.unpause(dag_id)

    def _line(self, differs: list[str]) -> str:
        open_rows = len({line.split(":")[0] for line in differs})
        total = len(self.world.scripts)
        made = len([name for name in PRODUCTS if self._released(name)])
        return (
            f"{total - open_rows} of {total} feeds and periods settled, "
            f"{made} of {len(PRODUCTS)} products released"
        )


def _open(
    stack: ExitStack,
    settings: Settings,
    world: World,
    progress: Progress,
    *,
    postgres: bool,
    port: int,
) -> tuple[Place, Observer]:
    """Start receivers and servers, let the past happen, promise for ember, start Airflow."""
    received = settings.home / "demo" / "received.jsonl"
    secret = secrets.token_hex(16)
    web = stack.enter_context(WebReceiver(received, secret=secret))
    mail = stack.enter_context(MailReceiver(settings.home / "demo" / "mails.jsonl"))
    birch = stack.enter_context(FileServer(world.folder / "birch"))
    placed = world.advance(lambda *_: False, datetime.now(UTC))
    progress.say(f"the suppliers have put {len(placed)} files in place")
    connections = {
        **world.connections(birch.address),
        "alerts_webhook": json.dumps(
            {"conn_type": "http", "host": web.address, "password": secret}
        ),
        "alerts_mail": json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": mail.port,
                                   "extra": {"disable_ssl": True, "disable_tls": True}}),
        "wharf_spark": json.dumps({"conn_type": "spark", "host": "local[*]"}),
    }  # fmt: skip
    place = open_place(
        stack, settings, connections, progress.say, postgres=postgres, port=port,
        look_every=LOOK_EVERY, tick_every=TICK_EVERY,
        prepare=lambda ledger: _promise(ledger, world, progress.begun),
    )  # fmt: skip
    progress.say(f"Airflow is up after {place.airflow.started_in:.0f} s: {place.airflow.url}")
    return place, Observer(place.ledger, received)


def _promise(ledger: Ledger, world: World, begun: datetime) -> None:
    """Ember says it will come a little later; noted once."""
    period, until = str(world.today), begun + PROMISED_FOR
    reason = "the city said on the phone that it comes in a minute and a half"
    with ledger.write() as tx:
        if not decisions.decisions_of(tx, "ember.permits", period):
            promise = Decision("ember.permits", period, "promise", until, "demo", reason, begun)
            decisions.record_decision(tx, promise)


def _tell(place: Place, world: World, observer: Observer, file: Path) -> None:
    """Write the report and print the table, whatever came of it."""
    try:
        actual = observer.actual(world.expected(), datetime.now(UTC))
    except WharfError as error:
        Console().print(f"no table: {error}")
        return
    file.write_text(json.dumps(observer.report(actual), indent=2) + "\n", encoding="utf-8")
    show_table(actual)
    show_messages(observer.bodies())


def _addresses(place: Place, progress: Progress) -> None:
    login = f"login {place.airflow.user}, password {place.airflow.password}"
    progress.say(f"Airflow  {place.airflow.url}  ({login})")
    progress.say(f"board    {place.board_url}")
    progress.say(f"portal   {place.portal.url}")


def _mind(place: Place, progress: Progress) -> None:
    """Say what is wrong with Airflow; a triggerer that died is started again."""
    for problem in place.airflow.problems():
        progress.show(problem)
        if "triggerer" in problem and ("ended with" in problem or "no heartbeat" in problem):
            progress.warn("the triggerer is dead; starting it again")
            place.airflow.restart("triggerer")


def _stay(place: Place, progress: Progress) -> None:
    progress.say("Ctrl-C stops everything that was started")
    try:
        while True:
            time.sleep(5)
            _mind(place, progress)
    except KeyboardInterrupt:
        progress.say("stopping")
