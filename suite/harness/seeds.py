"""Seeds derived by hashing named axes, so that no two uses share a generator and adding one moves no other.

A data stream hashes (experiment, seed index, stream) and never the variant: variants see the same data and their
comparison is paired. Initialisation hashes the variant too, so that adding a variant moves nobody's numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive(*axes: str | int) -> int:
    """Return a seed of 63 bits from the axes; any change in one of them gives an unrelated seed."""
    digest = hashlib.sha256(json.dumps(axes).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(experiment: str, seed: int, name: str) -> torch.Generator:
    """Return a CPU generator at the start of a named stream, the same for every variant."""
    return torch.Generator().manual_seed(derive("stream", experiment, seed, name))


@contextmanager
def seeded(device: torch.device, *axes: str | int) -> Iterator[None]:
    """Seed torch's global generators of the CPU and of ``device`` inside the block, and put them back after it.

    Parameter initialisation has no other way to take a seed: ``torch.nn`` draws from the global generators.
    """
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        seed = derive(*axes)
        torch.default_generator.manual_seed(seed)
        for each in cuda:
            with torch.cuda.device(each):
                torch.cuda.manual_seed(seed)
        yield


@contextmanager
def untouched(device: torch.device) -> Iterator[None]:
    """Refuse that the block draws from torch's global generators of the CPU and of ``device``.

    Cells that run together share these, so that what one draws would depend on the others.

    Raises:
        RuntimeError: When it did; where the block itself raises, nothing is said of it.
    """

    def states() -> list[torch.Tensor]:
        cuda = [torch.cuda.get_rng_state(device)] if device.type == "cuda" else []
        return [torch.get_rng_state(), *cuda]

    before = states()
    yield
    if not all(map(torch.equal, before, states())):
        raise RuntimeError("cells that run together drew from torch's global generators, which none has of its own")
