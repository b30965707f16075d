"""``scipy_solver`` is ``solve_ivp``: its numbers, its counts, and its failures as errors of ours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torchdiffeq
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from torch import Tensor

from suite.solvers import (
    METHODS,
    CountedField,
    InvalidProblemError,
    NonFiniteError,
    StepLimitError,
    StepUnderflowError,
    odeint,
    solve,
)
from tests.solvers.problems import times, toda, toda_start, toda_taylor

SOLVERS = ("RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA")
T = torch.linspace(0, 3, 13, dtype=torch.float64)


def host_toda(t: float, y: np.ndarray) -> np.ndarray:
    return toda(times(t), torch.from_numpy(y)).numpy()


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("extra", [{}, {"max_step": 0.1}, {"first_step": 1e-3}])
def test_states_are_those_of_solve_ivp_to_the_last_bit(name: str, direction: int, extra: dict[str, Any]) -> None:
    t = direction * T
    ours = solve(toda, toda_start(), t, method="scipy_solver", rtol=1e-5, atol=1e-7, options={"solver": name, **extra})
    theirs = solve_ivp(
        host_toda, (0, 3 * direction), (2.0, 0.0), method=name, t_eval=t.numpy(), rtol=1e-5, atol=1e-7, **extra
    )
    assert isinstance(ours.states, Tensor)
    assert np.array_equal(ours.states[1:].numpy(), theirs.y.T[1:])
    assert torch.equal(ours.states[0], toda_start())


@pytest.mark.parametrize("name", SOLVERS)
def test_evaluations_and_steps_are_counted(name: str) -> None:
    field = CountedField(toda)
    solution = solve(field, toda_start(), T, method="scipy_solver", rtol=1e-6, atol=1e-8, options={"solver": name})
    # Without outputs on the way solve_ivp returns every step.
    theirs = solve_ivp(host_toda, (0, 3), (2.0, 0.0), method=name, rtol=1e-6, atol=1e-8)
    statistics = solution.statistics
    assert statistics.nfe == field.nfe
    assert statistics.accepted == len(theirs.t) - 1
    assert statistics.host_syncs == statistics.nfe + 3  # the times, the initial state, the check of the outputs
    stages = {"RK45": 6, "RK23": 3, "DOP853": 12}.get(name)
    if stages is not None:
        assert theirs.nfev == 2 + stages * (statistics.accepted + statistics.rejected)


def test_lsoda_is_the_default_as_it_is_torchdiffeqs() -> None:
    arguments: dict[str, Any] = {"method": "scipy_solver", "rtol": 1e-6, "atol": 1e-8}
    for t in (T, -T, T[:1]):
        ours = odeint(toda, toda_start(), t, **arguments)
        assert isinstance(ours, Tensor)
        torch.testing.assert_close(ours, torchdiffeq.odeint(toda, toda_start(), t, **arguments), rtol=0, atol=2e-5)
    lsoda = odeint(toda, toda_start(), T, options={"solver": "LSODA", "min_step": 0.0}, **arguments)
    default = odeint(toda, toda_start(), T, **arguments)
    assert isinstance(lsoda, Tensor)
    assert isinstance(default, Tensor)
    assert torch.equal(lsoda, default)


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("direction", [1, -1])
def test_dense_output_is_the_solution_between_outputs(name: str, direction: int) -> None:
    dense = solve(
        toda,
        toda_start(),
        times(0, 2.5 * direction),
        method="scipy_solver",
        rtol=1e-8,
        atol=1e-8,
        options={"solver": name},
        dense=True,
    )
    assert dense.interpolant is not None
    mirrored = times(1, direction)  # backwards in time the velocity changes sign
    for time in (0.013, 0.7, 1.91):
        inside = torch.as_tensor(dense.interpolant(direction * time))
        torch.testing.assert_close(inside, mirrored * toda_taylor()(time), rtol=0, atol=2e-6)
    assert dense.interpolant.ends[-1] == 2.5 * direction


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.complex64, 1e-4), (torch.complex128, 1e-6)]
)
@pytest.mark.parametrize("direction", [1, -1])
def test_linear_system_is_the_matrix_exponential_in_every_dtype(
    name: str, dtype: torch.dtype, tolerance: float, direction: int
) -> None:
    """The conjugate makes the complex field one that has no complex derivative."""
    generator = torch.Generator().manual_seed(5)
    matrix = torch.randn(3, 3, dtype=dtype, generator=generator) / 2
    y0 = torch.randn(3, dtype=dtype, generator=generator)
    parts = odeint(
        lambda t, y: (matrix @ y[0].conj(), -y[1]),
        (y0, torch.ones(2, 1, dtype=dtype)),
        torch.tensor([0.0, direction], dtype=dtype.to_real()),
        method="scipy_solver",
        rtol=tolerance / 50,
        atol=tolerance / 50,
        options={"solver": name},
    )
    assert isinstance(parts, tuple)
    real, imaginary = (part.numpy() for part in (matrix.real, matrix.to(torch.complex128).imag))
    flow = expm(direction * np.block([[real, imaginary], [imaginary, -real]]))
    wide = y0.to(torch.complex128)
    end = flow @ np.concatenate([wide.real.numpy(), wide.imag.numpy()])
    expected = torch.from_numpy(end[:3] + 1j * end[3:])
    torch.testing.assert_close(parts[0][-1].to(torch.complex128), expected, rtol=tolerance, atol=tolerance)
    assert parts[0].dtype == dtype
    assert torch.allclose(parts[1][-1].real, torch.tensor(math.exp(-direction), dtype=dtype.to_real()), rtol=tolerance)


def test_tolerances_like_the_state_reach_the_solver() -> None:
    atol = times(1e-3, 1e-9)
    ours = odeint(toda, toda_start(), T, method="scipy_solver", rtol=1e-6, atol=atol, options={"solver": "RK45"})
    theirs = solve_ivp(host_toda, (0, 3), (2.0, 0.0), method="RK45", t_eval=T.numpy(), rtol=1e-6, atol=atol.numpy())
    assert isinstance(ours, Tensor)
    assert np.array_equal(ours.numpy(), theirs.y.T)


@pytest.mark.parametrize("method", ["scipy_solver", "vode_adams"])
def test_outputs_are_detached_from_state_times_and_parameters(method: str) -> None:
    assert not METHODS[method].differentiable
    rate = times(-1.0).requires_grad_()
    y0, t = times(1.0).requires_grad_(), times(0, 1).requires_grad_()
    for inside in (0.5, times(0.5).squeeze()):
        solution = solve(lambda t, y: rate * y, y0, t, method=method, dense=True)
        assert isinstance(solution.states, Tensor)
        assert solution.interpolant is not None
        assert not solution.states.requires_grad
        assert not torch.as_tensor(solution.interpolant(inside)).requires_grad
        assert float(solution.states[-1]) == pytest.approx(math.exp(-1), abs=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"solver": "RK4"}, "option solver is one of RK45, RK23, DOP853, Radau, BDF, LSODA, not 'RK4'"),
        ({"nsteps": 4}, "unknown option 'nsteps'; this method takes first_step, lband, max_num_steps, max_step"),
        ({"solver": "RK45", "min_step": 0.1}, "option min_step is for solver 'LSODA' alone, not for 'RK45'"),
        ({"max_step": 0}, "option max_step is positive, not 0"),
        ({"min_step": -1.0}, "option min_step is at least 0, not -1"),
        ({"first_step": math.nan}, "option first_step is positive, not nan"),
        ({"first_step": 7.0}, "scipy's LSODA refuses the problem: `first_step` exceeds bounds"),
        ({"max_num_steps": 0}, "option max_num_steps is positive, not 0"),
    ],
)
def test_options_that_scipy_cannot_have_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidProblemError, match=words):
        odeint(toda, toda_start(), T, method="scipy_solver", options=options)


@pytest.mark.parametrize("name", SOLVERS)
def test_number_of_steps_is_limited_and_what_was_reached_is_kept(name: str) -> None:
    options = {"solver": name, "max_num_steps": 20, "max_step": 0.05}
    with pytest.raises(StepLimitError, match="max_num_steps = 20 steps") as caught:
        solve(toda, toda_start(), T, method="scipy_solver", options=options)
    assert caught.value.solution is not None
    reached = int((caught.value.time >= T).sum())
    assert len(caught.value.solution.times) == reached
    assert caught.value.solution.statistics.accepted == 20


@pytest.mark.parametrize("name", SOLVERS)
def test_singularity_ends_in_an_underflow_of_the_step_size(name: str) -> None:
    """The solution of y' = y^2 from 1 is 1 / (1 - t)."""
    with pytest.raises((StepUnderflowError, NonFiniteError)) as caught:
        odeint(
            lambda t, y: y * y,
            times(1),
            times(0, 0.5, 2),
            method="scipy_solver",
            rtol=1e-5,
            atol=1e-5,
            options={"solver": name},
        )
    assert caught.value.time == pytest.approx(1, abs=1e-3)
    assert caught.value.solution is not None
    assert isinstance(caught.value.solution.states, Tensor)
    assert float(caught.value.solution.states[-1]) == pytest.approx(2, abs=1e-3)


@pytest.mark.parametrize("name", ["RK45", "RK23", "DOP853", "LSODA"])
def test_field_that_is_not_finite_is_reported_as_such(name: str) -> None:
    with pytest.raises(NonFiniteError):
        odeint(
            lambda t, y: torch.where(t > 0.5, math.nan, y),
            times(1),
            times(0, 1),
            method="scipy_solver",
            options={"solver": name},
        )


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("kind", [KeyError, ValueError])
def test_errors_of_the_field_come_through(name: str, kind: type[Exception]) -> None:
    def broken(t: Tensor, y: Tensor) -> Tensor:
        if t > 0.5:
            raise kind("mine")
        return -y

    for start in (0.0, 1.0):
        with pytest.raises(kind, match="mine"):
            odeint(broken, times(1), times(start, 2), method="scipy_solver", options={"solver": name})


def test_event_is_refused_before_any_work() -> None:
    field = CountedField(toda)
    with pytest.raises(InvalidProblemError, match="do not look for events"):
        solve(field, toda_start(), times(0, 1), method="scipy_solver", event_fn=lambda t, y: y.sum())
    assert field.nfe == 0
