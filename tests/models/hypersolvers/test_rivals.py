"""What hypersolvers are compared with: a Taylor step, fitted Runge-Kutta steps, and a fit from starts to ends."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from suite.models.hypersolvers import FittedSteps, FittingPlan, TaylorCorrection, fit_ends
from suite.solvers import explicit_methods, solve
from suite.solvers.hyper import Hypersolver

Z0 = torch.tensor([[1.0, 0.5], [-0.3, 0.8]], dtype=torch.float64)


def pendulum(t: Tensor, z: Tensor) -> Tensor:
    return torch.stack([z[:, 1], -z[:, 0].sin() + t.cos()], dim=1)


def end(method: str | Hypersolver, step: float | None = None) -> Tensor:
    times = torch.tensor([0.0, 1.0], dtype=torch.float64)
    options = {} if step is None else {"step_size": step}
    states = solve(pendulum, Z0, times, method=method, options=options, rtol=1e-12, atol=1e-12).states
    assert isinstance(states, Tensor)
    return states[-1]


def test_a_taylor_step_is_of_second_order_where_the_field_depends_on_time() -> None:
    exact = end("dopri8")
    method = Hypersolver("euler", TaylorCorrection(pendulum))
    errors = [float((end(method, step) - exact).norm()) for step in (1 / 32, 1 / 64)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("name", ["euler", "heun2", "rk4_classic"])
def test_fitted_steps_begin_as_the_method_that_they_are_made_of(name: str) -> None:
    steps = FittedSteps(explicit_methods()[name].tableau, 3)
    stages = steps.stages
    assert sum(parameter.numel() for parameter in steps.parameters()) == 3 * (stages + stages * (stages - 1) // 2)
    torch.testing.assert_close(steps(pendulum, Z0), end(name, 1 / 3))


def test_fitted_steps_find_the_coefficient_that_makes_one_step_exact() -> None:
    """Of ``z' = -z`` the end is ``z / e``; one step of Euler with the weight ``1 - 1 / e`` is exact."""
    steps = FittedSteps(explicit_methods()["euler"].tableau, 1)
    plan = FittingPlan(iterations=400, batch=8, learning_rate=0.05, last_learning_rate=0.0, weight_decay=0.0)
    starts = torch.randn(8, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    fit_ends(
        lambda z: steps(lambda _, state: -state, z), steps.parameters(), starts, starts / math.e, plan,
        torch.Generator().manual_seed(1),
    )  # fmt: skip
    assert steps.weights.item() == pytest.approx(1 - 1 / math.e, abs=1e-3)


def test_a_linear_map_is_found_from_its_ends() -> None:
    network = nn.Linear(2, 2, bias=False).double()
    with torch.no_grad():
        network.weight.zero_()
    matrix = torch.tensor([[0.5, -1.0], [2.0, 0.25]], dtype=torch.float64)
    starts = torch.randn(64, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    plan = FittingPlan(iterations=600, batch=32, learning_rate=0.1, last_learning_rate=0.0, weight_decay=0.0)
    fit_ends(network, network.parameters(), starts, starts @ matrix.t(), plan, torch.Generator().manual_seed(1))
    torch.testing.assert_close(network.weight.detach(), matrix, atol=0.02, rtol=0)
