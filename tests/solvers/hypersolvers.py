"""Corrections, starts and a field that the tests of hypersolvers share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from suite.solvers import solve
from suite.solvers.hyper import (
    Hypersolver,
    InputForm,
    NetworkCorrection,
    StepInputs,
)
from tests.solvers.problems import times

HYPER_HEUN = InputForm(("state", "stages", "initial", "step"))
"""The input form of the released HyperHeun."""


def forced(t: Tensor, y: Tensor) -> Tensor:
    """A driven rotation, which does depend on time."""
    return y.roll(1, -1) - y.roll(-1, -1) * y + torch.sin(3 * t)


def start(dtype: torch.dtype = torch.float64, entries: int = 12) -> Tensor:
    return torch.randn(entries // 3, 3, dtype=dtype, generator=torch.Generator().manual_seed(3))


def nothing(inputs: StepInputs) -> Tensor:
    assert isinstance(inputs.state, Tensor)
    return torch.zeros_like(inputs.state)


def small(channels: int, stages: int, form: InputForm, seed: int = 0) -> NetworkCorrection:
    torch.manual_seed(seed)
    width = form.width(channels, stages)
    return NetworkCorrection(nn.Sequential(nn.Linear(width, 5), nn.Tanh(), nn.Linear(5, channels)).double(), form)


def state_of(hypersolver: Hypersolver, field: Callable[[Tensor, Tensor], Tensor], y0: Tensor, *at: float) -> Tensor:
    states = solve(field, y0, times(*at), method=hypersolver).states
    assert isinstance(states, Tensor)
    return states
