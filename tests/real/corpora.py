"""`make real`: corpora of bad files through `wharf try`, each file judged by a second reader."""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from corpora_world import OUTCOMES, Tally, corpora, judge_corpus, unpack

from wharf.demo.progress import Progress

COLUMNS = ("corpus", "files", *OUTCOMES, "not judged", "wrong", "crashes", "slowest", "peak")


def show(tallies: list[Tally]) -> None:
    """Print the table, and the name of each file that was read wrongly."""
    table = Table(*COLUMNS)
    for each in tallies:
        counts = [each.files, *each.outcomes.values(), each.untold]
        counts += [len(each.wrong), len(each.crashes)]
        used = (f"{each.slowest:.1f} s", f"{each.peak} MiB")
        table.add_row(each.corpus, *(f"{count:,}" for count in counts), *used)
    Console(width=120).print(table)
    for each in tallies:
        for line in (*each.wrong, *each.crashes):
            print(f"{each.corpus}/{line}")


def main() -> int:
    """Judge the corpora that were named, or all; 0 when no file was read wrongly."""
    packed = corpora()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="CORPUS", help=", ".join(packed))
    names = parser.parse_args().names or list(packed)
    if not packed:
        print("skipped: no real data; WHARF_REAL_DATA says where it lies")
        return 0
    if unknown := sorted(set(names) - set(packed)):
        parser.error(f"no corpus {', '.join(unknown)}; there are {', '.join(packed)}")
    progress, tallies = Progress(datetime.now(UTC)), []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="wharf-corpora-") as folder:
            root = Path(folder)
            files = unpack(packed[name], root)
            tallies.append(judge_corpus(name, root, files, progress.show))
    show(tallies)
    return int(any(each.wrong or each.crashes for each in tallies))


if __name__ == "__main__":
    sys.exit(main())
