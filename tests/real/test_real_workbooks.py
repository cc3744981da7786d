"""Two eras of New York's property sales, taken in, made into products and scored; no scheduler."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import real_world
from real_world import ABSENT, BOROUGHS, YEARS, Taken

from wharf import intake, products, scoring
from wharf.errors import DeliveryMissing
from wharf.intake import Intake, open_intake
from wharf.ledger.rows import ManifestRow
from wharf.settings import Connection, read_settings
from wharf.watch.evaluate import settle
from wharf.watch.expect import expect_one
from wharf.watch.look import look_for
from wharf.watch.promises import Promises, read_promises

DATA = real_world.data_folder()
pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(DATA is None, reason="no real data; WHARF_REAL_DATA says where it lies"),
]
START = datetime(2021, 6, 1, tzinfo=UTC)


class City:
    """An installation whose clock goes on by a minute for each thing done."""

    def __init__(self, root: Path) -> None:
        self.inboxes = root / "inboxes"
        project = real_world.copy_project(root / "project")
        home = {"WHARF_HOME": str(root / "home"), "WHARF_PROJECT": str(project)}
        self.place: Intake = open_intake(read_settings(home), self.resolve)
        self._now = START

    def now(self) -> datetime:
        self._now += timedelta(minutes=1)
        return self._now

    def resolve(self, connection_id: str) -> Connection:
        extra = real_world.connections(self.inboxes)[connection_id]["extra"]
        return Connection(connection_id, "local", extra=extra)

    def promises(self) -> Promises:
        return read_promises(self.place.ledger, self.place.settings.project, self.now())

    def take_in(self, name: str, key: str) -> None:
        promises = self.promises()
        feed, ledger = promises.feeds[name], self.place.ledger
        period = feed.parse_period(key)
        expect_one(ledger, promises.project, feed, period, promises.hashes[name], self.now())
        look_for(self.place, feed, period, self.now())
        try:
            intake.land_delivery(self.place, feed, period, now=self.now())
            batch = intake.stage_batch(self.place, feed, period, now=self.now(), run_id="test")
            intake.audit_batch(self.place, feed, batch, now=self.now())
            intake.publish_batch(self.place, feed, batch, now=self.now(), by="test")
        finally:
            settle(self.place, promises, feed, period, self.now())

    def make(self, name: str, key: str) -> None:
        ctx = real_world.context(self.place)
        manifest = products.gather(ctx, name, key, now=self.now())
        assert isinstance(manifest, ManifestRow)
        for index, step in enumerate(ctx.product(name).steps):
            now, made = self.now(), manifest.manifest_id
            if step.kind != "score":
                products.run_step(ctx, name, made, index, now=now, run_id="test")
                continue
            job = products.prepare_score_step(ctx, name, made, index, now=now, run_id="test")
            scoring.run_here(job, s3={})
            products.finish_score_step(ctx, job, now=now, run_id="test")
        products.release(ctx, name, manifest.manifest_id, now=self.now(), by="test")

    def train(self, name: str, key: str) -> None:
        ctx = real_world.context(self.place)
        here = scoring.ScoreContext(ctx.settings, ctx.ledger, ctx.lake, ctx.batches)
        model = ctx.project.models[name]
        scoring.train_on_release(here, model, now=self.now(), by="test", period=key)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    """Both eras, all the way to the pages."""
    assert DATA is not None
    city = City(tmp_path_factory.mktemp("city"))
    real_world.deliver(real_world.workbooks(DATA), city.inboxes)
    for year in YEARS:
        for borough in BOROUGHS:
            if (borough, year) in ABSENT:
                with pytest.raises(DeliveryMissing):
                    city.take_in(f"{borough}.sales", year)
            else:
                city.take_in(f"{borough}.sales", year)
    city.make("sales_facts", "2013")
    city.make("sales_facts", "2020")
    city.train("residential_sales", "2013")
    city.make("sales_use", "2020")
    return city


@pytest.fixture(scope="module")
def taken(city: City) -> list[Taken]:
    assert DATA is not None
    return real_world.taken(city.place, real_world.workbooks(DATA))


def test_every_row_of_every_workbook_is_staged_or_in_quarantine(taken: list[Taken]) -> None:
    assert len(taken) == 8
    assert real_world.lost_rows(taken) == []


def test_residential_sales_are_as_many_as_the_readme_of_the_data_counts(city: City) -> None:
    assert real_world.wrong_labels(city.place) == []


def test_the_model_learned_from_the_sales_of_2013_only(city: City) -> None:
    assert real_world.wrong_training(city.place) == []


def test_the_page_shows_metrics_of_both_eras_and_who_is_missing(city: City) -> None:
    assert real_world.wrong_page(city.place) == []


def test_the_model_does_better_than_the_commoner_answer_in_both_eras(city: City) -> None:
    unseen = [each for each in real_world.metrics(city.place) if each.part == "never learned from"]
    assert [each.year for each in unseen] == ["2013", "2020"]
    assert all(each.accuracy > each.majority_accuracy and each.auc > 0.9 for each in unseen)


def test_boroughs_that_delivered_nothing_for_2020_are_missing(city: City) -> None:
    assert real_world.not_missing(city.place) == []
