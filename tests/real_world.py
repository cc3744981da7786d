"""Property sales of New York in two eras: the workbooks, the project that reads them, the claims.

The data is never copied into the project; see `data_folder`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wharf.contracts import load_project
from wharf.errors import WharfError
from wharf.intake import Intake
from wharf.ledger import batches, expected, models, products
from wharf.products import Context, load_product

ROOT = Path(__file__).parents[1]
PROJECT = ROOT / "tests" / "real" / "project"
BOROUGHS = ("manhattan", "bronx", "brooklyn", "queens", "statenisland")
FOLDERS = {"2013": "2012-08_2013-08", "2020": "2020"}
# When the city published them: the workbooks say so above their header.
PUBLISHED = {
    "2013": datetime(2013, 9, 18, 16, tzinfo=UTC),
    "2020": datetime(2021, 1, 14, 17, tzinfo=UTC),
}
YEARS = ("2013", "2020")
ABSENT = (("brooklyn", "2020"), ("queens", "2020"))
# What the data's own README counts.
SALES = {"2013": 85_975, "2020": 24_126}
RESIDENTIAL = {"2013": 73_981, "2020": 22_706}
NOT_LABELLED = {"2013": 1, "2020": 0}
PREAMBLE = 5
"""Rows above the first sale: four of preamble and the header."""


@dataclass(frozen=True)
class Workbook:
    """One borough's sales of one year, as the city published them."""

    borough: str
    year: str
    path: Path

    @property
    def feed(self) -> str:
        """The feed it belongs to."""
        return f"{self.borough}.sales"

    def count_rows(self) -> int:
        """Rows below the header, counted apart from wharf's reading."""
        import fastexcel

        sheet = fastexcel.read_excel(self.path).load_sheet(
            0, header_row=None, skip_rows=PREAMBLE, dtypes="string"
        )
        return int(sheet.height)


@dataclass(frozen=True)
class Taken:
    """What became of one workbook."""

    workbook: Workbook
    rows: int
    staged: int
    quarantined: int
    status: str


@dataclass(frozen=True)
class Measured:
    """How good the scores of one part of the sales are."""

    year: str
    part: str
    sales: int
    accuracy: float
    majority_accuracy: float
    auc: float


def data_folder() -> Path | None:
    """Where the workbooks lie, by `WHARF_REAL_DATA` or beside the checkout; None without them."""
    root = Path(os.environ.get("WHARF_REAL_DATA") or ROOT.parent / "shared" / "data")
    folder = root / "parcels" / "nyc_rolling_sales"
    return folder if folder.is_dir() else None


def workbooks(folder: Path) -> list[Workbook]:
    """All workbooks of both eras; of 2020 two boroughs are missing."""
    return [
        Workbook(borough, year, path)
        for year, name in FOLDERS.items()
        for borough in BOROUGHS
        for path in sorted((folder / name).glob(f"{borough}.xls*"))
    ]


def deliver(books: Iterable[Workbook], inboxes: Path) -> None:
    """Stand workbooks in the boroughs' inboxes, with the time at which the city published them."""
    for borough in BOROUGHS:
        (inboxes / borough).mkdir(parents=True, exist_ok=True)
    for book in books:
        name = f"rollingsales_{book.borough}_{book.year}{book.path.suffix}"
        target = inboxes / book.borough / name
        shutil.copyfile(book.path, target)
        at = PUBLISHED[book.year].timestamp()
        os.utime(target, (at, at))


def connections(inboxes: Path) -> dict[str, dict[str, Any]]:
    """The inboxes as Airflow's connections, by id."""
    return {
        f"{borough}_inbox": {"conn_type": "local", "extra": {"root": str(inboxes / borough)}}
        for borough in BOROUGHS
    }


def copy_project(target: Path) -> Path:
    """Make the project whole: its own files, and what every project takes over from this one."""
    for part in ("dags", "dbt", "expectations"):
        shutil.copytree(PROJECT / part, target / part, dirs_exist_ok=True)
    for file in [*ROOT.glob("dags/*.py"), *ROOT.glob("dbt/*.yml"), *ROOT.glob("dbt/macros/*.sql")]:
        shutil.copyfile(file, target / file.relative_to(ROOT))
    return target


def context(place: Intake) -> Context:
    """What products work with."""
    project = load_project(place.settings.project)
    return Context(place.settings, project, place.ledger, place.lake, place.batches)


def taken(place: Intake, books: Iterable[Workbook]) -> list[Taken]:
    """What the ledger says of each workbook."""
    found = []
    with place.ledger.read() as tx:
        for book in books:
            rows = batches.batches_for(tx, book.feed, book.year)
            last = rows[-1] if rows else None
            found.append(
                Taken(
                    book,
                    book.count_rows(),
                    last.rows_staged if last else 0,
                    last.rows_quarantined if last else 0,
                    last.status if last else "NOTHING",
                )
            )
    return found


def labels(place: Intake, year: str) -> tuple[int, int, int]:
    """Sales of a year's release: all, residential, without a label."""
    table = load_product(context(place), "sales_facts", "facts.sales", year, kind="arrow")
    said = table.column("is_residential").to_pylist()
    return len(said), said.count(True), said.count(None)


def metrics(place: Intake) -> list[Measured]:
    """The metrics of both eras, over all boroughs, as the newest release has them."""
    table = load_product(
        context(place), "sales_use", "interpretations.residential_by_year", "2020", kind="arrow"
    )
    names = list(Measured.__dataclass_fields__)
    rows = [row for row in table.to_pylist() if row["borough"] == "all"]
    return [Measured(**{name: row[name] for name in names}) for row in rows]


def page(place: Intake, product: str) -> tuple[dict[str, Any], str]:
    """A product's page as facts and as text."""
    folder = place.settings.portal / "products" / product
    facts = json.loads((folder / "page.json").read_text(encoding="utf-8"))
    return facts, (folder / "index.html").read_text(encoding="utf-8")


def lost_rows(found: Iterable[Taken]) -> list[str]:
    """Where rows of a workbook are neither staged nor in quarantine."""
    found = list(found)
    told = [
        f"{each.workbook.feed} {each.workbook.year}: {each.rows} rows in the workbook, "
        f"{each.staged} staged and {each.quarantined} in quarantine, {each.status}"
        for each in found
        if each.staged + each.quarantined != each.rows or each.status != "PUBLISHED"
    ]
    for year, sales in SALES.items():
        rows = sum(each.rows for each in found if each.workbook.year == year)
        if rows != sales:
            told.append(f"the workbooks of {year} hold {rows} sales, not {sales}")
    return told


def wrong_labels(place: Intake) -> list[str]:
    """Where the labels are others than the data's README counts."""
    told = []
    for year in YEARS:
        wanted = (SALES[year], RESIDENTIAL[year], NOT_LABELLED[year])
        if (found := labels(place, year)) != wanted:
            told.append(f"sales, residential, without label of {year}: {found}, not {wanted}")
    return told


def wrong_training(place: Intake) -> list[str]:
    """Where the champion learned from anything but the sales of 2013."""
    with place.ledger.read() as tx:
        champion = models.aliased(tx, "residential_sales", "champion")
        versions = {row.version: row for row in models.versions_of(tx, "residential_sales")}
        release = products.current_releases(tx, "sales_facts").get("2013")
    if champion is None or release is None:
        return ["there is no champion, or nothing of 2013 was released"]
    [table] = versions[champion].data["tables"]
    batch = release.tables["facts.sales"]["batch_id"]
    told = []
    if table["batch_ids"] != [batch]:
        told.append(f"the model learned from {table['batch_ids']}, the sales of 2013 are {batch}")
    labelled = versions[champion].data["rows_labelled"]
    if labelled != SALES["2013"] - NOT_LABELLED["2013"]:
        told.append(f"the model learned from {labelled} sales")
    held_out = versions[champion].metrics["test"]
    shown = [m for m in metrics(place) if (m.year, m.part) == ("2013", "never learned from")]
    if [m.auc for m in shown] != [round(held_out["auc"], 4)]:
        told.append(f"the page's AUC of held-out sales is not the model's {held_out['auc']}")
    return told


def wrong_page(place: Intake) -> list[str]:
    """What the pages do not say: metrics of both eras, and which boroughs are missing."""
    facts, text = page(place, "sales_use")
    told = []
    parts = {(each.year, each.part) for each in metrics(place)}
    wanted = {
        ("2013", "learned from"),
        ("2013", "never learned from"),
        ("2020", "never learned from"),
    }
    if parts != wanted or facts["period"] != "2020" or facts["model"]["version"] != 1:
        told.append(f"the page of {facts['period']} has metrics of {sorted(parts)}")
    told += [
        f"the page does not show the AUC {each.auc} of {each.year}"
        for each in metrics(place)
        if str(each.auc) not in text
    ]
    if text.count("not delivered") < len(ABSENT):
        told.append("the page does not show that boroughs of 2020 were not delivered")
    inputs = {each["name"]: each for each in page(place, "sales_facts")[0]["inputs"]}
    for borough, year in ABSENT:
        found = inputs[f"{borough}.sales"]
        if found["state"] != "MISSING" or found["batch_id"]:
            told.append(f"the page of sales_facts shows {borough} {year} as {found}")
    return told


def not_missing(place: Intake) -> list[str]:
    """Absent boroughs that the ledger does not hold for missing, and present ones it does."""
    told = []
    with place.ledger.read() as tx:
        for borough in BOROUGHS:
            for year in YEARS:
                row = expected.find_expected(tx, f"{borough}.sales", year)
                wanted = "MISSING" if (borough, year) in ABSENT else "ON_TIME"
                if row is None or row.timeliness != wanted:
                    state = row.timeliness if row else "unknown"
                    told.append(f"{borough}.sales {year} is {state}, not {wanted}")
    return told


def shortfalls(place: Intake, found: Iterable[Taken]) -> list[str]:
    """Every claim that does not hold; empty when all is right."""
    told = lost_rows(found)
    claims: Mapping[str, Any] = {
        "labels": wrong_labels,
        "training": wrong_training,
        "pages": wrong_page,
        "absence": not_missing,
    }
    for name, claim in claims.items():
        try:
            told += claim(place)
        except (WharfError, OSError, KeyError) as error:
            told.append(f"{name}: {error}")
    return told
