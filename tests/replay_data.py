"""Two real feeds' deliveries: the log, the payload, and what an oracle says of each file.

The data is never copied into the project; see `data_folder`.
"""

from __future__ import annotations

import csv
import gzip
import os
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import zstandard

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "tests" / "real" / "replay"
"""The contracts and suites of the feeds that are replayed."""
Row = Mapping[str, str]


def data_folder() -> Path | None:
    """Where the deliveries lie, by `WHARF_REAL_DATA` or beside the checkout; None without them."""
    folder = Path(os.environ.get("WHARF_REAL_DATA") or ROOT.parent / "shared" / "data")
    return folder if (folder / "expected").is_dir() else None


@dataclass(frozen=True)
class Delivered:
    """One line of a delivery log: a version of a file, or that it was taken away."""

    feed: str
    period: str
    path: str
    """Below the connection's root."""
    version: int
    status: str
    submitted: datetime | None
    arrived: datetime
    bytes_hash: str
    payload: str
    facts: Row
    """What the oracle says; empty for a file that was taken away."""

    @property
    def written(self) -> datetime:
        """When the supplier wrote it."""
        return self.submitted or self.arrived

    def number(self, fact: str) -> int | None:
        """One of the oracle's numbers; None where it gives none."""
        return int(self.facts[fact]) if self.facts.get(fact) else None


@dataclass(frozen=True)
class DeliverySet:
    """The deliveries of one place: their log, oracle and payload, and how its feeds are named."""

    name: str
    folder: str
    oracle: str
    connection: str

    def log(self, data: Path) -> list[Delivered]:
        """Everything that was delivered or taken away, in order of arrival."""
        facts = {
            (row["path"], row["version"], row["arrived_utc"]): row
            for row in _rows(data / "expected" / self.oracle)
        }
        found = [
            self._delivered(row, facts.get((row["path"], row["version"], row["arrived_utc"]), {}))
            for row in _rows(data / "deliveries" / self.folder / "deliveries.csv.gz")
        ]
        return sorted(found, key=lambda each: each.arrived)

    def replayable(self, data: Path) -> list[Delivered]:
        """The deliveries whose bytes we have, and when their files were taken away."""
        log = self.log(data)
        paths = {each.path for each in log if each.payload}
        first = {each.path: each.arrived for each in reversed(log) if each.payload}
        return [
            each
            for each in log
            if each.payload
            or (each.status == "D" and each.path in paths and each.arrived > first[each.path])
        ]

    def unpack(self, data: Path, wanted: Iterable[Delivered], target: Path) -> None:
        """Write the bytes of some deliveries below a folder, under their payload names."""
        names = {each.payload for each in wanted if each.payload}
        archive = data / "deliveries" / self.folder / "payload.tar.zst"
        with (
            archive.open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file) as plain,
            tarfile.open(fileobj=plain, mode="r|") as members,
        ):
            for member in members:
                name = member.name.removeprefix("./")
                if name in names and (content := members.extractfile(member)) is not None:
                    path = target / self.name / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content.read())

    def _delivered(self, row: Row, facts: Row) -> Delivered:
        feed, period, path = self._placed(row)
        return Delivered(
            feed=feed,
            period=period,
            path=path,
            version=int(row["version"] or 0),
            status=row["status"],
            submitted=_instant(row["submitted_utc"]),
            arrived=_instant(row["arrived_utc"]) or datetime.min.replace(tzinfo=UTC),
            bytes_hash=row["blob_sha1"],
            payload=row["payload"],
            facts=facts,
        )

    def _placed(self, row: Row) -> tuple[str, str, str]:
        """Feed, period and path below the connection's root of one line of the log."""
        if row["data_date"]:
            week = f"{date.fromisoformat(row['data_date']):%G-W%V}"
            return f"{_word(row['feed'])}.forecasts", week, row["path"]
        # A file overwritten in place has one period, however long: that of its first year.
        folder, _, name = row["path"].rpartition("/")
        feed = f"{_word(folder) or 'root'}_{_word(name.removesuffix('.csv'))}"
        return f"nyc_health.{feed}", "2020", f"2020/{row['path']}"


HEALTH = DeliverySet("health", "nyc_health_snapshots", "nyc_delivery_facts.csv.gz", "nyc_inbox")
FORECASTS = DeliverySet(
    "forecasts", "flusight_46_suppliers", "flusight_delivery_facts.csv.gz", "flusight_inbox"
)
SETS = (HEALTH, FORECASTS)


def by_instant(deliveries: Sequence[Delivered]) -> Iterator[list[Delivered]]:
    """What arrived at the same instant, together; in order."""
    group: list[Delivered] = []
    for each in deliveries:
        if group and each.arrived != group[0].arrived:
            yield group
            group = []
        group.append(each)
    if group:
        yield group


def _rows(path: Path) -> list[Row]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _word(text: str) -> str:
    return re.sub("[^a-z0-9]+", "_", text.lower())
