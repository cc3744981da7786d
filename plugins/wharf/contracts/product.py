"""The product contract: what is made of which feeds, decided when, served how."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from wharf.contracts.clock import ClockPoint, Point
from wharf.contracts.feed import Active, Name, PeriodTerms
from wharf.contracts.formats import known_zone
from wharf.contracts.periods import Period
from wharf.contracts.spec import IDENTIFIER, Spec


class ProductTerms(Spec):
    """When a product decides about its inputs, and when it must be out."""

    tz: str
    decide_at: Point
    due: Point
    cutoff: Point

    @field_validator("tz")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        return known_zone(value)


class Policy(Spec):
    """One entry of `on_missing`."""

    kind: Literal["wait", "last_good", "partial", "skip", "fail"]
    until: ClockPoint | None = None
    max_age: Annotated[str, Field(pattern=r"^\d+(d|bd)$")] | None = None
    min_parts: Annotated[int, Field(ge=1)] | None = None
    needs_approval: bool = False
    """Whether `last_good` waits for a person's word (`wharf use-last-good`), to the cut-off."""

    @model_validator(mode="after")
    def _has_its_own_terms(self) -> Policy:
        if self.needs_approval and self.kind != "last_good":
            raise ValueError(
                "needs_approval goes with last_good; parts of a delivery are accepted for all that "
                "read it, by `wharf accept-partial`"
            )
        if self.min_parts is not None and self.kind != "partial":
            raise ValueError(f"min_parts goes with partial, not with {self.kind}")
        if self.max_age is not None and self.kind != "last_good":
            raise ValueError(f"max_age goes with last_good, not with {self.kind}")
        return self


class Edge(Spec):
    """How a product reads one input, and what it does when that input is missing."""

    read: str = "same"
    on_missing: tuple[Policy, ...] = (Policy(kind="wait"), Policy(kind="fail"))

    @field_validator("read")
    @classmethod
    def _is_a_reading(cls, value: str) -> str:
        head, _, count = value.partition(":")
        if value in {"same", "latest", "all"} or (head == "last" and count.strip().isdigit()):
            return value
        raise ValueError("use same, latest, all or 'last: N'")

    @field_validator("read", mode="before")
    @classmethod
    def _accepts_last(cls, value: Any) -> Any:
        return (
            f"last: {value['last']}"
            if isinstance(value, dict) and set(value) == {"last"}
            else value
        )

    @field_validator("on_missing", mode="before")
    @classmethod
    def _reads_policies(cls, value: Any) -> Any:
        entries = [value] if isinstance(value, str | dict) else value
        return tuple(_policy(entry) for entry in entries)


class Step(Spec):
    """One step of a product; exactly one of the four kinds is set."""

    dbt: str | None = None
    score: str | None = None
    python: str | None = None
    export: Literal["page", "files"] | None = None
    table: str | None = None
    name: str = ""

    @model_validator(mode="after")
    def _is_one_kind(self) -> Step:
        if len([kind for kind in (self.dbt, self.score, self.python, self.export) if kind]) != 1:
            raise ValueError("a step is exactly one of dbt, score, python, export")
        if self.python and not self.table:
            raise ValueError("a python step names the table it writes: {python: ..., table: ...}")
        return self

    @property
    def kind(self) -> Literal["dbt", "score", "python", "export"]:
        """Which of the four kinds this step is."""
        if self.dbt:
            return "dbt"
        if self.score:
            return "score"
        return "python" if self.python else "export"


class Plot(Spec):
    """One chart of a product page, drawn from a query over the product's tables."""

    title: str
    query: str
    mark: Literal["bar", "line", "point"] = "bar"
    x: str
    y: str
    colour: str | None = None


class Page(Spec):
    """What a product's page shows."""

    title: str
    about: str = ""
    table: Name
    plots: tuple[Plot, ...] = ()
    queries: tuple[str, ...] = ()


class Product(Spec):
    """A published output; one file `dags/products/<product>.yaml`."""

    product: Annotated[str, Field(pattern=IDENTIFIER)]
    about: str = ""
    tier: Annotated[int, Field(ge=1, le=3)] = 2
    audience: Literal["internal", "public"] = "internal"
    active: Active
    period: PeriodTerms
    timeliness: ProductTerms
    inputs: dict[str, Edge] = Field(default_factory=dict)
    steps: tuple[Step, ...]
    page: Page | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Product:
        if not self.steps:
            raise ValueError("a product has at least one step")
        if any(step.export for step in self.steps) and self.page is None:
            raise ValueError("an export step needs page:")
        Period.parse(self.period.kind, self.active.from_)
        return self

    @property
    def dag_id(self) -> str:
        """The id of the product's Airflow DAG."""
        return f"product__{self.product}"

    def parse_period(self, text: str) -> Period:
        """Read a period key of this product, or a date inside one."""
        return Period.find(self.period.kind, text)

    def is_active(self, period: Period) -> bool:
        """Whether the product is made for a period."""
        first = Period.parse(self.period.kind, self.active.from_).first
        until = self.active.until
        return first <= period.first and (
            until is None or period.first <= Period.parse(self.period.kind, until).first
        )


def parse_age(text: str) -> tuple[timedelta, bool]:
    """Read `2d` or `1bd` as a duration and whether it counts business days."""
    business = text.endswith("bd")
    return timedelta(days=int(text.rstrip("bd"))), business


def _policy(entry: Any) -> Any:
    if isinstance(entry, str):
        return {"kind": entry}
    if isinstance(entry, dict) and len(entry) == 1 and "kind" not in entry:
        ((kind, detail),) = entry.items()
        if kind == "wait":
            return {"kind": "wait", "until": ClockPoint.parse(str(detail))}
        if isinstance(detail, dict):
            return {"kind": kind, **detail}
    return entry
