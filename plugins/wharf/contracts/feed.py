"""The feed contract: what one supplier promised to deliver, and by when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from wharf.contracts.clock import ClockPoint, Point
from wharf.contracts.formats import Column, FileFormat, known_zone
from wharf.contracts.periods import Period, PeriodKind
from wharf.contracts.quality import Quality
from wharf.contracts.shapes import is_nested
from wharf.contracts.source import Source
from wharf.contracts.spec import IDENTIFIER, Duration, OptionalText, Spec

NESTED_KINDS = ("json", "jsonl", "parquet")
"""Formats in which a cell can hold more than one value."""
SYSTEM_COLUMNS = ("_period", "_batch_id", "_file", "_line")
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
Level = Literal["L0", "L1", "L2", "L3"]


class Active(Spec):
    """From which period on the promise holds, and until which (inclusive)."""

    from_: str = Field(alias="from")
    until: OptionalText = None
    trial: bool = False


class PeriodTerms(Spec):
    """Which periods there are, and what a holiday does to them."""

    kind: PeriodKind
    calendar: OptionalText = None
    on_holiday: Literal["skip", "roll_forward", "roll_back", "expect_anyway"] = "skip"


class HalfDay(Spec):
    """What holds instead where the due day is a half-day of the calendar."""

    opens: Point | None = None
    expected: Point | None = None
    warn: Point | None = None
    due: Point | None = None
    grace: Duration | None = None
    cutoff: Point | None = None

    @model_validator(mode="after")
    def _says_something(self) -> HalfDay:
        if not self.model_fields_set:
            raise ValueError("say what differs: opens, expected, warn, due, grace or cutoff")
        return self


class Terms(Spec):
    """The clock points of a promise, in local wall time."""

    from_: OptionalText = Field(alias="from", default=None)
    tz: str
    judge_by: Literal["arrival", "submission"] = "arrival"
    opens: Point
    expected: Point | None = None
    warn: Point | None = None
    due: Point
    grace: Duration = timedelta(0)
    cutoff: Point
    on_half_day: HalfDay | None = None

    @field_validator("tz")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        return known_zone(value)

    def on_a_half_day(self) -> Terms:
        """The terms that hold where the due day is a half-day."""
        if self.on_half_day is None:
            return self
        given = {name: getattr(self.on_half_day, name) for name in HalfDay.model_fields}
        return self.model_copy(update={k: v for k, v in given.items() if v is not None})


class Restatement(Spec):
    """What happens when other bytes come for a period already delivered."""

    within_cutoff: Literal["auto", "approve", "refuse"] = "auto"
    after: Literal["auto", "approve", "refuse"] = "approve"


class SchemaPolicy(Spec):
    """What happens when a delivery's columns differ from the contract."""

    new_column: Literal["evolve_and_notify", "ignore", "quarantine"] = "evolve_and_notify"
    dropped: Literal["quarantine", "null_fill"] = "quarantine"
    type: Literal["quarantine"] = "quarantine"


class OnArrival(Spec):
    """Policies for what a delivery turns out to be."""

    restatement: Restatement = Restatement()
    same_as_previous: Literal["note", "refuse"] = "note"
    schema_: SchemaPolicy = Field(alias="schema", default=SchemaPolicy())
    max_quarantined: Annotated[float, Field(ge=0, le=1)] = 0.1


class Contacts(Spec):
    """Whom at the supplier to write to, and from which level on."""

    late: str
    after: Level = "L1"
    max_per_period: Annotated[int, Field(ge=0)] = 2
    receipt: bool = False
    """Whether to say what was accepted."""
    rejection: bool = True
    """Whether to say what was not accepted, with the rows that could not be read."""


class Supplier(Spec):
    """The party that sends the data."""

    id: Annotated[str, Field(pattern=IDENTIFIER)]
    name: str = ""
    contacts: Contacts | None = None


class Alert(Spec):
    """How loud this feed may get."""

    floor: Level = "L0"
    group: Literal["supplier", "none"] = "supplier"
    page_after_streak: int | None = None


class Learned(Spec):
    """What is made of the usual arrival time, and how many deliveries it is learned from."""

    use_for: tuple[Literal["at_risk", "eta"], ...] = ("at_risk", "eta")
    window: Annotated[int, Field(ge=2, le=1000)] = 60
    min_n: Annotated[int, Field(ge=2, le=1000)] = 14

    @model_validator(mode="after")
    def _fits_its_window(self) -> Learned:
        if self.min_n > self.window:
            raise ValueError(f"min_n is {self.min_n}, more than the window of {self.window}")
        return self


class Retention(Spec):
    """How long what nobody reads is kept; where nothing is said it is kept for ever."""

    replaced: Duration | None = None
    """Files of batches that were replaced, rolled back or never published, from that moment on."""
    quarantine: Duration | None = None
    """Whole batches in quarantine, and rows set aside of others."""
    landing: Duration | None = None
    """Delivered files, from their landing on."""
    periods: Duration | None = None
    """Whole periods, from their last day on: readers see nothing of them afterwards."""

    @model_validator(mode="after")
    def _is_in_days(self) -> Retention:
        for name in Retention.model_fields:
            kept = getattr(self, name)
            if kept is not None and kept < timedelta(days=1):
                raise ValueError(f"{name} is {kept}; keep it for a day (1d) or longer")
        return self


class Feed(Spec):
    """One agreed stream of deliveries; one file `dags/feeds/<supplier>/<feed>.yaml`."""

    feed: Name
    formerly: tuple[Name, ...] = ()
    about: str = ""
    active: Active
    table: Name
    content: Literal["snapshot", "increment"] = "snapshot"
    key: tuple[str, ...] = ()
    supplier: Supplier
    source: Source
    format: FileFormat
    columns: dict[str, Column]
    period: PeriodTerms
    timeliness: tuple[Terms, ...]
    on_arrival: OnArrival = OnArrival()
    alert: Alert = Alert()
    learned: Learned = Learned()
    retention: Retention = Retention()
    quality: Quality = Quality()

    @field_validator("timeliness", mode="before")
    @classmethod
    def _accepts_one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _is_consistent(self) -> Feed:
        if not self.timeliness:
            raise ValueError("timeliness needs at least one set of terms")
        if self.supplier.id != self.feed.split(".")[0]:
            raise ValueError(f"supplier.id is {self.supplier.id!r}, but the feed is {self.feed!r}")
        if unknown := [name for name in self.key if name not in self.columns]:
            raise ValueError(f"key names unknown columns: {', '.join(unknown)}")
        if problem := _renaming_problem(self.columns):
            raise ValueError(problem)
        if reserved := [name for name in self.columns if name.startswith("_")]:
            raise ValueError(f"columns may not begin with '_': {', '.join(reserved)}")
        nested = [name for name, column in self.columns.items() if is_nested(column.type)]
        if nested and self.format.kind not in NESTED_KINDS:
            raise ValueError(
                f"columns.{nested[0]}: {self.format.kind} has no structs, lists or maps; "
                f"only {', '.join(NESTED_KINDS)} have"
            )
        if keyed := [name for name in self.key if name in nested]:
            raise ValueError(f"key: {keyed[0]} is a struct, list or map; a key is simple values")
        for key in (
            self.active.from_,
            self.active.until,
            *(t.from_ for t in self.timeliness),
        ):
            if key is not None:
                Period.parse(self.period.kind, key)
        return self

    @property
    def renamed_columns(self) -> dict[str, tuple[str, ...]]:
        """Names that columns had before, by their names now."""
        return {name: each.formerly for name, each in self.columns.items() if each.formerly}

    @property
    def supplier_id(self) -> str:
        """The supplier's id, the first half of the feed's name."""
        return self.supplier.id

    @property
    def dag_id(self) -> str:
        """The id of the feed's Airflow DAG."""
        return "feed__" + self.feed.replace(".", "__")

    @property
    def sensitive(self) -> frozenset[str]:
        """Columns whose values nobody is shown."""
        return frozenset(name for name, column in self.columns.items() if column.sensitive)

    def parse_period(self, text: str) -> Period:
        """Read a period key of this feed, or a date inside one."""
        return Period.find(self.period.kind, text)

    def terms_for(self, period: Period) -> Terms:
        """The terms in force for a period: the last whose `from` is not after its first day."""
        chosen = self.timeliness[0]
        for terms in self.timeliness:
            if terms.from_ is None or self.parse_period(terms.from_).first <= period.first:
                chosen = terms
        return chosen

    def is_active(self, period: Period) -> bool:
        """Whether the promise holds for a period."""
        after_start = self.parse_period(self.active.from_).first <= period.first
        until = self.active.until
        return after_start and (until is None or period.first <= self.parse_period(until).first)


def _renaming_problem(columns: Mapping[str, Column]) -> str:
    """Say what is wrong with the columns' former names; empty when nothing is."""
    owners: dict[str, str] = {}
    for name, column in columns.items():
        for old in column.formerly:
            if old in columns:
                return f"columns.{name}.formerly names {old!r}, which is a column still"
            if old.startswith("_"):
                return f"columns.{name}.formerly may not begin with '_': {old!r}"
            if old in owners:
                return f"{old!r} was renamed to {owners[old]!r} and to {name!r}; keep one"
            owners[old] = name
    return ""


__all__ = ["SYSTEM_COLUMNS", "ClockPoint", "Feed", "Terms"]
