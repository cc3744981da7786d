"""Compressed files: checked to the last byte, limited in size, nothing outside their folder."""

from __future__ import annotations

import bz2
import gzip
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from wharf.reading import Limits, Refused
from wharf.reading.archive import Choice, unpack
from wharf.reading.unpack import expand

CONTENT = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i % 977) for i in range(5000))


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


PACKED = {
    "gz": gzip.compress(CONTENT),
    "gz of two members": gzip.compress(CONTENT[:999]) + gzip.compress(CONTENT[999:]),
    "bz2": bz2.compress(CONTENT),
    "zst": zstandard.compress(CONTENT),
    "zst with checksum": zstandard.ZstdCompressor(write_checksum=True).compress(CONTENT),
    "zst of two frames": zstandard.compress(CONTENT[:999]) + zstandard.compress(CONTENT[999:]),
    "zip": zipped(**{"a.csv": CONTENT, "__MACOSX/a.csv": b"x"}),
}


def unpack_one(folder: Path, content: bytes, limits: Limits | None = None) -> bytes:
    path = folder / "packed"
    path.write_bytes(content)
    [member] = unpack(path, "packed", folder, Choice(), limits).members
    return member.plain.path.read_bytes()


@pytest.mark.parametrize("packed", PACKED.values(), ids=list(PACKED))
def test_compression_is_recognised_by_content_and_undone(tmp_path: Path, packed: bytes) -> None:
    assert unpack_one(tmp_path, packed) == CONTENT


@pytest.mark.parametrize("cut", [1, 5, 9, 200])
@pytest.mark.parametrize("kind", list(PACKED))
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, kind: str, cut: int) -> None:
    with pytest.raises(Refused) as refused:
        unpack_one(tmp_path, PACKED[kind][:-cut])
    assert refused.value.kind in {"truncated", "damaged"}
    if kind in {"gz", "bz2", "zst", "zip"}:
        assert refused.value.kind == "truncated"


@pytest.mark.parametrize("kind", ["gz", "bz2", "zst with checksum", "zip"])
def test_a_flipped_byte_is_noticed(tmp_path: Path, kind: str) -> None:
    packed = bytearray(PACKED[kind])
    packed[len(packed) // 2] ^= 0x10
    with pytest.raises(Refused) as refused:
        unpack_one(tmp_path, bytes(packed))
    assert refused.value.kind in {"damaged", "truncated"}


def test_a_flipped_byte_that_the_expander_accepts_is_caught_by_the_checksum(
    tmp_path: Path,
) -> None:
    packed = bytearray(gzip.compress(CONTENT, compresslevel=0))
    packed[2000] ^= 1
    with pytest.raises(Refused, match="CRC") as refused:
        unpack_one(tmp_path, bytes(packed))
    assert refused.value.kind == "damaged"


@pytest.mark.parametrize("kind", ["gz", "bz2", "zst", "zip"])
def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path: Path, kind: str) -> None:
    zeros = bytes(5_000_000)
    packed = {
        "gz": gzip.compress(zeros),
        "bz2": bz2.compress(zeros),
        "zst": zstandard.compress(zeros),
        "zip": zipped(a=zeros),
    }[kind]
    with pytest.raises(Refused, match="expand") as refused:
        unpack_one(tmp_path, packed, Limits(ratio=100, free=1_000_000))
    assert refused.value.kind == "too_large"
    with pytest.raises(Refused, match="expand"):
        unpack_one(tmp_path, packed, Limits(bytes=2_000_000))
    assert (tmp_path / "expanded").stat().st_size < 3_000_000


@pytest.mark.parametrize("member", ["../up.csv", "/etc/x.csv", "a/../../b.csv", "C:\\x", "..\\x"])
def test_an_archive_with_a_member_that_leaves_it_is_refused(tmp_path: Path, member: str) -> None:
    with pytest.raises(Refused, match="leaves the archive") as refused:
        unpack_one(tmp_path, zipped(**{member: b"a,b\n"}))
    assert refused.value.kind == "unsafe_archive"
    assert [path.name for path in tmp_path.iterdir()] == ["packed"]


@pytest.mark.parametrize(
    ("members", "kind"),
    [({"a.csv": b"x", "b.csv": b"y"}, "several_files"), ({}, "empty")],
    ids=["two files", "no file"],
)
def test_an_archive_of_one_table_needs_no_pattern(
    tmp_path: Path, members: dict[str, bytes], kind: str
) -> None:
    with pytest.raises(Refused) as refused:
        unpack_one(tmp_path, zipped(**members))
    assert refused.value.kind == kind


def test_an_archive_with_a_password_is_refused_by_name(tmp_path: Path) -> None:
    packed = bytearray(zipped(**{"a.csv": b"x"}))
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(Refused, match="password") as refused:
        unpack_one(tmp_path, bytes(packed))
    assert refused.value.kind == "encrypted"


def test_a_file_compressed_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="compressed twice"):
        unpack_one(tmp_path, gzip.compress(PACKED["zst"]))


def test_what_is_not_compressed_is_left_alone(tmp_path: Path) -> None:
    assert unpack_one(tmp_path, CONTENT) == CONTENT
    assert not (tmp_path / "expanded").exists()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda content: content[:-9], "the gz data end before their end marker"),
        (lambda content: content[:-6] + b"\0" + content[-5:], "the gz data are damaged: CRC check"),
        (lambda content: content + b"garbage", "damaged: Not a gzipped file (b'ga')"),
    ],
    ids=["cut off", "another checksum", "something behind it"],
)
def test_a_spoiled_gz_file_is_refused_in_the_same_words_as_ever(
    tmp_path: Path, spoil: Callable[[bytes], bytes], reason: str
) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(spoil(gzip.compress(b"a,b\n1,2\n" * 1000)))
    with pytest.raises(Refused, match=re.escape(reason)):
        expand(path, "a.csv.gz", tmp_path)
