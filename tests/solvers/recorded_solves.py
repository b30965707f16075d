"""Fields, states and times whose solves are recorded on a CPU, for the tests of recordings."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite import solve
from suite.solvers import explicit_methods
from suite.solvers.graphs import choice
from tests.solvers.tape_recorder import TapeRecorder


class Field(nn.Module):
    """A perceptron that the time moves."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 2))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        out: Tensor = self.net(y) + torch.sin(3 * t)
        return out


class Rotation(nn.Module):
    """``y' = rate J y``, whose solution is a rotation."""

    def __init__(self, rate: float = 1.0) -> None:
        super().__init__()
        self.rate = nn.Parameter(torch.tensor(rate, dtype=torch.float64))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        first, second = y.unbind(-1)
        return self.rate * torch.stack([-second, first], dim=-1)


def record_on_tape(monkeypatch: pytest.MonkeyPatch) -> TapeRecorder:
    """Let a tape record the solves of a test in a CUDA graph's place, of fields that are the same in every run."""
    torch.manual_seed(0)
    recorder = TapeRecorder(list)
    monkeypatch.setattr(choice, "recorder_for", lambda device: recorder)
    return recorder


def start(count: int = 4) -> Tensor:
    return torch.linspace(-1, 1, 2 * count, dtype=torch.float64).view(count, 2)


def times(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def both(field: nn.Module, y0: Any, t: Tensor, **arguments: Any) -> tuple[Any, Any]:
    with torch.no_grad():
        return solve(field, y0, t, graph="never", **arguments), solve(field, y0, t, graph="always", **arguments)


def loosely(method: str) -> dict[str, float]:
    """Return tolerances at which a method takes some ten steps."""
    low = explicit_methods()[method].order < 3
    return {"rtol": 1e-2, "atol": 1e-3} if low else {"rtol": 1e-4, "atol": 1e-6}
