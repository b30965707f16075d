"""Hypersolvers: the base solver without a correction, exact with the true one, counted and differentiated."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from suite.gradients import Adjoint, Checkpointed
from suite.harness.meters import macs
from suite.solvers import InvalidProblemError, alpha_family, explicit_methods, odeint, solve
from suite.solvers.hyper import (
    Hypersolver,
    InputForm,
    StepInputs,
)
from tests.solvers.hypersolvers import HYPER_HEUN, forced, nothing, small, start, state_of
from tests.solvers.problems import slope, times, toda, toda_reference, toda_start

EXPLICIT = explicit_methods()


class Field(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.matrix = nn.Parameter(torch.randn(3, 3, dtype=torch.float64) / 2)

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        return torch.tanh(y @ self.matrix) + torch.cos(t)


@pytest.mark.parametrize("base", EXPLICIT)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.complex128])
@pytest.mark.parametrize("taped", [False, True])
def test_without_correction_the_steps_are_those_of_the_base_bit_for_bit(
    base: str, dtype: torch.dtype, taped: bool
) -> None:
    """On a grid whose points are rounded, of a field that reads the time, with a shorter last step, backwards too."""
    hypersolver = Hypersolver(base, nothing)
    y0 = start(dtype).requires_grad_(taped)
    for at in (times(0, 0.31, 1.0), times(1.0, 0.2)):
        found, wanted = (
            solve(forced, y0, at, method=method, options={"step_size": 0.093}).states
            for method in (hypersolver, hypersolver.base)
        )
        assert isinstance(found, Tensor)
        assert isinstance(wanted, Tensor)
        assert torch.equal(found, wanted)


@pytest.mark.parametrize("entries", [12, 3 * 16384])
def test_without_correction_large_and_small_states_are_those_of_the_base(entries: int) -> None:
    """The base sums its stages in two ways, by the size of the state."""
    hypersolver = Hypersolver("dopri5", nothing)
    y0 = start(entries=entries)
    assert torch.equal(state_of(hypersolver, forced, y0, 0, 0.1, 0.3), state_of_base(hypersolver, y0))


def state_of_base(hypersolver: Hypersolver, y0: Tensor) -> Tensor:
    states = solve(forced, y0, times(0, 0.1, 0.3), method=hypersolver.base).states
    assert isinstance(states, Tensor)
    return states


def test_base_solver_perturbed_inside_steps_is_followed_too() -> None:
    hypersolver = Hypersolver("bosh3", nothing)
    found, wanted = (
        solve(forced, start(), times(0, 1), method=method, options={"step_size": 0.1, "perturb": True}).states
        for method in (hypersolver, hypersolver.base)
    )
    assert isinstance(found, Tensor)
    assert isinstance(wanted, Tensor)
    assert torch.equal(found, wanted)


@pytest.mark.parametrize("base", EXPLICIT)
def test_a_step_evaluates_the_field_once_for_each_stage_and_shares_it_with_the_correction(base: str) -> None:
    seen: list[int] = []

    def correction(inputs: StepInputs) -> Tensor:
        seen.append(len(inputs.stages))
        # The first stage is the field at the start, from an evaluation that has been paid for.
        assert isinstance(inputs.state, Tensor)
        torch.testing.assert_close(inputs.stages[0], toda(times(0), inputs.state), rtol=1e-12, atol=1e-12)
        return torch.zeros_like(inputs.state)

    hypersolver = Hypersolver(base, correction)
    solution = solve(toda, toda_start(), times(0, 1), method=hypersolver, options={"step_size": 0.1})
    stages = hypersolver.tableau.stages
    assert seen == [stages] * 10
    assert (solution.statistics.nfe, solution.statistics.accepted) == (10 * stages, 10)


def test_step_is_the_base_step_plus_the_correction_times_a_power_of_the_step() -> None:
    """Against the formula of section 3, written out for the midpoint method."""
    for size in (0.3, -0.3):
        y = start()
        k1 = forced(times(0.0)[0], y)
        k2 = forced(times(size / 2)[0], y + size / 2 * k1)
        wanted = y + size * k2 + size**3 * (k1 * k2 + size * y)
        found = state_of(Hypersolver("midpoint", _product), forced, y, 0, size)[-1]
        torch.testing.assert_close(found, wanted, rtol=1e-14, atol=1e-14)


def _product(inputs: StepInputs) -> Tensor:
    k1, k2 = inputs.stages
    assert isinstance(k1, Tensor)
    assert isinstance(k2, Tensor)
    assert isinstance(inputs.state, Tensor)
    return k1 * k2 + inputs.step * inputs.state


def test_correction_of_eulers_local_error_is_exact_for_a_decay() -> None:
    """``y' = -y``: the residual is ``(exp(-eps) - 1 + eps) / eps^2`` times the state."""

    def oracle(inputs: StepInputs) -> Tensor:
        assert isinstance(inputs.state, Tensor)
        step = torch.as_tensor(inputs.step, dtype=torch.float64)
        return (torch.expm1(-step) + step) / step**2 * inputs.state

    hypersolver = Hypersolver("euler", oracle)
    found = state_of(hypersolver, lambda t, y: -y, start(), *torch.linspace(0, 2, 8).tolist())
    torch.testing.assert_close(found[-1], start() * torch.exp(times(-2.0)), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(("base", "order"), [("euler", 1), ("heun2", 2), ("heun3", 3), ("rk4_classic", 4)])
def test_global_order_with_a_correction_that_is_not_exact_is_that_of_the_base(base: str, order: int) -> None:
    def correction(inputs: StepInputs) -> Tensor:
        assert isinstance(inputs.state, Tensor)
        return torch.cos(inputs.state)

    counts = [round(60 * 1.25**i) for i in range(9)]
    errors = []
    for count in counts:
        at = torch.linspace(0, 1, count + 1, dtype=torch.float64)
        states = solve(toda, toda_start(), at, method=Hypersolver(base, correction)).states
        assert isinstance(states, Tensor)
        errors.append(float((states[-1] - toda_reference(1.0)).abs().max()))
    assert slope([1 / count for count in counts], errors, 1e-12, 1e-1) == pytest.approx(order, abs=0.15)


def test_gradients_of_state_field_and_correction_match_finite_differences() -> None:
    field = Field()
    hypersolver = Hypersolver("heun2", small(3, 2, HYPER_HEUN))
    correction = hypersolver.correction
    assert isinstance(correction, nn.Module)
    y0 = start().requires_grad_()
    parameters = [y0, *field.parameters(), *correction.parameters()]

    def loss() -> Tensor:
        return state_of(hypersolver, field, y0, 0, 0.2, 0.4, 0.6)[-1].square().sum()

    gradients = torch.autograd.grad(loss(), parameters)
    generator = torch.Generator().manual_seed(7)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        direction = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        values = []
        with torch.no_grad():
            for sign in (1, -2, 1):
                parameter.add_(sign * 1e-5 * direction)
                values.append(float(loss()))
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(float((gradient * direction).sum()), rel=1e-6, abs=1e-8)


def test_gradients_of_output_times_match_finite_differences() -> None:
    hypersolver = Hypersolver("midpoint", small(3, 2, InputForm(("state", "k2", "step", "time"))))

    def end(t: Tensor) -> Tensor:
        states = solve(forced, start(), t, method=hypersolver).states
        assert isinstance(states, Tensor)
        return states[-1].sum()

    t = times(0, 0.3, 0.7).requires_grad_()
    (gradient,) = torch.autograd.grad(end(t), t)
    for index in range(3):
        shift = torch.zeros(3, dtype=torch.float64)
        shift[index] = 1e-6
        difference = (end(t.detach() + shift) - end(t.detach() - shift)) / 2e-6
        torch.testing.assert_close(gradient[index], difference, rtol=1e-6, atol=1e-7)


def test_an_adjoint_of_another_method_takes_the_corrected_forward_solve() -> None:
    """Close to the gradient through the steps where the correction is small, and with none for the correction."""
    field = Field()

    def correction(inputs: StepInputs) -> Tensor:
        assert isinstance(inputs.state, Tensor)
        return 1e-6 * inputs.state

    y0 = start().requires_grad_()
    at = torch.linspace(0, 1, 65, dtype=torch.float64)
    gradients = []
    for gradient in (None, Adjoint(method="rk4")):
        states = solve(field, y0, at, method=Hypersolver("rk4", correction), gradient=gradient).states
        assert isinstance(states, Tensor)
        gradients.append(torch.autograd.grad(states[-1].square().sum(), [y0, *field.parameters()]))
    for direct, adjoint in zip(*gradients, strict=True):
        torch.testing.assert_close(adjoint, direct, rtol=1e-6, atol=1e-6)


def test_a_reverse_solve_by_the_hypersolver_itself_is_refused_in_words() -> None:
    hypersolver = Hypersolver("heun2", small(3, 2, HYPER_HEUN))
    states = solve(Field(), start().requires_grad_(), times(0, 1), method=hypersolver, gradient=Adjoint()).states
    assert isinstance(states, Tensor)
    with pytest.raises(InvalidProblemError, match="an adjoint needs a method of its own"):
        states.sum().backward()
    with pytest.raises(
        InvalidProblemError, match="Checkpointed takes an explicit Runge-Kutta method, not 'hyper-heun2'"
    ):
        solve(Field(), start(), times(0, 1), method=hypersolver, gradient=Checkpointed())


def test_a_tuple_state_is_seen_and_corrected_as_a_tuple() -> None:
    """A correction for each part gives what a correction of the joined state gives."""

    def field(t: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        y, q = state
        return forced(t, y), y.sum(dim=1) - q

    def correction(inputs: StepInputs) -> tuple[Tensor, Tensor]:
        y, q = inputs.state
        (k1, _), (_, l2) = inputs.stages
        return k1 * y, l2 * q + inputs.initial[1]

    y0, q0 = start(), torch.ones(4, dtype=torch.float64)
    solution = solve(field, (y0, q0), times(0, 0.2, 0.5), method=Hypersolver("heun2", correction))
    y, q = y0, q0
    for t, h in ((0.0, 0.2), (0.2, 0.3)):
        k1, l1 = field(times(t)[0], (y, q))
        k2, l2 = field(times(t + h)[0], (y + h * k1, q + h * l1))
        y, q = y + h / 2 * (k1 + k2) + h**3 * k1 * y, q + h / 2 * (l1 + l2) + h**3 * (l2 * q + q0)
    torch.testing.assert_close(solution.states[0][-1], y, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(solution.states[1][-1], q, rtol=1e-13, atol=1e-13)


def test_operations_of_the_correction_are_counted_by_the_meter() -> None:
    correction = small(3, 2, HYPER_HEUN)
    with macs() as reading, torch.no_grad():
        state_of(Hypersolver("heun2", correction), forced, start(), 0, 0.1, 0.2)
    assert reading.value == 2 * 4 * (13 * 5 + 5 * 3)


def test_dense_output_and_events_follow_the_corrected_solution() -> None:
    def correction(inputs: StepInputs) -> Tensor:
        assert isinstance(inputs.state, Tensor)
        step = torch.as_tensor(inputs.step, dtype=torch.float64)
        return (torch.expm1(-step) + step) / step**2 * inputs.state

    hypersolver = Hypersolver("euler", correction)
    y0 = times(1.0)
    solution = solve(lambda t, y: -y, y0, times(0, 1), method=hypersolver, options={"step_size": 0.1}, dense=True)
    assert solution.interpolant is not None
    inside = solution.interpolant(0.55)
    assert isinstance(inside, Tensor)
    torch.testing.assert_close(inside, torch.exp(times(-0.55)), rtol=1e-6, atol=0)
    # Ten evaluations in all and the field at the last end.
    assert solution.statistics.nfe == 11
    event = solve(
        lambda t, y: -y, y0, times(0, 1), method=hypersolver, options={"step_size": 0.1, "interp": "cubic"},
        event_fn=lambda t, y: y - 0.5,
    )  # fmt: skip
    assert float(event.times[1]) == pytest.approx(torch.log(torch.tensor(2.0)).item(), abs=1e-6)


def test_a_hypersolver_is_named_after_its_base_and_has_its_order() -> None:
    assert (Hypersolver("rk4", nothing).name, Hypersolver("rk4", nothing).order) == ("hyper-rk4", 4)
    family = Hypersolver(alpha_family(2 / 3), nothing)
    assert (family.name, family.order, family.tableau.stages) == ("hyper-custom", 2, 2)
    assert isinstance(odeint(forced, start(), times(0, 1), method=family), Tensor)
