from __future__ import annotations

from pathlib import Path

import pytest

from wharf.demo.place import _stay_with
from wharf.errors import DemoError


def test_a_home_keeps_the_kind_of_database_it_began_with(tmp_path: Path) -> None:
    _stay_with(tmp_path, "postgres")
    _stay_with(tmp_path, "postgres")
    with pytest.raises(DemoError, match="keeps its state in postgres; add --postgres"):
        _stay_with(tmp_path, "sqlite")
