"""Contracts: what a project's files say. Nothing here reads a database, a clock or the network."""

from wharf.contracts.calendars import Calendar
from wharf.contracts.clock import ClockPoint
from wharf.contracts.feed import SYSTEM_COLUMNS, Feed, Terms
from wharf.contracts.formats import Column
from wharf.contracts.model import Model
from wharf.contracts.periods import Period
from wharf.contracts.ports import ResolveConnection, StartRun
from wharf.contracts.product import Edge, Policy, Product, Step
from wharf.contracts.project import (
    ContractFile,
    Project,
    load_calendar,
    load_feed,
    load_feeds,
    load_models,
    load_products,
    load_project,
)

__all__ = [
    "SYSTEM_COLUMNS",
    "Calendar",
    "ClockPoint",
    "Column",
    "ContractFile",
    "Edge",
    "Feed",
    "Model",
    "Period",
    "Policy",
    "Product",
    "Project",
    "ResolveConnection",
    "StartRun",
    "Step",
    "Terms",
    "load_calendar",
    "load_feed",
    "load_feeds",
    "load_models",
    "load_products",
    "load_project",
]
