"""Far marks are found where `find` finds them, whatever the pieces."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wharf.reading import seeking


@given(
    text=st.text(alphabet="ab\n", max_size=80).map(str.encode),
    mark=st.sampled_from([b"\n", b"ab", b"\nb", b"aab"]),
    at=st.integers(0, 80),
    end=st.none() | st.integers(0, 80),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_mark_is_found_where_find_finds_it(
    tmp_path: Path, text: bytes, mark: bytes, at: int, end: int | None
) -> None:
    text += b"b"  # no file without a byte can be mapped
    end = None if end is None else min(end, len(text))
    at = min(at, len(text))
    (tmp_path / "file").write_bytes(text)
    expected = text.find(mark, at, len(text) if end is None else end)
    with (tmp_path / "file").open("rb") as handle, pytest.MonkeyPatch.context() as patch:
        patch.setattr(seeking, "_NEAR", 2)
        patch.setattr(seeking, "_PIECE", 3)
        with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            for _ in range(2):  # the second time it is known
                assert seeking.seek(mapped, mark, at, end) == expected
        assert seeking.seek(text, mark, at, end) == expected
