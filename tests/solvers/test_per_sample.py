"""Per-sample step control: every sample is solved as it would be alone, at one evaluation of the batch a stage."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from torch import Tensor

from suite.harness.meters import host_syncs, operations
from suite.solvers import (
    CountedField,
    InvalidProblemError,
    NonFiniteError,
    PerSampleSolution,
    StepLimitError,
    StepUnderflowError,
    explicit_methods,
    solve,
    solve_per_sample,
)
from suite.solvers.initial_step import starting_step
from suite.solvers.step_control import StepController, resolvable
from tests.solvers.problems import times

ADAPTIVE = sorted(name for name, method in explicit_methods().items() if method.adaptive)
MU = (1.0, 3.0, 8.0, 25.0)


def van_der_pol(mu: Tensor | float) -> Callable[[Tensor, Tensor], Tensor]:
    def field(t: Tensor, y: Tensor) -> Tensor:
        position, velocity = y.unbind(-1)
        return torch.stack([velocity, mu * (1 - position**2) * velocity - position], dim=-1)

    return field


def rotation(t: Tensor, y: Tensor) -> Tensor:
    """Forced, so that a wrong time of any stage shows."""
    return torch.stack([-y[..., 1], y[..., 0]], dim=-1) + torch.sin(3 * t)


def batch_start(size: int = 4) -> Tensor:
    return torch.stack([torch.linspace(2, 1, size), torch.linspace(0, 1, size)], dim=-1).double()


def alone(field: Callable[[Tensor, Tensor], Tensor], y: Tensor, t: Tensor, **arguments: object) -> tuple[Tensor, int]:
    solution = solve(field, y, t, **arguments)  # type: ignore[arg-type]
    assert isinstance(solution.states, Tensor)
    return solution.states, solution.statistics.accepted + solution.statistics.rejected


def states(solution: PerSampleSolution) -> Tensor:
    assert isinstance(solution.states, Tensor)
    return solution.states


@pytest.mark.parametrize("beta", [0.0, 0.06])
@pytest.mark.parametrize("order", [1, 2, 5, 8])
def test_controller_formulae_are_the_same_for_tensors_and_numbers(order: int, beta: float) -> None:
    control = StepController(order=order, beta=beta, min_step=1e-3, max_step=2.0)
    errors = [0.0, 1e-310, 1e-30, 1e-3, 0.999, 1.0, 1.001, 7.0, 1e9, 1e305, math.inf, math.nan]
    sizes = [1e-4, 1e-3, 0.5, 1.0, 1.99, 2.0, 5.0, 0.3, 1.0, 1e-3, 1e-3, 1e-3]
    error, size = times(*errors), times(*sizes)
    for previous in (1e-4, 0.5, 3.0):
        factors = [control.factor(one, previous) for one in errors]
        assert control.factor(error, torch.full_like(error, previous)).tolist() == pytest.approx(factors, rel=1e-14)
    assert control.clip(size).tolist() == [control.clip(one) for one in sizes]
    assert control.accepts(error, size).tolist() == [control.accepts(*both) for both in zip(errors, sizes, strict=True)]
    assert control.lands(size, times(1.0)).tolist() == [control.lands(one, 1.0) for one in sizes]
    assert control.remembered(error[:-1]).tolist() == [control.remembered(one) for one in errors[:-1]]
    tiny = [1e-18, 1e-16, 1e-14, 0.0]
    assert resolvable(times(*tiny), times(-1)).tolist() == [resolvable(one, -1.0) for one in tiny]


@pytest.mark.parametrize("order", [1, 5])
def test_first_step_formula_is_the_same_for_tensors_and_numbers(order: int) -> None:
    cases = [(3.0, 5.0, 0.1), (1e-20, 1e-20, 1e-6), (1.0, math.nan, 1e-6), (0.0, 1.0, 1e-6), (2.0, math.inf, 1e-3)]
    columns = [times(*column) for column in zip(*cases, strict=True)]
    found = starting_step(columns[0], columns[1], columns[2], order)
    assert found.tolist() == pytest.approx([starting_step(*case, order) for case in cases], rel=1e-14)


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("method", ADAPTIVE)
def test_every_sample_takes_the_steps_it_would_take_alone(method: str, grad: bool) -> None:
    tolerance = 1e-2 if method == "adaptive_heun" else 1e-4
    # This one is at the bound of its stability on the last sample, and what it gives there is chance within tolerance.
    same_steps, same_states = (0.01, 3 * tolerance) if method == "fehlberg2" else (0.0, 1e-6)
    y0, t = batch_start(), times(0, 0.3, 1.5, 1.6, 4)
    with torch.set_grad_enabled(grad):
        solution = solve_per_sample(van_der_pol(times(*MU)), y0, t, method=method, rtol=tolerance, atol=tolerance / 10)
    for sample, mu in enumerate(MU):
        expected, steps = alone(van_der_pol(mu), y0[sample], t, method=method, rtol=tolerance, atol=tolerance / 10)
        assert abs(int(solution.statistics.steps_per_sample[sample]) - steps) <= max(1, same_steps * steps)
        torch.testing.assert_close(states(solution)[:, sample], expected, rtol=same_states, atol=same_states)
    assert solution.statistics.step_spread > 1.5, "the samples of this batch differ"


@pytest.mark.parametrize("method", ["bosh3", "dopri5", "tsit5", "dopri8"])
def test_linear_systems_agree_with_the_matrix_exponential_over_spans_of_their_own(method: str) -> None:
    """Spans of any length and direction, one of them 10^4 times another; outputs inside and at the ends of steps."""
    generator = torch.Generator().manual_seed(4)
    matrices = torch.randn(5, 3, 3, dtype=torch.float64, generator=generator)
    y0 = torch.randn(5, 3, dtype=torch.float64, generator=generator)
    spans = times(1e-4, 1, -1, 2, -0.5)
    t = times(0, 7, -3, 1, 100)[:, None] + spans[:, None] * torch.linspace(0, 1, 12, dtype=torch.float64)
    field = CountedField(lambda t, y: torch.einsum("bij,bj->bi", matrices, y))
    solution = solve_per_sample(field, y0, t, method=method, rtol=1e-8, atol=1e-8)
    assert solution.states.shape == (12, 5, 3)  # type: ignore[union-attr]
    for sample in range(5):
        for output in range(12):
            elapsed = float(t[sample, output] - t[sample, 0])
            exact = expm(matrices[sample].numpy() * elapsed) @ y0[sample].numpy()
            np.testing.assert_allclose(states(solution)[output, sample], exact, rtol=3e-6, atol=3e-7)
    assert solution.statistics.nfe == field.nfe


def test_field_sees_the_time_of_each_sample_in_a_shape_that_broadcasts_with_the_state() -> None:
    """``y' = t`` from ``t_0``: the state is ``(t^2 - t_0^2) / 2`` whatever the sample's span."""
    seen = set()

    def field(t: Tensor, y: Tensor) -> Tensor:
        seen.add((t.shape, t.dtype))
        return t.expand_as(y)

    t = torch.tensor([[0.0, 1.0], [5.0, 2.0], [-1.0, 3.0]], dtype=torch.float64)
    for dtype in (torch.float32, torch.float64):
        y0 = torch.zeros(3, 2, 4, dtype=dtype)
        seen.clear()
        end = states(solve_per_sample(field, y0, t, rtol=1e-5, atol=1e-5))[-1]
        assert seen == {((3, 1, 1), dtype)}
        expected = ((t[:, 1] ** 2 - t[:, 0] ** 2) / 2).to(dtype)[:, None, None].expand_as(y0)
        torch.testing.assert_close(end, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.complex128, 1e-8)])
def test_other_dtypes_solve_to_their_precision(dtype: torch.dtype, tolerance: float) -> None:
    """``y' = rate y`` of every sample's own rate, in double-precision time."""
    rates = torch.tensor([-1.0, -30.0, 0.5]).to(dtype)
    if dtype.is_complex:
        rates = rates * torch.tensor(1 + 2j, dtype=dtype)
    y0, t = torch.ones(3, dtype=dtype), torch.linspace(0, 2, 9, dtype=torch.float64)
    found = states(solve_per_sample(lambda t, y: rates * y, y0, t, rtol=tolerance, atol=tolerance))
    assert found.dtype == dtype
    exact = torch.exp(rates.to(torch.complex128) * t[:, None])
    assert float((found.to(torch.complex128) - exact).abs().max()) < 30 * tolerance


def test_tuple_state_is_solved_as_the_same_state_in_one_tensor() -> None:
    """With a norm of one number a sample, that of one tensor; the default is the largest over the parts."""

    def field(t: Tensor, parts: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return rotation(t, parts[0]), -parts[1] * (1 + t**2)

    def joined(t: Tensor, y: Tensor) -> Tensor:
        return torch.cat(field(t, (y[:, :2], y[:, 2:])), dim=1)

    def rms(parts: tuple[Tensor, ...]) -> Tensor:
        return torch.cat(parts, dim=1).square().mean(dim=1).sqrt()

    y0, t = (batch_start(), torch.ones(4, 1, dtype=torch.float64)), times(0, 1, 3)
    one = solve_per_sample(joined, torch.cat(y0, dim=1), t)
    same, largest = (solve_per_sample(field, y0, t, options=options) for options in ({"norm": rms}, {}))
    for solution in (same, largest):
        assert [part.shape for part in solution.states] == [(3, 4, 2), (3, 4, 1)]
        torch.testing.assert_close(torch.cat(tuple(solution.states), dim=-1), states(one), rtol=1e-6, atol=1e-6)
    assert torch.equal(same.statistics.steps_per_sample, one.statistics.steps_per_sample)
    assert bool((largest.statistics.steps_per_sample >= one.statistics.steps_per_sample).all())


def test_samples_out_of_phase_cost_fewer_evaluations_than_under_joint_control() -> None:
    """Van der Pol oscillators reach their fast parts at different times; joint control is slow in all of them."""
    mu = torch.linspace(5, 25, 16, dtype=torch.float64)
    y0 = torch.stack([torch.linspace(-2, 2, 16), torch.zeros(16)], dim=-1).double()
    t = times(0, 20)
    joint = solve(van_der_pol(mu), y0, t, rtol=1e-5, atol=1e-5).statistics
    solution = solve_per_sample(van_der_pol(mu), y0, t, rtol=1e-5, atol=1e-5).statistics
    tried = solution.steps_per_sample
    assert solution.nfe < 0.85 * joint.nfe
    assert int(tried.sum()) < 0.6 * 16 * (joint.accepted + joint.rejected)
    assert solution.fewest_steps == int(tried.min()) < solution.median_steps < solution.most_steps == int(tried.max())
    assert solution.step_spread == pytest.approx(int(tried.max()) / int(tried.min()))
    assert solution.median_steps == pytest.approx(float(np.median(tried.numpy())))


def test_van_der_pol_batch_agrees_with_scipy() -> None:
    y0, t = batch_start(), torch.linspace(0, 6, 13, dtype=torch.float64)
    found = states(solve_per_sample(van_der_pol(times(*MU)), y0, t, rtol=1e-7, atol=1e-9))
    for sample, mu in enumerate(MU):

        def field(_: float, y: np.ndarray, mu: float = mu) -> list[float]:
            return [y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]]

        reference = solve_ivp(field, (0, 6), y0[sample].numpy(), "LSODA", t.numpy(), rtol=1e-11, atol=1e-12).y.T
        np.testing.assert_allclose(found[:, sample], reference, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize(("method", "each", "after"), [("dopri5", 6, 0), ("bosh3", 3, 0), ("dopri8", 12, 1)])
def test_field_is_evaluated_once_a_stage_for_the_whole_batch(method: str, each: int, after: int) -> None:
    """Once for the first slope, once for the size of the first step, and for every stage of a step but its first.

    That is the last of the step before, or else costs one more after each that was accepted.
    """
    field = CountedField(rotation)
    statistics = solve_per_sample(field, batch_start(), times(0, 5), method=method, rtol=1e-5, atol=1e-7).statistics
    tries = statistics.accepted + statistics.rejected
    assert field.nfe == statistics.nfe == 2 + each * tries + after * (statistics.accepted - 1)
    assert statistics.most_steps <= tries


@pytest.mark.parametrize("outputs", [2, 60])
@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("method", ["dopri5", "bosh3", "adaptive_heun"])
def test_host_waits_once_a_step_whatever_the_outputs(method: str, grad: bool, outputs: int) -> None:
    t = torch.linspace(0, 3, outputs, dtype=torch.float64)
    with torch.set_grad_enabled(grad), host_syncs() as waits:
        solution = solve_per_sample(rotation, batch_start(), t, method=method, rtol=1e-3, atol=1e-3)
    statistics = solution.statistics
    tries = statistics.accepted + statistics.rejected
    ending = 0 if explicit_methods()[method].tableau.first_same_as_last else 1
    assert tries > 3
    assert waits.value == statistics.host_syncs == tries + 2 + ending


def test_number_of_operations_a_step_does_not_grow_with_the_batch() -> None:
    def count(size: int) -> float:
        with torch.no_grad(), operations() as work:
            statistics = solve_per_sample(rotation, batch_start(size), times(0, 10), rtol=1e-5, atol=1e-5).statistics
        with torch.no_grad(), operations() as field_work:
            rotation(torch.zeros(size, 1, dtype=torch.float64), batch_start(size))
        return (work.value - field_work.value * statistics.nfe) / (statistics.accepted + statistics.rejected)

    assert count(64) == pytest.approx(count(2), abs=3)
    assert count(64) <= 130


@pytest.mark.parametrize("method", ["dopri5", "bosh3", "adaptive_heun"])
def test_gradients_match_finite_differences_for_state_parameters_and_times(method: str) -> None:
    """With every step accepted at ``max_step``, the discrete solution is a smooth function of them all."""
    options = {"max_step": 0.1, "first_step": 0.1}
    rates = times(0.5, -2.0, 1.0).requires_grad_()
    y0 = times(1.0, 0.3, -0.4).requires_grad_()
    t = torch.tensor([[0.0, 0.13, 0.44], [1.0, 0.91, 0.55], [2.0, 2.25, 2.73]], dtype=torch.float64, requires_grad=True)

    def loss(rates: Tensor, y0: Tensor, t: Tensor) -> Tensor:
        def field(t: Tensor, y: Tensor) -> Tensor:
            return torch.sin(rates * y) + 0.5 * torch.cos(2 * t)

        found = states(solve_per_sample(field, y0, t, method=method, rtol=1e-2, atol=1e-1, options=options))
        return (found * times(1, 2, 3, 4, 5, 6, 7, 8, 9).view(3, 3)).sum()

    assert torch.autograd.gradcheck(loss, (rates, y0, t), eps=1e-6, atol=1e-6, rtol=1e-5)


def test_gradients_through_free_steps_are_those_of_each_sample_alone() -> None:
    """Also where samples reject steps that others accept."""
    t = torch.linspace(0, 4, 6, dtype=torch.float64)
    mu, y0 = times(*MU).requires_grad_(), batch_start().requires_grad_()
    solution = solve_per_sample(van_der_pol(mu), y0, t, rtol=1e-5, atol=1e-5)
    assert int(solution.statistics.rejected_per_sample.sum()) > 0
    found = torch.autograd.grad(states(solution)[1:].square().sum(), (mu, y0))
    for sample in range(4):
        one_mu, one_y0 = (x[sample].detach().requires_grad_() for x in (mu, y0))
        expected, _ = alone(van_der_pol(one_mu), one_y0, t, rtol=1e-5, atol=1e-5)
        one = torch.autograd.grad(expected[1:].square().sum(), (one_mu, one_y0))
        for ours, theirs in zip(found, one, strict=True):
            torch.testing.assert_close(ours[sample], theirs, rtol=1e-6, atol=1e-8)


def test_step_that_is_not_finite_for_one_sample_leaves_no_trace_in_the_gradient() -> None:
    """``y' = -rate sqrt(y)``: a first step of 3 leaves the domain for the first sample alone."""
    rate, y0 = times(1).requires_grad_(), times(0.5, 400)

    def field(t: Tensor, y: Tensor) -> Tensor:
        return -rate * torch.sqrt(y)

    solution = solve_per_sample(
        field, y0, times(0, 1), rtol=1e-8, atol=1e-8, options={"first_step": 3.0, "max_step": 3}
    )
    (found,) = torch.autograd.grad(states(solution)[-1].sum(), rate)
    # y = (sqrt(y0) - rate t / 2)^2
    assert float(found) == pytest.approx(float(-(y0.sqrt() - 0.5).sum()), rel=1e-6)


@pytest.mark.parametrize("grad", [False, True])
def test_singular_samples_are_named_and_the_others_are_solved(grad: bool) -> None:
    """``y' = y^2`` from ``c`` is ``c / (1 - c t)``: infinite at ``1 / c``."""
    y0, t = times(0.1, 2.0, 0.5, 4.0), times(0, 0.2, 0.4, 1)
    with torch.set_grad_enabled(grad), pytest.raises((NonFiniteError, StepUnderflowError)) as caught:
        solve_per_sample(lambda t, y: y**2, y0, t, rtol=1e-6, atol=1e-6)
    assert "in sample 1" in str(caught.value)
    assert "in sample 3" in str(caught.value)
    assert "in sample 0" not in str(caught.value)
    solution = caught.value.solution
    assert isinstance(solution, PerSampleSolution)
    assert solution.statistics.failed_per_sample.tolist() == [False, True, False, True]
    exact = y0 / (1 - y0 * t[:, None])
    known = torch.tensor([[True] * 4, [True] * 4, [True, True, True, False], [True, False, True, False]])
    torch.testing.assert_close(states(solution)[known], exact[known], rtol=1e-4, atol=1e-5)
    assert bool(states(solution)[~known].isnan().all())


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("method", ["dopri5", "adaptive_heun"])
def test_sample_that_is_not_finite_at_the_start_does_not_stop_the_others(value: float, method: str) -> None:
    y0 = times(1, value, 2)
    with pytest.raises(NonFiniteError, match=r"not finite at or just after t = 0 in sample 1$") as caught:
        solve_per_sample(lambda t, y: -y, y0, times(0, 0.5, 1), method=method, rtol=1e-6, atol=1e-6)
    assert caught.value.solution is not None
    found = caught.value.solution.states
    assert isinstance(found, Tensor)
    torch.testing.assert_close(found[-1, [0, 2]], y0[[0, 2]] * math.exp(-1), rtol=1e-5, atol=0)


def test_step_limit_names_the_samples_that_are_not_done() -> None:
    with pytest.raises(StepLimitError, match="sample 3") as caught:
        solve_per_sample(
            van_der_pol(times(*MU)), batch_start(), times(0, 4), rtol=1e-4, atol=1e-5, options={"max_num_steps": 60}
        )
    assert isinstance(caught.value.solution, PerSampleSolution)
    assert caught.value.solution.statistics.failed_per_sample.tolist() == [False, False, False, True]


def test_step_limits_bound_every_sample() -> None:
    options = {"max_step": 0.01}
    t = torch.tensor([[0.0, 0.095], [0.0, -0.495], [0.0, 1.00005]], dtype=torch.float64)
    accepted = solve_per_sample(lambda t, y: -y, torch.ones(3).double(), t, options=options).statistics
    assert accepted.accepted_per_sample.tolist() == [10, 50, 101]

    def fast(t: Tensor, y: Tensor) -> Tensor:
        return 1000 * torch.cos(1000 * t) * torch.ones_like(y)

    forced = solve_per_sample(fast, torch.zeros(2).double(), times(0, 1), options={"min_step": 0.05}).statistics
    assert forced.most_steps <= 20


def test_one_output_time_returns_the_start_without_work() -> None:
    solution = solve_per_sample(rotation, batch_start(), times(3))
    assert torch.equal(states(solution), batch_start()[None])
    assert solution.statistics.nfe == 0
    assert solution.statistics.step_spread == 1


def test_callbacks_that_are_not_called_are_warned_of() -> None:
    class Told(torch.nn.Module):
        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return -y

        def callback_step(self, t0: Tensor, y0: Tensor, dt: Tensor) -> None:
            raise AssertionError("is not called")

    with pytest.warns(UserWarning, match="per-sample step control does not call callback_step"):
        solve_per_sample(Told(), batch_start(), times(0, 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y0": torch.ones(())}, "the batch as their first"),
        ({"y0": torch.ones(0, 2)}, "the batch is empty"),
        ({"y0": (torch.ones(3, 2), torch.ones(2, 2))}, "the batch as their first"),
        ({"y0": (torch.ones(3, 2), torch.ones(3))}, "one number of dimensions"),
        ({"t": torch.zeros(3, 2)}, r"shape \[outputs\] or \[4, outputs\]"),
        ({"t": torch.tensor([[0.0, 1.0]] * 3 + [[1.0, 1.0]])}, "sample 3"),
        ({"t": torch.tensor([[0.0, math.nan]] * 4)}, "sample 0"),
        ({"t": times(0, 1, 0.5)}, "strictly increasing"),
        ({"method": "rk4"}, "embedded solution"),
        ({"options": {"jump_t": [0.5]}}, "does not take the option jump_t"),
        ({"options": {"nrom": None}}, "unknown option 'nrom'"),
        ({"options": {"norm": torch.linalg.vector_norm}}, "one number a sample"),
        ({"atol": 0.0, "y0": torch.zeros(4, 2)}, "atol is positive"),
        ({"rtol": -1.0}, "rtol"),
    ],
)
def test_bad_problems_are_refused_with_one_clear_sentence(arguments: dict[str, object], message: str) -> None:
    given: dict[str, object] = {"y0": batch_start(), "t": times(0, 1), **arguments}
    y0, t = given.pop("y0"), given.pop("t")
    with pytest.raises(InvalidProblemError, match=message):
        solve_per_sample(lambda t, y: y, y0, t, **given)  # type: ignore[arg-type]
