"""Anything that may happen to a table, in any order: readers see what a simple model says."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from lake_model import (
    FIRST,
    POINTS,
    Held,
    Killed,
    Known,
    Model,
    killed_at,
    read,
    row_of,
    seen_by_iceberg,
)
from lake_world import TABLE, local_place, stage

from wharf.errors import PublishRefused

PERIODS = st.sampled_from(["2026-11-20", "2026-11-21", "2026-11-22"])
CHANGES = st.sampled_from(["none", "none", "add", "widen", "rename"])
ROWS = st.integers(0, 3)


class AnyOrder(RuleBasedStateMachine):
    """A lake, and the model beside it."""

    @initialize()
    def open(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="wharf-any-order-"))
        self.place = local_place(self.root)
        self.lake = self.place.open()
        self.model = Model()
        self.number = 0
        self.staged: list[Held] = []
        self.publish_new("2026-11-20", 2, "none")

    def teardown(self) -> None:
        shutil.rmtree(getattr(self, "root", "/nowhere"), ignore_errors=True)

    def stage(self, period: str, rows: int, change: str) -> Held:
        self.number += 1
        on = self.model.columns if self.lake.has(TABLE) else FIRST
        columns, formerly = self.changed(on, change)
        made = tuple(row_of(columns, f"b{self.number}", at) for at in range(rows))
        wanted = {each.name: each.type for each in columns} | {"_period": "string"}
        values = [[row[each.mark] for each in columns] for row in made]
        batch = stage(self.lake, values, period, columns=wanted, formerly=formerly)
        held = Held(batch, made, columns, on)
        self.model.held[batch.batch_id] = held
        return held

    def changed(
        self, on: tuple[Known, ...], change: str
    ) -> tuple[tuple[Known, ...], dict[str, list[str]]]:
        fresh = f"c{self.number}"
        if change == "add":
            return (*on, Known(fresh, fresh, "string")), {}
        amount = next(each for each in on if each.mark == "amount")
        others = tuple(each for each in on if each is not amount)
        if change == "widen":
            digits = min(int(amount.type[8:10]) + 1, 18)
            return (*others, Known("amount", amount.name, f"decimal({digits}, 2)")), {}
        if change == "rename":
            return (*others, Known("amount", fresh, amount.type)), {fresh: [amount.name]}
        return on, {}

    @rule(period=PERIODS, rows=ROWS, change=CHANGES)
    def publish_new(self, period: str, rows: int, change: str) -> None:
        held = self.stage(period, rows, change)
        assert self.lake.check(held.batch) == []
        self.lake.publish(held.batch, {})
        self.model.publish(held)

    @rule(period=PERIODS, rows=ROWS, change=CHANGES)
    def stage_for_later(self, period: str, rows: int, change: str) -> None:
        self.staged.append(self.stage(period, rows, change))

    @precondition(lambda self: self.staged)
    @rule()
    def publish_what_was_staged(self) -> None:
        held = self.staged.pop(0)
        try:
            self.lake.publish(held.batch, {})
        except PublishRefused:
            assert held.on != self.model.columns, "refused although nothing changed meanwhile"
            return
        self.model.publish(held)

    @rule(data=st.data())
    def publish_an_earlier_batch_again(self, data: st.DataObject) -> None:
        held = self.known(data)
        is_there = self.model.pointer.get(held.batch.period) == held.batch.batch_id
        before = self.lake.snapshot_id(TABLE)
        try:
            self.lake.publish(held.batch, {"action": "rollback"})
        except PublishRefused:
            assert held in self.staged or held.on != self.model.columns
            return
        assert (self.lake.snapshot_id(TABLE) == before) == is_there
        self.staged = [each for each in self.staged if each is not held]
        self.model.publish(held)

    @rule(period=PERIODS)
    def remove_a_period(self, period: str) -> None:
        if period in self.model.pointer:
            self.lake.remove(TABLE, period, {})
            del self.model.pointer[period]

    @rule()
    def anchor(self) -> None:
        name = f"anchor/{len(self.model.anchors)}/model"
        snapshot = self.lake.snapshot_id(TABLE)
        assert snapshot is not None
        self.lake.tag(TABLE, name, snapshot)
        # The state of a snapshot is read with the columns of then.
        self.model.anchors[name] = read(self.lake, self.lake.scan_sql(TABLE, snapshot_id=snapshot))
        marks = len(self.model.rows())
        assert len(self.model.anchors[name]) == marks

    @rule(keep=st.integers(1, 4))
    def expire(self, keep: int) -> None:
        self.lake.expire(TABLE, keep=keep)

    @rule(
        period=PERIODS,
        rows=ROWS,
        change=CHANGES,
        point=st.sampled_from(POINTS),
        when=st.sampled_from(["before", "after"]),
        call=st.integers(1, 2),
    )
    def die_while_publishing_and_try_again(
        self, period: str, rows: int, change: str, point: str, when: str, call: int
    ) -> None:
        held = self.stage(period, rows, change)
        after = self.model.copy()
        after.publish(held)
        try:
            with killed_at(point, when, call):
                self.lake.publish(held.batch, {})
        except Killed:
            pass
        self.lake = self.place.open()
        pointer = self.lake.current(TABLE)
        assert pointer in (self.model.pointer, after.pointer)
        expected = after if pointer == after.pointer else self.model
        assert read(self.lake, self.lake.scan_sql(TABLE)) == expected.rows()
        self.lake.publish(held.batch, {})
        self.model = after

    @rule(data=st.data())
    def read_one_batch(self, data: st.DataObject) -> None:
        held = self.known(data)
        again = self.lake.read_batch(TABLE, held.batch.period, held.batch.batch_id)
        assert again == held.batch
        assert again.rows == len(held.rows)
        if held not in self.staged:
            relation = self.lake.scan_batches_sql([again])
            assert read(self.lake, relation) == self.model.rows_of(held)

    def known(self, data: st.DataObject) -> Held:
        held = list(self.model.held.values())
        return held[data.draw(st.integers(0, len(held) - 1))]

    @invariant()
    def readers_see_what_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        expected = self.model.rows()
        assert self.lake.current(TABLE) == self.model.pointer
        assert read(self.lake, self.lake.scan_sql(TABLE)) == expected
        assert seen_by_iceberg(self.lake) == expected
        held = [self.model.held[batch_id].batch for batch_id in self.model.pointer.values()]
        assert sum(batch.rows for batch in held) == len(expected)

    @invariant()
    def anchors_are_read_as_they_were(self) -> None:
        if not hasattr(self, "model"):
            return
        for name, rows in self.model.anchors.items():
            snapshot = self.lake.snapshot_at(TABLE, name)
            assert read(self.lake, self.lake.scan_sql(TABLE, snapshot_id=snapshot)) == rows


def any_order(examples: int, steps: int) -> None:
    quiet: Any = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(AnyOrder, settings=quiet)


def test_whatever_happens_in_any_order_readers_see_what_the_model_says() -> None:
    any_order(examples=3, steps=10)


@pytest.mark.slow
def test_whatever_happens_in_many_orders_readers_see_what_the_model_says() -> None:
    any_order(examples=80, steps=40)
