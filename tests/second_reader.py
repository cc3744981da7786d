"""Every kind of file read a second time by another library than wharf uses for it."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from second_text import judge_text

_PACKED: Final = (
    (b"\x1f\x8b", gzip.decompress),
    (b"BZh", bz2.decompress),
    (b"\xfd7zXZ", lzma.decompress),
    (b"\x28\xb5\x2f\xfd", lambda data: zstandard.ZstdDecompressor().stream_reader(data).read()),
)


def judge(path: Path, said: Mapping[str, Any]) -> str:
    """Hold a trial against a second reading of its file.

    Returns:
        What is wrong; nothing where both agree; `?` and why where no second reader can tell.
    """
    if said["rows_in_file"] != said["rows_staged"] + said["rows_quarantined"]:
        return "rows in file are not rows staged and quarantined"
    if said["outcome"] == "refused":
        return "" if said["reason"] else "refused without a reason"
    try:
        data = plain_bytes(path, said)
    except (OSError, EOFError, zipfile.BadZipFile, zstandard.ZstdError) as error:
        return f"what it packs cannot be read: {error}"
    if data is None:
        return "?several files in one archive"
    kind = {"csv": judge_text, "excel": _sheet, "parquet": _parquet}.get(said["kind"], _json)
    return kind(data, said)


def plain_bytes(path: Path, said: Mapping[str, Any]) -> bytes | None:
    """The bytes that hold the table; None where several members do."""
    data = path.read_bytes()
    for magic, unpack in _PACKED:
        if data.startswith(magic):
            return unpack(data)
    if not data.startswith(b"PK\x03\x04") or said["kind"] == "excel":
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        left = " ".join(said["notes"])
        names = [each for each in archive.namelist() if not each.endswith("/")]
        read = [each for each in names if f"'{each}'" not in left]
        return archive.read(read[0]) if len(read) == 1 else None


def _parquet(data: bytes, said: Mapping[str, Any]) -> str:
    try:
        rows = pq.ParquetFile(io.BytesIO(data)).read().num_rows
    except (pa.ArrowException, OSError) as error:
        return f"?the second reader gave up: {str(error)[:80]}"
    return _differs(rows, said)


def _sheet(data: bytes, said: Mapping[str, Any]) -> str:
    if not data.startswith(b"PK") or not zipfile.ZipFile(io.BytesIO(data)).namelist().count(
        "xl/workbook.xml"
    ):
        return "?no second reader for this kind of workbook"
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), data_only=True)
    except Exception as error:  # a library of others, on files meant to break it
        return f"?the second reader gave up: {type(error).__name__}"
    below = said["header_line"] or 0
    rows = book[said["sheet"]].iter_rows(min_row=below + 1, values_only=True)
    filled = sum(any(str(cell or "").strip() or cell == 0 for cell in row) for row in rows)
    return _differs(filled, said)


def _json(data: bytes, said: Mapping[str, Any]) -> str:
    text = data.decode(said["encoding"] or "utf-8", "replace").removeprefix("\ufeff")
    found = {len(rows) for rows in _tables(text)}
    if said["rows_in_file"] in found:
        return ""
    lines = sum(bool(line.strip()) for line in text.split("\n"))
    if said["rows_quarantined"] and said["rows_in_file"] == lines:
        return ""
    counts = ", ".join(map(str, sorted(found))) or "no table"
    return f"{said['rows_in_file']:,} rows, the second reader finds {counts}"


def _tables(text: str) -> Iterator[list[Any]]:
    """Every list of objects in a document, or the documents that stand one after the other."""
    documents, at = [], 0
    decoder = json.JSONDecoder(parse_constant=_refuse)
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        try:
            document, at = decoder.raw_decode(text, at)
        except ValueError:
            break
        documents.append(document)
    yield documents
    for document in documents[:1]:
        yield from _lists(document)


def _lists(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, list):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _lists(each)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _differs(rows: int, said: Mapping[str, Any]) -> str:
    if rows == said["rows_in_file"]:
        return ""
    return f"{said['rows_in_file']:,} rows, the second reader counts {rows:,}"
