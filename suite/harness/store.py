"""The model store: trained weights in safetensors files that are named by the digest of their bytes.

Layout, below ``<records>/models/``::

    <sha256>.safetensors   the state dictionary
    <sha256>.json          provenance: the cell and the code that first trained these weights
    index/<cell key>.json  which weights a cell's training gave: {"digest": ..., "code": ...}

Every file is written atomically, so several processes may keep models at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from suite.harness import schema
from suite.harness.atomic import write_atomically
from suite.harness.errors import DamagedModelError, StoreError


class ModelStore:
    """Trained weights of one records directory."""

    def __init__(self, records_dir: Path) -> None:
        self.directory = Path(records_dir) / "models"

    def keep(self, key: str, state: Mapping[str, Tensor], *, code: str, provenance: Mapping[str, Any]) -> str:
        """Store the weights that the cell ``key`` trained with code of digest ``code``.

        Args:
            key: Key of the cell.
            state: A module's state dictionary; tied weights are stored once per name.
            code: Digest of the code that trained them.
            provenance: What else to say about them, as strict JSON.

        Returns:
            The SHA-256 digest that names them.
        """
        # Safetensors refuses tensors that share memory and those that are not contiguous.
        plain = {
            name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in state.items()
        }
        content = save(plain)
        digest = hashlib.sha256(content).hexdigest()
        write_atomically(self._weights(digest), content)
        write_atomically(self.directory / f"{digest}.json", schema.encode(dict(provenance)).encode())
        write_atomically(self._index(key), schema.encode({"digest": digest, "code": code}).encode())
        return digest

    def has(self, key: str, code: str) -> bool:
        """Return whether the cell's weights, trained with this code, are there (their bytes are not read)."""
        entry = self._entry(key)
        return entry is not None and entry["code"] == code and self._weights(entry["digest"]).is_file()

    def load(self, key: str) -> dict[str, Tensor]:
        """Return the state dictionary that the cell ``key`` trained, on the CPU.

        Raises:
            StoreError: When the cell kept none.
            DamagedModelError: When its bytes do not have the digest in their name.
        """
        entry = self._entry(key)
        if entry is None or not self._weights(entry["digest"]).is_file():
            raise StoreError(f"the model store {self.directory} has no model of cell {key}")
        path = self._weights(entry["digest"])
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != entry["digest"]:
            raise DamagedModelError(f"the stored model {path} is damaged; delete it and run again to train it anew")
        return load(content)

    def _weights(self, digest: str) -> Path:
        return self.directory / f"{digest}.safetensors"

    def _index(self, key: str) -> Path:
        return self.directory / "index" / f"{key}.json"

    def _entry(self, key: str) -> dict[str, str] | None:
        try:
            entry = json.loads(self._index(key).read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            raise DamagedModelError(f"the index entry {self._index(key)} is damaged; delete it and run again") from None
        return {"digest": str(entry["digest"]), "code": str(entry["code"])}
