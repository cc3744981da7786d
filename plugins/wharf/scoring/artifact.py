"""The portable model artifact: one zip, named by its content, readable for decades.

Writing and checking only; what goes in comes from `training`, what runs it is `scorer`.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from wharf.errors import ModelError
from wharf.scoring.tensors import Feature

FORMAT = "wharf-model/1"
OPSET = {"": 21, "ai.onnx.ml": 3}
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
_REQUIRED = ("manifest.json", "model.onnx", "golden.parquet")


@dataclass(frozen=True)
class Artifact:
    """A model artifact whose checksums were verified."""

    sha256: str
    manifest: Mapping[str, Any]
    files: Mapping[str, bytes]

    @property
    def name(self) -> str:
        """The model's name."""
        return str(self.manifest["name"])

    @property
    def version(self) -> int:
        """The model's version."""
        return int(self.manifest["version"])

    @property
    def threshold(self) -> float:
        """The score from which a record is labelled positive."""
        return float(self.manifest["threshold"])

    @property
    def features(self) -> tuple[Feature, ...]:
        """The raw columns that the model reads, in order."""
        return tuple(
            Feature(one["name"], "number" if one["datatype"] == "FP32" else "text")
            for one in self.manifest["inputs"]
        )

    def read_json(self, name: str) -> Any:
        """One of the JSON files inside, parsed."""
        return json.loads(self.files[name])


def pack(manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """Make the zip; the same content gives the same bytes.

    Args:
        manifest: Everything of `manifest.json` but `format` and `files`.
        files: The other files, by their path in the zip.
    """
    listed = {
        path: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for path, data in files.items()
    }
    full = {**manifest, "format": FORMAT, "files": listed}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, data in [("manifest.json", as_json(full)), *sorted(files.items())]:
            entry = zipfile.ZipInfo(path, _FIXED_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()


def unpack(data: bytes, *, sha256: str | None = None, source: str = "artifact") -> Artifact:
    """Read a zip and verify every checksum in it.

    Args:
        data: The zip's bytes.
        sha256: What the registry says the bytes are.
        source: What to call the artifact in messages.

    Raises:
        ModelError: It is not the registered file, damaged, or of a format not known here.
    """
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256:
        raise ModelError(
            f"{source} is damaged: its sha256 is {found}, the registry says {sha256}. "
            "Put the file back from a copy, or train a new version."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {entry.filename: archive.read(entry) for entry in archive.infolist()}
        manifest = json.loads(files.pop("manifest.json"))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ModelError(f"{source} is not a model artifact: {error}") from error
    _check(manifest, files, source)
    return Artifact(found, manifest, files)


def store(data: bytes, models: Path, name: str, version: int) -> str:
    """Put a zip under `models`, named by its content; never overwrites other bytes.

    Returns:
        The path relative to `models`.
    """
    uri = f"{name}/{version}-{hashlib.sha256(data).hexdigest()[:12]}.zip"
    target = models / uri
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".part")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(target)
    return uri


def fetch(models: Path, uri: str, *, sha256: str) -> Artifact:
    """Read a registered zip.

    Raises:
        ModelError: It is not there, or not the registered file.
    """
    path = (models / uri).resolve()
    if not path.is_relative_to(models.resolve()):
        raise ModelError(f"model artifact {uri!r} lies outside {models}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"model artifact {path} cannot be read ({error.strerror}); put the file back "
            "from a copy, or promote another version with `wharf model promote`"
        ) from error
    return unpack(data, sha256=sha256, source=str(path))


def as_json(value: Any) -> bytes:
    """JSON with sorted keys, the same bytes for the same value."""
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _check(manifest: Any, files: Mapping[str, bytes], source: str) -> None:
    known = manifest.get("format") if isinstance(manifest, dict) else None
    if known != FORMAT:
        raise ModelError(f"{source}: format is {known!r}; this wharf reads {FORMAT!r}")
    listed = manifest["files"]
    if set(listed) != set(files):
        odd = sorted(set(listed) ^ set(files))
        raise ModelError(f"{source} is damaged: its manifest and content differ in {odd}")
    for path, data in files.items():
        if hashlib.sha256(data).hexdigest() != listed[path]["sha256"]:
            raise ModelError(f"{source} is damaged: {path} is not what its manifest says")
    missing = [path for path in _REQUIRED[1:] if path not in files]
    if missing:
        raise ModelError(f"{source} is damaged: it holds no {', '.join(missing)}")
