"""Implicit methods take every kind of state, and either direction of time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from torch import Tensor

from suite.solvers import InvalidProblemError, Solution, StageEquationError, odeint, solve
from suite.solvers.implicit.gmres import gmres
from tests.solvers.implicit import TABLEAUS
from tests.solvers.problems import times

T = times(0, 0.1)
GENERATOR = torch.Generator().manual_seed(5)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128])
@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("limit", [0, 100])
def test_linear_system_of_a_tuple_agrees_with_the_matrix_exponential(
    dtype: torch.dtype, direction: int, limit: int
) -> None:
    matrix, start = (
        torch.randn(3, 3, dtype=dtype, generator=GENERATOR),
        torch.randn(3, dtype=dtype, generator=GENERATOR),
    )

    def field(t: Tensor, parts: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        derivative = matrix @ torch.cat([parts[0].reshape(1), parts[1].reshape(2)])
        return derivative[0], derivative[1:].reshape(2, 1)

    t = 3 + direction * torch.linspace(0, 1, 21, dtype=torch.float64)
    states = odeint(field, (start[0], start[1:, None]), t, method="gl6", options={"dense_limit": limit})
    assert isinstance(states, tuple)
    assert [part.dtype for part in states] == [dtype, dtype]
    assert [tuple(part.shape) for part in states] == [(21,), (21, 2, 1)]
    exact = torch.as_tensor(expm(direction * matrix.numpy().astype(complex))) @ start.to(torch.complex128)
    end = torch.cat([states[0][-1:], states[1][-1, :, 0]]).to(torch.complex128)
    allowed = max(1e-9, 300 * torch.finfo(dtype).eps)  # of the step size, or of the dtype
    assert float((end - exact).abs().max()) < allowed * (1 + float(exact.abs().max()))


@pytest.mark.parametrize("name", TABLEAUS)
def test_complex_field_that_is_not_holomorphic_has_its_exact_solution(name: str) -> None:
    """``y' = i |y|^2 y`` turns at the rate of its squared modulus, which Gauss methods keep."""
    start = torch.tensor([0.6 + 0.8j, 1.1 - 0.2j], dtype=torch.complex128)
    states = odeint(lambda t, y: 1j * y.abs() ** 2 * y, start, torch.linspace(0, 1, 201).double(), method=name)
    assert isinstance(states, Tensor)
    exact = start * torch.exp(1j * start.abs() ** 2)
    assert float((states[-1] - exact).abs().max()) < {1: 1e-2, 2: 2e-5, 3: 1e-7}.get(TABLEAUS[name].order, 1e-9)


def test_gradient_of_a_complex_state_agrees_with_finite_differences() -> None:
    start = torch.tensor([0.6 + 0.8j], dtype=torch.complex128, requires_grad=True)

    def end(y0: Tensor) -> Tensor:
        states = odeint(lambda t, y: 1j * y.abs() ** 2 * y, y0, times(0, 0.5), method="radauIIA3")
        assert isinstance(states, Tensor)
        return states[-1]

    assert torch.autograd.gradcheck(end, start)


def test_time_alone_or_a_constant_may_be_the_field() -> None:
    for name in ("implicit_euler", "trbdf2", "gl4"):
        constant = odeint(lambda t, y: torch.full((2,), 3.0).double(), times(1, 2), times(0, 0.5), method=name)
        assert isinstance(constant, Tensor)
        torch.testing.assert_close(constant[-1], times(2.5, 3.5))
    cubic = odeint(lambda t, y: t**3 + torch.zeros(1).double(), times(0), times(0, 2), method="gl4")
    assert isinstance(cubic, Tensor)
    assert float(cubic[-1]) == pytest.approx(4, abs=1e-13)


@pytest.mark.parametrize("name", ["implicit_midpoint", "trapezoid", "radauIIA5"])
@pytest.mark.parametrize("limit", [0, 100])
def test_inference_mode_has_the_same_states(name: str, limit: int) -> None:
    def solution() -> Solution:
        return solve(
            lambda t, y: -50 * torch.cos(t) * torch.sin(y),
            times(1, 0.5),
            T,
            method=name,
            options={"dense_limit": limit},
        )

    with torch.inference_mode():
        inside = solution()
    with torch.no_grad():
        plain = solution()
    assert inside.statistics.nfe == plain.statistics.nfe
    assert isinstance(inside.states, Tensor)
    torch.testing.assert_close(inside.states.clone(), plain.states, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", ["implicit_midpoint", "trapezoid", "radauIIA5"])
def test_empty_scalar_and_resting_states(name: str) -> None:
    empty = odeint(lambda t, y: -y, torch.ones(0, 2), times(0, 1), method=name)
    scalar = odeint(lambda t, y: -y, times(1)[0], times(0, 1, 2), method=name)
    rest = odeint(lambda t, y: -y, times(0, 0), times(0, 1), method=name)
    assert isinstance(empty, Tensor)
    assert isinstance(scalar, Tensor)
    assert isinstance(rest, Tensor)
    assert empty.shape == (2, 0, 2)
    assert scalar.shape == (3,)
    assert not rest.any()


def test_large_state_is_solved_for_by_products_alone() -> None:
    """The heat equation on 300 points, more unknowns than are factorised, decays at the rates of its modes."""
    points, diffusivity = 300, 1e-3
    x = torch.linspace(0, 1, points + 2, dtype=torch.float64)[1:-1]

    def heat(t: Tensor, u: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(u, (1, 1))
        return diffusivity * (padded[2:] - 2 * u + padded[:-2]) * (points + 1) ** 2

    def exact(time: float) -> Tensor:
        rates = [4 * diffusivity * (points + 1) ** 2 * np.sin(k * np.pi / 2 / (points + 1)) ** 2 for k in (1, 40)]
        return sum(
            (torch.sin(k * torch.pi * x) * np.exp(-rate * time) for k, rate in zip((1, 40), rates, strict=True)),
            torch.zeros_like(x),
        )

    with torch.no_grad():
        states = odeint(heat, exact(0), torch.linspace(0, 0.2, 4).double(), method="radauIIA5")
    assert isinstance(states, Tensor)
    torch.testing.assert_close(states[-1], exact(0.2), rtol=0, atol=1e-4)
    assert float((states[-1] - exact(0)).abs().max()) > 0.5


def test_gmres_solves_what_a_factorisation_does_and_says_when_it_did_not() -> None:
    matrix = torch.eye(80).double() + torch.randn(80, 80, dtype=torch.float64, generator=GENERATOR) / 30
    right = torch.randn(80, dtype=torch.float64, generator=GENERATOR)
    found, residual = gmres(lambda x: matrix @ x, right, 1e-12)
    assert residual <= 1e-12
    torch.testing.assert_close(found, torch.linalg.solve(matrix, right), rtol=1e-9, atol=1e-9)
    zero, residual = gmres(lambda x: matrix @ x, torch.zeros_like(right), 1e-12)
    assert (float(zero.norm()), residual) == (0, 0)
    projection = torch.diag(torch.tensor([1.0, 0.0, 2.0])).double()
    assert gmres(lambda x: projection @ x, times(1, 1, 1), 1e-12)[1] > 0.1
    cyclic = torch.eye(200).double().roll(1, 0)  # on which GMRES makes no progress before its 200th vector
    assert gmres(lambda x: cyclic @ x, torch.eye(200)[0].double(), 1e-12)[1] > 0.5


def test_jacobian_that_gmres_cannot_solve_with_is_named() -> None:
    cyclic = torch.eye(200).double().roll(1, 0)
    with pytest.raises(StageEquationError, match="GMRES did not converge, in which case a larger option dense_limit"):
        odeint(
            lambda t, y: y - 1e8 * cyclic @ y,
            torch.eye(200)[0].double(),
            times(0, 1),
            method="implicit_euler",
            options={"dense_limit": 0},
        )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_iters": 0}, "option max_iters is a whole number of at least 1, not 0"),
        ({"max_iters": 1.5}, "option max_iters is a whole number of at least 1, not 1.5"),
        ({"max_iters": True}, "option max_iters is a number, not True"),
        ({"tolerance": "small"}, "option tolerance is a number, not 'small'"),
        ({"tolerance": 0.0}, "option tolerance lies between 0 and 1, not 0.0"),
        ({"tolerance": float("nan")}, "option tolerance lies between 0 and 1, not nan"),
        ({"dense_limit": -1}, "option dense_limit is not negative, but -1"),
        ({"step_size": -1.0}, "option step_size is positive"),
        ({"newton": 3}, "unknown option 'newton'; this method takes dense_limit, "),
    ],
)
def test_bad_options_of_implicit_methods_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidProblemError, match=words):
        solve(lambda t, y: -y, times(1), times(0, 1), method="gl4", options=options)
