"""The watch: what came, what should have come, and what follows from it, each minute.

`look` lists the sources, `tick` evaluates, starts runs and sends. The same code serves the DAG,
the command line and a replay; time, connections and the run starter are arguments.
"""

from wharf.watch.evaluate import settle
from wharf.watch.look import look, look_for
from wharf.watch.promises import PromiseReader, Promises, read_promises
from wharf.watch.readiness import readiness
from wharf.watch.tick import Ticked, tick

__all__ = [
    "PromiseReader",
    "Promises",
    "Ticked",
    "look",
    "look_for",
    "read_promises",
    "readiness",
    "settle",
    "tick",
]
