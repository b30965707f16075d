"""How far a solve is from the limit, from rates that are given and a field whose work is counted by hand."""

from __future__ import annotations

import pytest
import torch

from reference.crosschecks.contenders import Solve
from reference.crosschecks.perceptron_field import PerceptronField
from reference.crosschecks.roofline import roofline
from suite.harness.meters.device_limits import DeviceLimits

BATCH, WIDTH = 3, 8


@pytest.fixture
def solve() -> Solve:
    field = PerceptronField((2, WIDTH, 2), torch.Generator().manual_seed(0))
    y0 = torch.randn(BATCH, 2, generator=torch.Generator().manual_seed(1))
    return Solve(field, y0, torch.tensor([0.0, 1.0]), {"method": "rk4", "rtol": 1e-4, "atol": 1e-4})


def test_an_evaluation_moves_parameters_once_and_states_at_every_layer(solve: Solve) -> None:
    of = roofline(solve, DeviceLimits({1: 1.0}, {"float32": 1.0}, "float32"))
    parameters = 2 * WIDTH + WIDTH + WIDTH * 2 + 2
    states = BATCH * (2 + WIDTH + 2 * WIDTH + WIDTH + 2)
    assert of.evaluation.bytes == 4 * (parameters + states)
    assert of.evaluation.flops == 2 * BATCH * (2 * WIDTH + WIDTH * 2)
    # Each product of the forward pass has two in the backward pass, by the states and by the weights.
    assert of.product.flops == 3 * of.evaluation.flops
    assert of.product.bytes > 2 * of.evaluation.bytes


def test_the_fraction_is_of_the_limit_that_binds(solve: Solve) -> None:
    of = roofline(solve, DeviceLimits({1: 1e3}, {"float32": 1e9}, "float32"))
    work = 5 * of.evaluation.bytes + 2 * of.product.bytes
    assert of.fraction(5, 2, seconds=7.0) == pytest.approx(work / 1e3 / 7)
    of = roofline(solve, DeviceLimits({1: 1e9}, {"float32": 1e3}, "float32"))
    assert of.fraction(5, 0, seconds=7.0) == pytest.approx(5 * of.evaluation.flops / 1e3 / 7)
