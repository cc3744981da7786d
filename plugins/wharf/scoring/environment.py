"""What a model was trained with: the packages, pinned, with hashes where a lock gives them."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

_ROOTS = (
    "duckdb",
    "lightgbm",
    "onnx",
    "onnxmltools",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "skl2onnx",
)
_NAME = re.compile(r"^[A-Za-z0-9._-]+")


def describe_environment(lock: Path | None) -> dict[str, bytes]:
    """The artifact's `environment/` files.

    Args:
        lock: A requirements file with hashes; without it the packages are pinned by version only.
    """
    pins = _pins(lock.read_text()) if lock is not None and lock.is_file() else {}
    lines = [
        pins.get(f"{name}=={version}", f"{name}=={version}")
        for name, version in sorted(_installed().items())
    ]
    return {
        "environment/requirements.txt": ("\n".join(lines) + "\n").encode(),
        "environment/python_version": f"{platform.python_version()}\n".encode(),
    }


def _installed() -> dict[str, str]:
    """Training packages and all they need, as far as they are installed."""
    found: dict[str, str] = {}
    waiting = list(_ROOTS)
    while waiting:
        name = _canonical(waiting.pop())
        if name in found:
            continue
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        found[name] = package.version
        waiting += list(_needs(package))
    return found


def _needs(package: metadata.Distribution) -> Iterator[str]:
    for requirement in package.requires or ():
        match = _NAME.match(requirement)
        if match and "extra ==" not in requirement:
            yield match[0]


def _pins(text: str) -> dict[str, str]:
    """Entries of a requirements file by `name==version`, hashes included."""
    joined = text.replace("\\\n", " ")
    entries = (
        line.strip() for line in joined.splitlines() if line.strip() and line.lstrip()[0] != "#"
    )
    return {re.split(r"[\s;]", entry)[0]: _broken_at_hashes(entry) for entry in entries}


def _broken_at_hashes(entry: str) -> str:
    return re.sub(r"\s+(?=--hash)", " \\\n    ", entry.split(" #")[0].strip())


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
