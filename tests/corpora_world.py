"""Corpora of bad files that others have collected: unpacked, tried by wharf, judged, counted."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import zstandard
from replay_data import data_folder
from second_reader import judge

BATCH: Final = 300
"""Files for one call of `wharf try`: its start-up is paid once, and progress is seen."""
EVERY: Final = 50
"""Files between two lines of progress."""
LONGEST: Final = 10.0
MOST: Final = 1024
NO_TABLE: Final = ("no table", "is empty", "are empty", "no list of objects", "holds no")
TWICE: Final = "stands twice"


@dataclass
class Tally:
    """How the files of one corpus ended."""

    corpus: str
    files: int = 0
    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    untold: int = 0
    """Files that no second reader could judge."""
    wrong: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    slowest: float = 0.0
    peak: int = 0

    def add(self, name: str, said: Mapping[str, Any], verdict: str) -> None:
        """Count one file."""
        self.files += 1
        self.outcomes[said["outcome"]] += 1
        self.untold += verdict.startswith("?")
        self.slowest = max(self.slowest, said["seconds"])
        self.peak = max(self.peak, said["peak_mib"])
        if "its reader" in said["reason"]:
            self.crashes.append(f"{name}: {said['reason']}")
        if said["seconds"] > LONGEST + 1 or said["peak_mib"] > MOST * 1.1:
            verdict = verdict or f"took {said['seconds']:.1f} s and {said['peak_mib']} MiB"
        if verdict and not verdict.startswith("?"):
            self.wrong.append(f"{name}: {verdict}")


OUTCOMES: Final = ("loaded", "quarantined", "refused")


def corpora() -> Mapping[str, Path]:
    """The packed corpora by name; none where there is no real data."""
    root = data_folder()
    packed = sorted((root / "badfiles").glob("*.tar.zst")) if root else []
    return {each.name.removesuffix(".tar.zst"): each for each in packed}


def unpack(packed: Path, target: Path) -> list[Path]:
    """Unpack a corpus; its files in the order of their names."""
    with packed.open("rb") as handle:
        plain = zstandard.ZstdDecompressor().stream_reader(handle).read()
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        archive.extractall(target, filter="data")
    return sorted(each for each in target.rglob("*") if each.is_file())


def tried(files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """What `wharf try --json` says of files, some at a time."""
    command = str(Path(sys.executable).with_name("wharf"))
    for start in range(0, len(files), BATCH):
        batch = [str(each) for each in files[start : start + BATCH]]
        done = subprocess.run(
            [command, "try", "--json", *batch], capture_output=True, text=True, check=False
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        if len(lines) != len(batch):
            raise AssertionError(f"{len(lines)} of {len(batch)} files answered: {done.stderr}")
        yield from lines


def judge_corpus(
    corpus: str, root: Path, files: Sequence[Path], show: Callable[[str], None]
) -> Tally:
    """Try files of a corpus, and hold each against what is expected or a second reader."""
    tally = Tally(corpus)
    expected = {"csv_spectrum": _spectrum, "jsontestsuite": _json_suite}.get(corpus, judge)
    for path, said in zip(files, tried(files), strict=True):
        verdict = judge(path, said) or expected(path, said)
        tally.add(str(path.relative_to(root)), said, verdict)
        if tally.files % EVERY == 0 or tally.files == len(files):
            show(f"{corpus}: {tally.files:,} of {len(files):,}, {len(tally.wrong)} wrong")
    return tally


def _spectrum(path: Path, said: Mapping[str, Any]) -> str:
    """Rows and header against the JSON that comes with each CSV file."""
    if path.suffix != ".csv":
        return ""
    wanted = json.loads((path.parent.parent / "json" / f"{path.stem}.json").read_text("utf-8"))
    wanted = wanted if isinstance(wanted, list) else [wanted]
    rows, header = len(wanted), list(wanted[0])
    if said["outcome"] != "loaded" or (said["rows_staged"], said["header"]) != (rows, header):
        return f"{said['outcome']}, {said['rows_staged']} rows of {said['header']}; not {rows}"
    return ""


def _json_suite(path: Path, said: Mapping[str, Any]) -> str:
    """Valid files are refused only where they hold no table; others are never loaded."""
    sort = path.name[:2]
    if sort == "n_" and said["outcome"] == "loaded":
        return "loaded, and it is no JSON"
    if sort == "y_" and said["outcome"] != "loaded":
        named = [*said["reasons"], said["reason"]]
        if not any(word in reason for reason in named for word in (*NO_TABLE, TWICE)):
            return f"valid JSON, but: {said['reason']}"
    return ""
