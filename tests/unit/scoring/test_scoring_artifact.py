"""The portable zip: same content, same bytes; any damage is noticed before a row is scored."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from wharf.errors import ModelError
from wharf.scoring import Scorer, Trained, fetch, open_scorer, unpack
from wharf.scoring.artifact import pack, store


def test_packing_twice_gives_the_same_bytes(trained: Trained) -> None:
    assert trained.pack(1) == trained.pack(1)


def test_artifact_holds_what_an_archive_needs(trained: Trained) -> None:
    artifact = unpack(trained.pack(3, parent=2, commit="0f3e"))
    assert set(artifact.files) == {
        "card.md",
        "data.json",
        "environment/python_version",
        "environment/requirements.txt",
        "golden.parquet",
        "metrics.json",
        "model.onnx",
        "native/model.txt",
        "profile.json",
    }
    assert (artifact.name, artifact.version) == ("residential", 3)
    assert artifact.manifest["parent_version"] == 2
    assert artifact.manifest["commit"] == "0f3e"
    assert artifact.manifest["created_at"] == "2026-11-20T06:04:12+00:00"
    assert artifact.manifest["inputs"][0] == {
        "name": "county", "datatype": "BYTES", "shape": [-1, 1], "nullable": True, "default": "",
    }  # fmt: skip
    assert b"lightgbm==" in artifact.files["environment/requirements.txt"]


def test_data_names_the_exact_training_input(trained: Trained) -> None:
    data = unpack(trained.pack(1)).read_json("data.json")
    assert data["tables"] == [
        {
            "table": "facts.parcels",
            "snapshot_id": 4711,
            "batch_ids": ["20261120T060412345Z-7f3a9c"],
        }
    ]
    assert data["rows_read"] == 3000
    assert data["rows_labelled"] == len(trained.test_labels) + sum(
        trained.metrics[part]["rows"] for part in ("train", "validation")
    )


def test_every_entry_has_the_same_time_on_every_machine(trained: Trained) -> None:
    with zipfile.ZipFile(io.BytesIO(trained.pack(1))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_zip_is_stored_under_its_content_and_read_back(trained: Trained, tmp_path: Path) -> None:
    data = trained.pack(1)
    sha256 = hashlib.sha256(data).hexdigest()
    uri = store(data, tmp_path, "residential", 1)
    assert uri == f"residential/1-{sha256[:12]}.zip"
    assert store(data, tmp_path, "residential", 1) == uri
    assert fetch(tmp_path, uri, sha256=sha256).sha256 == sha256
    assert [path.name for path in tmp_path.rglob("*.*")] == [uri.split("/")[1]]


def test_one_flipped_byte_is_refused(trained: Trained) -> None:
    data = trained.pack(1)
    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 1
    with pytest.raises(ModelError, match="is damaged: its sha256 is"):
        unpack(bytes(damaged), sha256=hashlib.sha256(data).hexdigest())


def test_a_file_swapped_inside_is_refused_even_without_the_registry(trained: Trained) -> None:
    artifact = unpack(trained.pack(1))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("manifest.json", json.dumps(artifact.manifest))
        for path, content in artifact.files.items():
            archive.writestr(path, b"{}" if path == "metrics.json" else content)
    with pytest.raises(ModelError, match=r"metrics\.json is not what its manifest says"):
        unpack(buffer.getvalue())


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"", "not a model artifact", id="empty"),
        pytest.param(b"PK no zip", "not a model artifact", id="no zip"),
    ],
)
def test_something_else_is_no_artifact(data: bytes, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        unpack(data)


def test_artifact_of_a_later_format_is_refused_by_name(trained: Trained) -> None:
    data = trained.pack(1)
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as old,
        zipfile.ZipFile(buffer, "w") as new,
    ):
        for entry in old.infolist():
            content = old.read(entry).replace(b"wharf-model/1", b"wharf-model/9")
            new.writestr(entry.filename, content)
    with pytest.raises(ModelError, match="format is 'wharf-model/9'"):
        unpack(buffer.getvalue())


def test_missing_zip_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="put the file back"):
        fetch(tmp_path, "residential/1-abc.zip", sha256="0")


def test_uri_may_not_leave_the_models_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="lies outside"):
        fetch(tmp_path / "models", "../secret.zip", sha256="0")


def test_golden_rows_that_score_differently_here_stop_the_model(trained: Trained) -> None:
    golden = pq.read_table(io.BytesIO(trained.files["golden.parquet"]))
    scores = golden.column("expected_score").to_numpy() + 0.001
    changed = golden.drop_columns("expected_score").append_column("expected_score", [scores])
    sink = io.BytesIO()
    pq.write_table(changed, sink)
    other = dataclasses.replace(
        trained, files={**trained.files, "golden.parquet": sink.getvalue()}
    ).pack(1)
    with pytest.raises(ModelError, match=r"golden rows differ by 0\.001"):
        open_scorer(other, hashlib.sha256(other).hexdigest())


def test_model_is_opened_once_per_process(trained: Trained) -> None:
    data = trained.pack(1)
    sha256 = hashlib.sha256(data).hexdigest()
    assert open_scorer(data, sha256) is open_scorer(data, sha256)


def test_scores_need_no_training_library(trained: Trained) -> None:
    artifact = unpack(pack({**unpack(trained.pack(1)).manifest}, trained.files))
    golden = pq.read_table(io.BytesIO(artifact.files["golden.parquet"]))
    scores = Scorer(artifact).score(
        {one.name: golden.column(one.name) for one in artifact.features}
    )
    assert scores.tolist() == golden.column("expected_score").to_pylist()
