"""Stiff problems, which are what implicit methods are for, against formulas and scipy's Radau."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from suite.solvers import IntegrationError, NonFiniteError, StageEquationError, odeint, solve
from suite.solvers.vector_field import VectorField
from tests.solvers.implicit import TABLEAUS
from tests.solvers.problems import times

RATE = 1000.0


def fast_relaxation(t: Tensor, y: Tensor) -> Tensor:
    """Prothero and Robinson's problem: a slow solution that attracts all others at once."""
    return -RATE * (y - torch.cos(t))


def slow_solution(t: float) -> float:
    return (RATE**2 * math.cos(t) + RATE * math.sin(t)) / (RATE**2 + 1)


def van_der_pol(t: Tensor, y: Tensor) -> Tensor:
    return torch.stack([y[1], 1000 * (1 - y[0] ** 2) * y[1] - y[0]])


def robertson(t: Tensor, y: Tensor) -> Tensor:
    first, second, third = 0.04 * y[0], 3e7 * y[1] ** 2, 1e4 * y[1] * y[2]
    return torch.stack([third - first, first - second - third, second])


PROBLEMS: dict[str, tuple[VectorField, tuple[float, ...], float]] = {
    "van der pol": (van_der_pol, (2.0, 0.0), 500.0),
    "robertson": (robertson, (1.0, 0.0, 0.0), 40.0),
}


@cache
def reference(problem: str) -> Tensor:
    """Return the state at the end, by scipy's Radau at 1e-10 relative to every entry."""
    field, start, end = PROBLEMS[problem]

    def derivative(t: float, y: np.ndarray) -> np.ndarray:
        return np.asarray(field(torch.tensor(t), torch.tensor(y)))

    return torch.tensor(solve_ivp(derivative, (0, end), start, method="Radau", rtol=1e-10, atol=1e-13).y[:, -1])


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("implicit_euler", 1e-4),
        ("trapezoid", 1e-6),
        ("sdirk2", 5e-5),
        ("trbdf2", 1e-6),
        ("radauIIA3", 1e-6),
        ("radauIIA5", 1e-8),
        ("gl4", 5e-5),
        ("gl6", 1e-7),
    ],
)
def test_steps_fifty_times_the_time_scale_follow_the_slow_solution(name: str, error: float) -> None:
    """An explicit method needs ``h RATE < 3`` or so; here it is 50."""
    states = odeint(fast_relaxation, times(slow_solution(0)), torch.linspace(0, 1, 21).double(), method=name)
    assert isinstance(states, Tensor)
    assert abs(float(states[-1]) - slow_solution(1)) < error


@pytest.mark.parametrize("name", TABLEAUS)
def test_fast_transient_is_damped_by_the_stability_function_at_every_step(name: str) -> None:
    """Eight steps: methods that are not L-stable still carry a part of it, those of Radau none."""
    states = odeint(fast_relaxation, times(slow_solution(0) + 1), torch.linspace(0, 1, 21).double(), method=name)
    assert isinstance(states, Tensor)
    left = float(states[8]) - slow_solution(0.4)
    assert left == pytest.approx(TABLEAUS[name].stability(-0.05 * RATE).real ** 8, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "problem", "error"),
    [
        ("radauIIA5", "van der pol", 1e-8),
        ("radauIIA5", "robertson", 1e-8),
        ("radauIIA3", "van der pol", 1e-6),
        ("radauIIA3", "robertson", 1e-5),
        ("trbdf2", "robertson", 1e-3),
        ("sdirk2", "van der pol", 1e-4),
        ("implicit_euler", "robertson", 5e-2),
        ("gl6", "robertson", 1e-6),
    ],
)
def test_stiff_nonlinear_problems_agree_with_scipys_radau(name: str, problem: str, error: float) -> None:
    field, start, end = PROBLEMS[problem]
    t = torch.cat([times(0), torch.logspace(-6, math.log10(end), 200, dtype=torch.float64)])
    with torch.no_grad():
        states = odeint(field, times(*start), t, method=name)
    assert isinstance(states, Tensor)
    assert float(((states[-1] - reference(problem)) / reference(problem)).abs().max()) < error


def test_robertson_conserves_mass_to_rounding() -> None:
    t = torch.cat([times(0), torch.logspace(-6, 6, 300, dtype=torch.float64)])
    with torch.no_grad():
        states = odeint(robertson, times(1, 0, 0), t, method="radauIIA5")
    assert isinstance(states, Tensor)
    assert float((states.sum(-1) - 1).abs().max()) < 1e-12
    assert float(states.min()) > -1e-12


def test_damping_solves_equations_that_plain_newton_overshoots() -> None:
    """From 0, undamped Newton on ``z + 20 arctan(z + 3) = 0`` cycles or diverges; the root is unique."""
    h = 20.0
    states = odeint(lambda t, y: -torch.atan(y), times(3), times(0, h), method="implicit_euler")
    assert isinstance(states, Tensor)
    end = float(states[-1])
    assert abs(end - 3 + h * math.atan(end)) < 1e-12


@pytest.mark.parametrize("name", ["implicit_euler", "trbdf2", "gl4"])
def test_equations_without_a_solution_are_an_error_with_the_solution_so_far(name: str) -> None:
    """Implicit Euler on y' = y^2 has no real step where ``4 h y > 1``; the others likewise, a little later."""
    with pytest.raises(
        StageEquationError, match=r"stage equations of the step from t = 0\.\d+ .* smaller steps"
    ) as caught:
        solve(lambda t, y: y**2, times(1), torch.linspace(0, 2, 11).double(), method=name)
    assert isinstance(caught.value, IntegrationError)
    assert caught.value.solution is not None
    reached = caught.value.solution.times
    assert 1 < len(reached) < 11
    assert caught.value.time == pytest.approx(float(reached[-1]))


def test_too_few_iterations_are_an_error() -> None:
    with pytest.raises(StageEquationError, match="allow more max_iters"):
        solve(lambda t, y: -(y**3), times(1), times(0, 1), method="gl4", options={"max_iters": 1})


@pytest.mark.parametrize("name", ["implicit_euler", "trapezoid", "radauIIA5"])
def test_field_that_is_not_finite_is_named_with_its_time(name: str) -> None:
    def field(t: Tensor, y: Tensor) -> Tensor:
        return torch.where(t > 0.55, math.nan, -y)

    with pytest.raises(NonFiniteError, match=r"not finite in the step from t = 0\.5") as caught:
        solve(field, times(1), torch.linspace(0, 1, 11).double(), method=name)
    assert caught.value.solution is not None
    assert len(caught.value.solution.times) == 6
