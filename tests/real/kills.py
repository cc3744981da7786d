"""Kill processes at random times while they land, stage, audit, publish and roll back.

    .venv/bin/python tests/real/kills.py --kills 500 --database sqlite
    .venv/bin/python tests/real/kills.py --kills 500 --database postgres

Prints a table at its end; exit code 1 where anything was torn, lost or did not converge.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from killed_at_random import Figures, kill_at_random
from killed_cycle import Cycle

from wharf.demo.postgres import running_postgres


@contextmanager
def places(database: str, root: Path) -> Iterator[Callable[[], Cycle]]:
    """Fresh installations over a kind of database."""
    numbers = count()
    if database == "sqlite":
        yield lambda: Cycle(root / f"place-{next(numbers)}")
        return
    root.chmod(0o755)
    with running_postgres(root / "cluster", throwaway=True) as cluster:

        def place() -> Cycle:
            number = next(numbers)
            url = cluster.create_database(f"wharf_{number}")
            environ = {"WHARF_LEDGER_URL": url, "WHARF_CATALOG_URL": url}
            return Cycle(root / f"place-{number}", environ)

        yield place


def table(database: str, figures: Figures) -> str:
    """The figures in words."""
    steps = ("land", "stage", "audit", "publish", "rollback", "repeat", "begin")
    by_step = ", ".join(f"{step} {figures.kills[step]}" for step in steps)
    left = ", ".join(f"{number} {kind}" for kind, number in sorted(figures.left.items()))
    lines = {
        "kills": f"{figures.total} ({figures.named} at named points, the rest at random times)",
        "by step": by_step,
        "torn": len(figures.torn),
        "lost acknowledged": len(figures.lost),
        "committed, not acknowledged": figures.unacknowledged,
        "recovered by a plain retry": figures.recovered,
        "days brought to their end": figures.days,
        "ended otherwise than undisturbed": len(figures.differ),
        "retries that failed": len(figures.failed),
        "left over": left or "nothing",
    }
    return "\n".join(
        f"{name:<34}{value}" for name, value in {"database": database, **lines}.items()
    )


def main() -> None:
    """Run the kills that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--seed", type=int, default=20261120)
    asked = parser.parse_args()
    began = time.monotonic()

    def progress(figures: Figures) -> None:
        print(f"{time.monotonic() - began:7.0f} s  {figures.total} kills", file=sys.stderr)

    with (
        tempfile.TemporaryDirectory(prefix="wharf-kills-", ignore_cleanup_errors=True) as folder,
        places(asked.database, Path(folder)) as new_place,
    ):
        figures = kill_at_random(new_place, asked.kills, asked.seed, progress)
    print(table(asked.database, figures))
    for each in (*figures.torn, *figures.lost, *figures.differ, *figures.failed):
        print(each)
    sys.exit(1 if figures.torn or figures.lost or figures.differ or figures.failed else 0)


if __name__ == "__main__":
    main()
