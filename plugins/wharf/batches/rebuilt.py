"""What a lost ledger held of deliveries, worked out from what lies in landing area and lake.

Pure: records and files in, rows out. What cannot be known is said in the row, and errs on the
side that changes nothing a reader sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from wharf.lake import Batch, BatchId, LandedFile, safe_name
from wharf.ledger.rows import Delivery

REBUILT = "rebuilt: "
NO_ARRIVAL = -1
"""The `arrival_seq` of rebuilt deliveries counts down from here: which arrival it was is lost,
until the source shows the file again."""


@dataclass(frozen=True)
class Version:
    """One delivery version as the batches made of it describe it."""

    number: int
    part: str
    sha256: str
    path: str
    verdict: str
    reverts_to: int | None
    staged_at: datetime


Place = tuple[str, str, str]
"""Feed, period and part as a path shows it."""


def versions_of(records: Iterable[Batch]) -> dict[Place, dict[int, Version]]:
    """The versions that batches tell of, by place and number."""
    found: dict[Place, dict[int, Version]] = {}
    for record in records:
        feed, described = record.origin.get("feed"), record.origin.get("deliveries")
        if not isinstance(feed, str) or not isinstance(described, Sequence):
            continue
        for each in described:
            version = _version(record, each)
            place = (feed, record.period, safe_name(version.part) if version.part else "")
            found.setdefault(place, {}).setdefault(version.number, version)
    return found


def deliveries_from(
    landed: Iterable[LandedFile], told: Mapping[Place, Mapping[int, Version]]
) -> Iterator[Delivery]:
    """The deliveries of every place, oldest version first."""
    by_place: dict[Place, list[LandedFile]] = {}
    for file in landed:
        by_place.setdefault((file.feed, file.period, file.part), []).append(file)
    for place in sorted({*by_place, *told}):
        yield from _of_place(place, by_place.get(place, []), told.get(place, {}))


def is_known(row: Delivery, known: Iterable[Delivery]) -> bool:
    """Whether a ledger has this delivery; one that no batch tells of by its bytes alone."""
    return any(
        (each.part, each.sha256) == (row.part, row.sha256)
        and (not row.outcome or each.version == row.version)
        for each in known
    )


def beside(row: Delivery, known: Sequence[Delivery]) -> Delivery:
    """The delivery as it may stand beside those of a ledger that went on without it."""
    numbers = {each.version for each in known if each.part == row.part}
    lowest = min((each.arrival_seq for each in known), default=0)
    moved = replace(row, arrival_seq=min(lowest, 0) + row.arrival_seq)
    if row.version not in numbers or row.verdict == "DUPLICATE":
        return moved
    reason = f"{REBUILT}the ledger gave version {row.version} to another file; it is not read again"
    return replace(moved, verdict="DUPLICATE", reason=reason)


def _of_place(
    place: Place, files: Sequence[LandedFile], told: Mapping[int, Version]
) -> Iterator[Delivery]:
    by_sha = {file.sha256: file for file in files}
    rows = [_told(place, version, by_sha.get(version.sha256)) for version in told.values()]
    silent = sorted(
        (file for file in files if file.sha256 not in {v.sha256 for v in told.values()}),
        key=lambda file: (file.at, file.sha256),
    )
    newest = max((row.landed_at for row in rows), default=None)
    for file in silent:
        taken = {row.version for row in rows if row.verdict != "DUPLICATE"}
        rows.append(_silent(place, file, taken, newest))
    ordered = sorted(rows, key=lambda row: (row.version, row.landed_at))
    for number, row in enumerate(ordered):
        yield replace(row, arrival_seq=NO_ARRIVAL - number)


def _told(place: Place, version: Version, file: LandedFile | None) -> Delivery:
    at = file.at if file and not version.reverts_to else version.staged_at
    return Delivery(
        feed=place[0],
        period=place[1],
        part=version.part,
        version=version.number,
        verdict=version.verdict,
        reverts_to=version.reverts_to,
        arrival_seq=NO_ARRIVAL,
        path=version.path,
        uri=file.uri if file else "",
        size=file.size if file else 0,
        sha256=version.sha256,
        submitted_at=None,
        arrived_at=at,
        landed_at=at,
        outcome="loaded",
        reason="" if file else f"{REBUILT}its file is no longer in the landing area",
    )


def _silent(place: Place, file: LandedFile, taken: set[int], newest: datetime | None) -> Delivery:
    """A landed file that no batch tells of: refused, or landed just before the ledger was lost."""
    highest = max(taken, default=0)
    gaps = sorted(set(range(1, highest)) - taken)
    verdict, version, outcome, reason = "RESTATEMENT", highest + 1, "", ""
    if newest is None or file.at > newest:
        verdict = "RESTATEMENT" if highest else "NEW"
    elif gaps:
        version, verdict = gaps[0], "NEW" if gaps[0] == 1 else "RESTATEMENT"
        outcome, reason = "refused", f"{REBUILT}no batch was made of it"
    else:
        version, verdict = highest, "DUPLICATE"
        reason = f"{REBUILT}which version it was cannot be known; it is not read again"
    return Delivery(
        feed=place[0],
        period=place[1],
        part=place[2],
        version=version,
        verdict=verdict,
        arrival_seq=NO_ARRIVAL,
        path=file.name,
        uri=file.uri,
        size=file.size,
        sha256=file.sha256,
        submitted_at=None,
        arrived_at=file.at,
        landed_at=file.at,
        outcome=outcome,
        reason=reason,
    )


def _version(record: Batch, each: Mapping[str, object]) -> Version:
    reverts_to = each.get("reverts_to")
    staged_at = str(record.origin.get("staged_at") or "")
    return Version(
        number=int(str(each["version"])),
        part=str(each.get("part") or ""),
        sha256=str(each["sha256"]),
        path=str(each.get("path") or ""),
        verdict=str(each.get("verdict") or "NEW"),
        reverts_to=int(str(reverts_to)) if reverts_to is not None else None,
        staged_at=datetime.fromisoformat(staged_at) if staged_at else _named_at(record),
    )


def _named_at(record: Batch) -> datetime:
    return BatchId.parse(record.batch_id).at
