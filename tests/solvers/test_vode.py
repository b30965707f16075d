"""VODE's Adams method: accuracy, order, memory and failures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import ode
from scipy.linalg import expm
from torch import Tensor

from suite.solvers import (
    CountedField,
    IntegrationError,
    InvalidProblemError,
    NonFiniteError,
    StepLimitError,
    StepUnderflowError,
    odeint,
    solve,
)
from suite.solvers.external.vode_integrator import VodeIntegrator
from tests.solvers.problems import times, toda, toda_reference, toda_start, toda_taylor

T = torch.linspace(0, 3, 13, dtype=torch.float64)


def test_agrees_with_dop853_at_the_tightest_tolerance() -> None:
    states = odeint(toda, toda_start(), T, method="vode_adams", rtol=1e-12, atol=1e-12)
    assert isinstance(states, Tensor)
    for time, state in zip(T.tolist()[1:], states[1:], strict=True):
        torch.testing.assert_close(state, toda_reference(time), rtol=0, atol=1e-10)


def test_error_falls_in_proportion_to_the_tolerance() -> None:
    tolerances, errors = 10.0 ** -np.arange(3, 11.5, 0.5), []
    for tolerance in tolerances.tolist():
        states = odeint(toda, toda_start(), times(0, 12), method="vode_adams", rtol=tolerance, atol=tolerance)
        assert isinstance(states, Tensor)
        errors.append(float((states[-1] - toda_reference(12.0)).abs().max()))
    assert np.polyfit(np.log(tolerances), np.log(errors), 1)[0] == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("direction", [1, -1])
def test_outputs_are_those_of_scipys_own_call_to_the_last_bit(direction: int) -> None:
    t = direction * T
    states = odeint(toda, toda_start(), t, method="vode_adams", rtol=1e-6, atol=1e-8)
    direct = ode(lambda t, y: toda(times(t), torch.from_numpy(y)).numpy())
    direct.set_integrator("vode", method="adams", rtol=1e-6, atol=1e-8).set_initial_value([2.0, 0.0], 0.0)
    assert isinstance(states, Tensor)
    for time, state in zip(t.tolist()[1:], states[1:], strict=True):
        assert np.array_equal(direct.integrate(time), state.numpy())


def test_steps_needed_fall_with_the_largest_order_allowed() -> None:
    taken = []
    for order in (1, 2, 4, 12):
        solution = solve(
            toda, toda_start(), times(0, 3), method="vode_adams", rtol=1e-6, atol=1e-6, options={"max_order": order}
        )
        taken.append(solution.statistics.accepted)
    assert taken == sorted(set(taken), reverse=True)
    assert taken[0] > 10 * taken[-1]


def test_statistics_are_vodes_own() -> None:
    field = CountedField(toda)
    statistics = solve(field, toda_start(), 4 * T, method="vode_adams", rtol=1e-7, atol=1e-7).statistics
    assert statistics.nfe == field.nfe
    assert statistics.host_syncs == statistics.nfe + 3
    assert statistics.accepted > 50
    # No step takes fewer than one evaluation, no try more than three.
    assert statistics.rejected > 0
    assert statistics.accepted < statistics.nfe <= 3 * (statistics.accepted + statistics.rejected) + 10


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("order", [1, 12])
def test_dense_output_is_vodes_polynomial_at_no_cost(direction: int, order: int) -> None:
    t, options = direction * T, {"max_order": order}
    arguments: dict[str, Any] = {"method": "vode_adams", "rtol": 1e-6, "atol": 1e-6, "options": options}
    outputs = solve(toda, toda_start(), t, **arguments)
    dense = solve(toda, toda_start(), t, dense=True, **arguments)
    assert dense.statistics.nfe == outputs.statistics.nfe
    assert dense.interpolant is not None
    assert isinstance(outputs.states, Tensor)
    for time, state in zip(t.tolist(), outputs.states, strict=True):
        torch.testing.assert_close(torch.as_tensor(dense.interpolant(time)), state, rtol=0, atol=1e-13)
    assert dense.interpolant.ends[-1] == t[-1]


def test_dense_output_is_as_accurate_as_the_outputs() -> None:
    dense = solve(toda, toda_start(), times(0, 2.5), method="vode_adams", rtol=1e-10, atol=1e-10, dense=True)
    assert dense.interpolant is not None
    for time in (0.013, 0.7, 1.23, 2.2):
        inside = torch.as_tensor(dense.interpolant(time))
        torch.testing.assert_close(inside, toda_taylor()(time), rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.complex64, 1e-4), (torch.complex128, 1e-8)]
)
@pytest.mark.parametrize("direction", [1, -1])
def test_linear_system_is_the_matrix_exponential_in_every_dtype(
    dtype: torch.dtype, tolerance: float, direction: int
) -> None:
    generator = torch.Generator().manual_seed(5)
    matrix = torch.randn(3, 3, dtype=dtype, generator=generator) / 2
    y0 = torch.randn(3, dtype=dtype, generator=generator)
    parts = odeint(
        lambda t, y: (matrix @ y[0], -y[1]),
        (y0, torch.ones(2, 1, dtype=dtype)),
        torch.tensor([0.0, direction], dtype=dtype.to_real()),
        method="vode_adams",
        rtol=tolerance / 20,
        atol=tolerance / 20,
    )
    assert isinstance(parts, tuple)
    wide = matrix.to(torch.complex128).numpy()
    expected = torch.from_numpy(expm(direction * wide) @ y0.to(torch.complex128).numpy())
    torch.testing.assert_close(parts[0][-1].to(torch.complex128), expected, rtol=tolerance, atol=tolerance)
    assert torch.allclose(parts[1][-1].real, torch.tensor(math.exp(-direction), dtype=dtype.to_real()), rtol=tolerance)
    assert [part.shape for part in parts] == [(2, 3), (2, 2, 1)]


def test_memory_is_sixteen_vectors_of_the_states_size(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    step = VodeIntegrator.step

    def watched(self: VodeIntegrator) -> None:
        step(self)
        sizes.append(self._solver._integrator.rwork.size)

    monkeypatch.setattr(VodeIntegrator, "step", watched)
    for entries in (10, 20_000):
        odeint(lambda t, y: -y, torch.ones(entries), torch.tensor([0.0, 0.1]), method="vode_adams", rtol=1e-3)
        assert set(sizes) == {20 + 16 * entries}
        sizes.clear()


def test_stiff_problem_runs_into_the_limit_of_steps_and_keeps_what_it_has() -> None:
    t = times(0, 1e-6, 1e-2, 1)
    with pytest.raises(StepLimitError, match=r"max_num_steps = 100 steps were taken, .* reached only t = ") as caught:
        odeint(
            lambda t, y: -1e5 * (y - torch.cos(t)),
            times(1),
            t,
            method="vode_adams",
            rtol=1e-6,
            atol=1e-6,
            options={"max_num_steps": 100},
        )
    solution = caught.value.solution
    assert solution is not None
    assert 1e-6 < caught.value.time < 1e-2
    assert isinstance(solution.states, Tensor)
    assert len(solution.times) == 2
    assert solution.states.squeeze().tolist() == pytest.approx([1, 1], abs=1e-5)
    assert (solution.statistics.accepted, solution.statistics.rejected > 0) == (100, True)


def test_step_that_may_not_shrink_fails_with_a_reason() -> None:
    words = "VODE gave up at t = .*: (steps failed the error test|functional iteration did not converge)"
    with pytest.raises(StepUnderflowError, match=words):
        odeint(
            lambda t, y: -1e5 * (y - torch.cos(t)),
            times(1),
            times(0, 1),
            method="vode_adams",
            options={"min_step": 0.1},
        )


def test_singularity_ends_in_an_underflow_of_the_step_size() -> None:
    """The solution of y' = -1 / y from 1 is sqrt(1 - 2 t)."""
    with pytest.raises(StepUnderflowError) as caught:
        odeint(lambda t, y: -1 / y, times(1), times(0, 0.375, 1), method="vode_adams", rtol=1e-6, atol=1e-6)
    assert caught.value.time == pytest.approx(0.5, abs=1e-3)
    assert caught.value.solution is not None
    assert isinstance(caught.value.solution.states, Tensor)
    assert float(caught.value.solution.states[-1]) == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize("from_time", [-1.0, 0.5])
def test_field_that_is_not_finite_is_reported_as_such(from_time: float) -> None:
    with pytest.raises(NonFiniteError, match="field is not finite at or just after") as caught:
        odeint(lambda t, y: torch.where(t > from_time, math.nan, y), times(1), times(0, 1), method="vode_adams")
    assert caught.value.time == pytest.approx(max(from_time, 0), abs=1e-6)


def test_tolerance_beyond_double_precision_is_said_to_be_so() -> None:
    for rtol, start in ((1e-17, 1.0), (1e-6, 0.0)):
        with pytest.raises(IntegrationError, match="more than double precision, or is zero where the state is"):
            odeint(lambda t, y: -y, times(start), times(0, 1), method="vode_adams", rtol=rtol, atol=0.0)


def test_errors_of_the_field_come_through() -> None:
    def broken(t: Tensor, y: Tensor) -> Tensor:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        odeint(broken, times(1), times(0, 1), method="vode_adams")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_order": 13}, "option max_order is a whole number from 1 to 12, not 13"),
        ({"max_order": 0}, "option max_order is a whole number from 1 to 12, not 0"),
        ({"max_order": 2.5}, "option max_order is a whole number from 1 to 12, not 2.5"),
        ({"max_step": 0.0}, "option max_step is positive, not 0"),
        ({"first_step": -1.0}, "option first_step is positive, not -1"),
        ({"nsteps": 5}, "unknown option 'nsteps'; this method takes first_step, max_num_steps, max_order"),
        ({"min_step": "1"}, "option min_step is a number, not '1'"),
    ],
)
def test_options_that_vode_cannot_have_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidProblemError, match=words):
        odeint(toda, toda_start(), T, method="vode_adams", options=options)


def test_options_reach_vode() -> None:
    few = solve(toda, toda_start(), times(0, 3), method="vode_adams", rtol=1e-3, atol=1e-3)
    many = solve(toda, toda_start(), times(0, 3), method="vode_adams", rtol=1e-3, atol=1e-3, options={"max_step": 0.01})
    assert few.statistics.accepted < 60
    assert many.statistics.accepted >= 300
    first = solve(
        toda,
        toda_start(),
        times(0, 1),
        method="vode_adams",
        rtol=1e-3,
        atol=1e-3,
        options={"first_step": 1e-3},
        dense=True,
    )
    assert first.interpolant is not None
    assert first.interpolant.ends[1] == pytest.approx(1e-3)
