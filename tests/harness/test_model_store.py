"""The model store names weights by their bytes, and refuses bytes that changed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from suite.harness.errors import DamagedModelError, StoreError
from suite.harness.store import ModelStore


def weights() -> dict[str, torch.Tensor]:
    shared = torch.arange(6.0).reshape(2, 3)
    return {"w": shared, "tied": shared, "transposed": shared.t(), "steps": torch.tensor(3), "half": shared.bfloat16()}


def test_weights_come_back_as_they_were(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.keep("k1", weights(), code="c", provenance={"seconds": float("inf")})
    loaded = store.load("k1")
    assert loaded.keys() == weights().keys()
    for name, tensor in weights().items():
        assert loaded[name].dtype == tensor.dtype
        assert torch.equal(loaded[name], tensor)


def test_files_are_named_by_their_bytes_and_shared(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    digests = {store.keep(key, weights(), code="c", provenance={"cell": key}) for key in ("k1", "k2")}
    (path,) = (tmp_path / "models").glob("*.safetensors")
    assert digests == {path.stem} == {hashlib.sha256(path.read_bytes()).hexdigest()}
    assert json.loads(path.with_suffix(".json").read_text())["cell"] in ("k1", "k2")


def test_a_model_is_known_by_cell_and_code(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.keep("k1", weights(), code="c", provenance={})
    assert store.has("k1", "c")
    assert not store.has("k1", "d")
    assert not store.has("k2", "c")


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no model of cell k1"):
        ModelStore(tmp_path).load("k1")


@pytest.mark.parametrize("change", [slice(0, -1), slice(None)])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, change: slice) -> None:
    store = ModelStore(tmp_path)
    digest = store.keep("k1", weights(), code="c", provenance={})
    path = tmp_path / "models" / f"{digest}.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content[change])
    with pytest.raises(DamagedModelError, match=f"{digest}.safetensors is damaged"):
        store.load("k1")


def test_a_damaged_index_is_refused_by_name(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    store.keep("k1", weights(), code="c", provenance={})
    (tmp_path / "models" / "index" / "k1.json").write_text('{"digest"')
    with pytest.raises(DamagedModelError, match=r"k1\.json is damaged"):
        store.load("k1")
