"""How fast a large delivery is taken in: ours, the plain ways, and the engine underneath.

Run: `.venv/bin/python bench/intake.py [--rows 5000000] [--big 23000000] [--formats csv,gz,...]`

One day of a large event feed, made by a seed: 8 columns, 93 bytes a row as text. Every way runs in
a process of its own, one at a time; imports are not in the figures, the file is in the page cache.
- raw: DuckDB COPY to zstd Parquet with guessed types, nothing checked: the limit of the engine, at
  its default level of 3. Ours writes level 1, which gives files of the same size (decision 022).
- stage: ours, from the file to Parquet and quarantine with counts that reconcile.
- whole: ours, landed (copied, hashed, synced), staged, audited by 12 expectations, published; its
  steps are below the table. `expectations` is Great Expectations, `check` what the lake looks at.
- polars: sink to zstd Parquet. pandas: read, the same 12 expectations on the frame, written.
- dlt: to an Iceberg table. It has a virtual environment of its own, made by uv at the first run.
`of raw` is throughput against raw's in the same run; `peak` is resident memory of the process tree.
With --big, raw, stage and whole also run on a file of that many rows.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "plugins"))

from intake_world import FORMATS, make_events  # noqa: E402

OURS = ("raw", "stage", "whole")
WAYS = (*OURS, "polars", "pandas", "dlt")
DLT = ("dlt[filesystem,pyiceberg]==1.31.0", "duckdb==1.5.6", "pandas<3")
LONGEST = 3600


@dataclass
class Figures:
    """What one way took for one file."""

    wall: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    steps: dict[str, float] = field(default_factory=dict)
    failed: str = ""


def resident(root: int) -> int:
    """Resident bytes of a process and all below it."""
    parents, sizes = {}, {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except (OSError, ValueError):
            continue
        at = int(status.parent.name)
        parents[at], sizes[at] = int(lines["PPid"]), int(lines.get("VmRSS", "0").split()[0]) << 10
    tree, grew = {root}, True
    while grew:
        below = {each for each, parent in parents.items() if parent in tree} | tree
        grew, tree = below != tree, below
    return sum(sizes.get(each, 0) for each in tree)


def measured(python: Path, way: str, file: Path, kind: str, rows: int, room: Path) -> Figures:
    """Run one way in a process of its own and watch its memory."""
    file.read_bytes() if file.stat().st_size < 1 << 30 else None
    folder = Path(tempfile.mkdtemp(prefix=f"{way}-", dir=room))
    command = [str(python), str(HERE / "intake_ways.py"), way, str(file), kind, str(rows)]
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        process = subprocess.Popen([*command, str(folder)], stdout=out, stderr=err)
        peak, end = 0, time.monotonic() + LONGEST
        while process.poll() is None:
            peak = max(peak, resident(process.pid))
            if time.monotonic() > end:
                process.kill()
            time.sleep(0.1)
    said = (folder / "out").read_text().strip().splitlines()
    errors = (folder / "err").read_text().strip().splitlines()
    shutil.rmtree(folder, ignore_errors=True)
    if process.returncode or not said:
        return Figures(failed=errors[-1] if errors else f"it ended with {process.returncode}")
    found = json.loads(said[-1])
    return Figures(found["wall"], found["cpu"], peak, found["steps"])


def dlt_python(room: Path) -> Path | str:
    """The interpreter of dlt's environment; why there is none, when there is none."""
    home = room / "dlt"
    python = home / "bin" / "python"
    if python.exists():
        return python
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    try:
        made = [uv, "venv", "-q", "--python", sys.executable, str(home)]
        filled = [uv, "pip", "install", "-q", "--python", str(python), *DLT]
        for command in (made, filled):
            subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(home, ignore_errors=True)
        reason = getattr(error, "stderr", "") or str(error)
        return f"skipped: {reason.strip().splitlines()[-1]}"
    return python


def show(kind: str, rows: int, size: int, found: dict[str, Figures]) -> None:
    """Print one table."""
    print(f"\n{kind}, {rows:,} rows, {size / 1e6:,.0f} MB")
    print(f"{'way':10}{'wall':>9}{'cpu':>9}{'peak':>11}{'rows/s':>12}{'of raw':>9}{'whole is':>11}")
    raw, whole = found.get("raw"), found.get("whole")
    for way, each in found.items():
        if each.failed:
            print(f"{way:10}{each.failed[:100]}")
            continue
        of_raw = f"{raw.wall / each.wall:.0%}" if raw and not raw.failed else ""
        times = f"{each.wall / whole.wall:.1f}x" if whole and not whole.failed else ""
        print(
            f"{way:10}{each.wall:>7.1f} s{each.cpu:>7.1f} s{each.peak / 1e6:>8,.0f} MB"
            f"{rows / each.wall:>12,.0f}{of_raw:>9}{times:>11}"
        )
    for way, each in found.items():
        if each.steps:
            steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in each.steps.items())
            print(f"{way} is {steps}")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--big", type=int, default=0, help="rows of a file for raw and ours alone")
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--only", default=",".join(WAYS), help="ways, such as raw,stage")
    parser.add_argument("--room", type=Path, default=Path(tempfile.gettempdir()) / "wharf-intake")
    given = parser.parse_args()
    ways = [each for each in WAYS if each in given.only.split(",")]
    given.room.mkdir(parents=True, exist_ok=True)
    print(f"{os.cpu_count()} cores; files and environments lie in {given.room}")
    dlt = dlt_python(given.room) if "dlt" in ways else ""
    for rows, chosen in ((given.rows, ways), (given.big, [w for w in ways if w in OURS])):
        for kind in given.formats.split(",") if rows else []:
            file, found = make_events(given.room, kind, rows), dict[str, Figures]()
            for way in chosen:
                python = dlt if way == "dlt" else Path(sys.executable)
                if isinstance(python, str):
                    found[way] = Figures(failed=python)
                    continue
                found[way] = measured(python, way, file, kind, rows, given.room)
            show(kind, rows, file.stat().st_size, found)


if __name__ == "__main__":
    main()
