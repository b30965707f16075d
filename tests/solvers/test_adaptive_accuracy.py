"""Adaptive solves against DOP853 and matrix exponentials, for every kind of state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from torch import Tensor

from suite.solvers import METHODS, explicit_methods, odeint, solve
from tests.solvers.problems import times, toda, toda_reference, toda_start

ADAPTIVE = [name for name, method in explicit_methods().items() if method.adaptive]
SPAN = 3.0
TIGHTEST = {2: 7, 3: 8, 5: 10, 8: 11}


def error(name: str, tolerance: float, **options: float) -> float:
    states = odeint(
        toda, toda_start(), times(0, SPAN), method=name, rtol=tolerance, atol=tolerance, options=options or None
    )
    assert isinstance(states, Tensor)
    return float((states[-1] - toda_reference(SPAN)).abs().max())


@pytest.mark.parametrize("name", ADAPTIVE)
def test_error_falls_in_proportion_to_the_tolerance(name: str) -> None:
    """A step h has an error of order h^p that the controller holds at the tolerance; so has the solution advanced.

    The slope is 1 up to the number of steps, an integer, and to how evenly the accepted errors fill the tolerance,
    which may change by a factor 2 over the seven decades.
    """
    tolerances = [10 ** (-k / 2) for k in range(6, 2 * TIGHTEST[METHODS[name].order] + 1)]
    logs = np.log([[tolerance, error(name, tolerance)] for tolerance in tolerances])
    assert np.polyfit(logs[:, 0], logs[:, 1], 1)[0] == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("name", ADAPTIVE)
@pytest.mark.parametrize("tolerance", [1e-4, 1e-6])
def test_proportional_integral_control_meets_the_tolerance_as_the_integral_one_does(
    name: str, tolerance: float
) -> None:
    assert error(name, tolerance, beta=0.04) < 2 * error(name, tolerance) + tolerance


@pytest.mark.parametrize("method", ["dopri5", "tsit5", "dopri8", "bosh3", "rk4"])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 1e-5), (torch.float64, 1e-9), (torch.complex64, 1e-5), (torch.complex128, 1e-9)],
)
@pytest.mark.parametrize("direction", [1, -1])
def test_linear_system_is_the_matrix_exponential_in_every_dtype(
    method: str, dtype: torch.dtype, tolerance: float, direction: int
) -> None:
    generator = torch.Generator().manual_seed(7)
    matrix = torch.randn(3, 3, dtype=dtype, generator=generator) / 2
    y0 = torch.randn(2, 3, dtype=dtype, generator=generator)
    t = torch.linspace(0, 2 * direction, 5, dtype=torch.float64)
    options = None if METHODS[method].adaptive else {"step_size": 0.01}

    def field(time: Tensor, y: Tensor) -> Tensor:
        assert time.dtype == dtype.to_real()
        assert time.ndim == 0
        return y @ matrix

    states = odeint(field, y0, t, method=method, rtol=tolerance, atol=tolerance, options=options)
    assert isinstance(states, Tensor)
    assert states.dtype == dtype
    exact = torch.stack([y0 @ torch.as_tensor(expm(matrix.numpy() * time)).to(dtype) for time in t.tolist()])
    scale = tolerance * float(exact.abs().max())
    torch.testing.assert_close(states[-1], exact[-1], rtol=0, atol=50 * scale)
    # Inside a step the extension's order counts, which for dopri8 is 5.
    torch.testing.assert_close(states, exact, rtol=0, atol=200 * scale)


@pytest.mark.parametrize("method", ["dopri5", "rk4"])
def test_tuple_state_follows_each_of_its_equations(method: str) -> None:
    """A decay, a rotation and a quadrature, of different shapes, one of them 0-dimensional."""

    def field(t: Tensor, y: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        decay, rotation, area = y
        return -decay, torch.stack([-rotation[1], rotation[0]]), torch.cos(t) * torch.ones_like(area)

    y0 = (torch.ones(2, 1, 3, dtype=torch.float64), times(1, 0), torch.zeros((), dtype=torch.float64))
    t = torch.linspace(0, 3, 7, dtype=torch.float64)
    options = {"step_size": 0.01} if method == "rk4" else None
    decay, rotation, area = odeint(field, y0, t, method=method, rtol=1e-9, atol=1e-9, options=options)
    assert (decay.shape, rotation.shape, area.shape) == ((7, 2, 1, 3), (7, 2), (7,))
    torch.testing.assert_close(decay[:, 1, 0, 2], torch.exp(-t), rtol=0, atol=1e-7)
    torch.testing.assert_close(rotation, torch.stack([torch.cos(t), torch.sin(t)], dim=1), rtol=0, atol=1e-7)
    torch.testing.assert_close(area, torch.sin(t), rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("options", [None, {"step_size": 0.1}])
def test_one_point_grid_returns_the_initial_state(name: str, options: dict[str, float] | None) -> None:
    if METHODS[name].adaptive:
        options = None
    solution = solve(toda, toda_start(), times(0.5), method=name, options=options)
    assert isinstance(solution.states, Tensor)
    assert torch.equal(solution.states, toda_start()[None])
    assert solution.statistics.nfe == 0


def test_tensor_tolerances_hold_each_entry_to_its_own() -> None:
    """Two equal decays: the loose tolerance alone would allow larger steps than the tight one of the other entry."""
    y0, t = torch.ones(2, dtype=torch.float64), times(0, 2)

    def accepted(rtol: float | Tensor, atol: float | Tensor) -> int:
        return solve(lambda t, y: -y, y0, t, rtol=rtol, atol=atol).statistics.accepted

    assert accepted(torch.full((2,), 1e-6), torch.tensor(1e-6)) == accepted(1e-6, 1e-6)
    assert accepted(1e-3, 1e-3) < accepted(times(1e-3, 1e-9), times(1e-3, 1e-9)) <= accepted(1e-9, 1e-9)


def test_tolerances_of_a_tuple_state_come_one_per_part() -> None:
    y0 = (torch.ones(2, dtype=torch.float64), torch.ones((), dtype=torch.float64))

    def accepted(rtol: Any) -> int:
        return solve(lambda t, y: (-y[0], -y[1]), y0, times(0, 2), rtol=rtol, atol=1e-9).statistics.accepted

    assert accepted((1e-3, 1e-3)) < accepted((1e-3, 1e-9)) == accepted((times(1e-3, 1e-3), times(1e-9)[0]))


def test_norm_of_the_users_sees_the_state_as_the_user_does_and_decides() -> None:
    shapes = set()

    def first_part_alone(y: tuple[Tensor, Tensor]) -> Tensor:
        shapes.add((y[0].shape, y[1].shape))
        return y[0].abs().max()

    def field(t: Tensor, y: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        return -y[0], 20 * torch.cos(20 * t) * torch.ones_like(y[1])

    y0 = (torch.ones(2, 1, dtype=torch.float64), torch.zeros(3, dtype=torch.float64))
    alone = solve(lambda t, y: -y, y0[0], times(0, 2), options={"norm": lambda y: y.abs().max()})
    ours = solve(field, y0, times(0, 2), options={"norm": first_part_alone})
    default = solve(field, y0, times(0, 2))
    assert shapes == {((2, 1), (3,))}
    assert ours.statistics == alone.statistics
    assert ours.statistics.nfe < default.statistics.nfe / 2
