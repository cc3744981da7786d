"""An input in parts, of which a person accepted some: products say so, or refuse it."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
from product_world import D4, D5, NOON, Place

from wharf.batches import store_dataframe
from wharf.contracts import load_project
from wharf.products import Context, Input, Manifest, Waiting, gather


def in_parts(place: Place, floor: int | None = None) -> Context:
    """The same installation; Alder's parcels come in three parts."""
    project = place.ctx.settings.project
    feed = project / "dags/feeds/alder/parcels.yaml"
    text = feed.read_text().replace(
        'path: "out/parcels_{period:%Y%m%d}*.csv"',
        'path: "out/parcels_{period:%Y%m%d}_{part}.csv", parts: [a, b, c]',
    )
    feed.write_text(text)
    product = project / "dags/products/parcel_facts.yaml"
    if floor is not None:
        asked = f"{{partial: {{min_parts: {floor}}}}}"
        lines = product.read_text().splitlines()
        changed = [
            line.replace("[wait,", f"[wait, {asked},") if "alder.parcels" in line else line
            for line in lines
        ]
        assert changed != lines
        product.write_text("\n".join(changed))
    return replace(place.ctx, project=load_project(project))


def deliver(ctx: Context, period: str, parts: str) -> None:
    ids = pa.array([f"ALD-{part}" for part in parts])
    frame = pa.table({"parcel_id": ids, "_period": [period] * len(parts)})
    origin = {"feed": "alder.parcels", "deliveries": [{"part": part} for part in parts]}
    store_dataframe(
        ctx.batches, "raw.alder_parcels", period, frame, now=NOON, by="test", origin=origin
    )


def alder(ctx: Context) -> Input:
    answer = gather(ctx, "parcel_facts", D5, now=NOON)
    [found] = [
        each
        for each in Manifest.from_row(answer).inputs  # type: ignore[arg-type]
        if each.name == "alder.parcels"
    ]
    return found


def others(place: Place) -> None:
    for county in ("birch", "cedar", "dune"):
        place.deliver(county, D5)


def test_accepted_parts_are_read_and_the_manifest_says_which_share(place: Place) -> None:
    ctx = in_parts(place)
    others(place)
    deliver(ctx, D5, "ab")
    found = alder(ctx)
    assert (found.policy, found.reason) == ("partial", f"{D5} has 2 of 3 parts")


def test_all_parts_are_published_as_ever(place: Place) -> None:
    ctx = in_parts(place)
    others(place)
    deliver(ctx, D5, "abc")
    assert alder(ctx).policy == "published"


def test_fewer_parts_than_the_floor_are_waited_for(place: Place) -> None:
    ctx = in_parts(place, floor=3)
    others(place)
    deliver(ctx, D4, "abc")
    deliver(ctx, D5, "ab")
    answer = gather(ctx, "parcel_facts", D5, now=NOON)
    assert isinstance(answer, Waiting)
    assert "accepted with 2 of 3 parts" in answer.reasons[0]
