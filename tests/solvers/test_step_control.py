"""Step sizes: the controllers' formula, the limits, and times at which steps must end or the field jumps."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from suite.solvers import CountedField, Solution, explicit_methods, solve
from suite.solvers.error_norm import ErrorScale, MixedNorm, rms_norm
from suite.solvers.initial_step import initial_step
from suite.solvers.runge_kutta import Step
from suite.solvers.step_control import StepController
from tests.solvers.problems import times, toda, toda_start


def step_ends(solution: Solution) -> list[float]:
    assert solution.interpolant is not None
    return solution.interpolant.ends


def step_sizes(solution: Solution) -> list[float]:
    return [abs(after - before) for before, after in itertools.pairwise(step_ends(solution))]


def fast(t: Tensor, y: Tensor) -> Tensor:
    """``y = sin(1000 t)``: much faster than any step of 0.01."""
    return 1000 * torch.cos(1000 * t) * torch.ones_like(y)


def test_integral_controller_multiplies_by_safety_over_the_root_of_the_error() -> None:
    control = StepController(order=5)
    assert control.factor(2.0, 1.0) == pytest.approx(0.9 / 2 ** (1 / 5))
    assert control.factor(1e-3, 1.0) == pytest.approx(0.9 * 1e3 ** (1 / 5))
    assert control.factor(0.0, 1.0) == control.factor(1e-30, 1.0) == 10.0
    assert control.factor(1e30, 1.0) == control.factor(math.nan, 1.0) == control.factor(math.inf, 1.0) == 0.2
    assert control.factor(0.99, 1.0) == 1.0, "an accepted step is followed by one at least as long"


def test_proportional_integral_controller_weighs_the_error_before() -> None:
    control = StepController(order=5, beta=0.04)
    alpha = 1 / 5 - 0.75 * 0.04
    assert control.factor(1e-2, 1e-2) == pytest.approx(0.9 * 1e-2 ** (0.04 - alpha))
    assert control.factor(1e-2, 1e-4) < control.factor(1e-2, 1.0), "an error that grows calls for caution"


@pytest.mark.parametrize("beta", [0.0, 0.04, 0.1])
@pytest.mark.parametrize("previous", [1e-4, 1.0, 1e6])
def test_step_with_too_large_an_error_is_always_followed_by_a_shorter_one(beta: float, previous: float) -> None:
    control = StepController(order=5, beta=beta, safety=1.0)
    assert all(control.factor(error, previous) < 1 for error in (1.001, 1.1, 10.0, 1e6))


@pytest.mark.parametrize("beta", [0.0, 0.04, 0.1])
def test_every_step_is_the_one_before_times_the_controllers_factor(beta: float) -> None:
    """Errors are embedded ones: the root mean square of ``h e / (atol + rtol max(|y0|, |y1|))``."""
    options = {"beta": beta, "first_step": 1e-2}
    solution = solve(toda, toda_start(), times(0, 1), rtol=1e-6, atol=1e-8, options=options, dense=True)
    assert solution.statistics.rejected == 0
    assert solution.interpolant is not None
    sizes, steps = step_sizes(solution), [step for step in solution.interpolant.steps if isinstance(step, Step)]
    weights = torch.tensor(explicit_methods()["dopri5"].tableau.error_weights)
    errors = [
        float((size * step.stages @ weights / (1e-8 + 1e-6 * torch.maximum(step.y0.abs(), step.y1.abs()))).norm())
        / math.sqrt(2)
        for size, step in zip(sizes, steps, strict=True)
    ]
    control = StepController(order=5, beta=beta)
    factors = [control.factor(error, max(before, 1e-4)) for before, error in itertools.pairwise([1.0, *errors[:-2]])]
    assert [after / before for before, after in itertools.pairwise(sizes[:-1])] == pytest.approx(factors, rel=1e-6)


@pytest.mark.parametrize("rate", [-3.0, 1e3, 1e-2])
@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("order", [2, 5])
def test_first_step_follows_from_the_sizes_of_state_slope_and_curvature(
    rate: float, direction: int, order: int
) -> None:
    """Hairer, Norsett and Wanner I, section II.4, for ``y' = rate y, y(0) = 2``, where all three are known."""
    tolerance = 1e-6 + 1e-3 * 2
    size, slope, curvature = (abs(rate) ** k * 2 / tolerance for k in (0, 1, 2))
    expected = min(100 * 0.01 * size / slope, (0.01 / max(slope, curvature)) ** (1 / (order + 1)))
    scale = ErrorScale(rtol=1e-3, atol=1e-6, norm=rms_norm, entries=1)
    found = initial_step(lambda t, y: rate * y, 0.0, direction, times(2), rate * times(2), order, scale)
    assert found == pytest.approx(expected, rel=1e-9)


def test_norm_of_a_tuple_state_is_the_largest_root_mean_square_of_its_parts() -> None:
    flat = times(3, 4, 1, 1, 1, -1)
    assert MixedNorm((2, 4))(flat).item() == pytest.approx(math.sqrt(25 / 2))
    assert MixedNorm((1, 5))(flat).item() == pytest.approx(3)
    assert MixedNorm((0, 6))(flat).item() == pytest.approx(math.sqrt(29 / 6)) == rms_norm(flat).item()
    assert MixedNorm((1, 1))(times(3, 4) + 4j).item() == pytest.approx(math.sqrt(32))


def test_proportional_integral_control_rejects_fewer_steps_where_stability_bounds_them() -> None:
    """Hairer, Norsett and Wanner II, section IV.2: on a stiff decay the I controller oscillates about the bound."""

    def stiff(t: Tensor, y: Tensor) -> Tensor:
        return -500 * (y - torch.cos(t))

    def run(beta: float) -> Solution:
        return solve(stiff, times(0), times(0, 2), rtol=1e-4, atol=1e-4, options={"beta": beta})

    integral, proportional = run(0.0), run(0.08)
    assert proportional.statistics.rejected < integral.statistics.rejected / 2
    for solution in (integral, proportional):
        assert isinstance(solution.states, Tensor)
        # y = (500^2 cos t + 500 sin t) / (500^2 + 1) once the transient has gone.
        exact = (500**2 * math.cos(2) + 500 * math.sin(2)) / (500**2 + 1)
        assert float(solution.states[-1]) == pytest.approx(exact, abs=1e-3)


@pytest.mark.parametrize("direction", [1, -1])
def test_no_step_is_longer_than_max_step(direction: int) -> None:
    # 1.00005 leaves less than a hundredth of a step behind the hundredth step.
    solution = solve(lambda t, y: -y, times(1), times(0, 1.00005 * direction), options={"max_step": 0.01}, dense=True)
    assert max(step_sizes(solution)) <= 0.01 * (1 + 1e-12)
    assert solution.statistics.accepted == 101


def test_steps_of_min_step_are_accepted_whatever_their_error() -> None:
    solution = solve(fast, times(0), times(0, 1), options={"min_step": 0.05}, dense=True)
    assert min(step_sizes(solution)) >= 0.05 * (1 - 1e-12)
    assert solution.statistics.accepted <= 20
    without = solve(fast, times(0), times(0, 1))
    assert without.statistics.accepted > 1000


@pytest.mark.parametrize("end", [0.1005, 0.15, 0.02, 1.0])
def test_min_step_is_accepted_where_an_output_cuts_or_stretches_it(end: float) -> None:
    solution = solve(fast, times(0), times(0, end), options={"min_step": 0.1, "max_num_steps": 100})
    assert solution.statistics.accepted <= end / 0.1 + 1


def test_first_step_is_taken_as_given_and_saves_the_search() -> None:
    free = solve(toda, toda_start(), times(0, 1), dense=True)
    given = solve(toda, toda_start(), times(0, 1), options={"first_step": 1e-3}, dense=True)
    assert step_sizes(given)[0] == 1e-3
    assert step_sizes(free)[0] != 1e-3
    # The search costs one evaluation; a dopri5 step six, besides the first of all.
    for solution, search in ((free, 1), (given, 0)):
        tried = solution.statistics.accepted + solution.statistics.rejected
        assert solution.statistics.nfe == 1 + search + 6 * tried


def test_safety_and_growth_limits_bound_every_step_by_the_one_before() -> None:
    options = {"first_step": 1e-6, "ifactor": 1.5}
    sizes = step_sizes(solve(toda, toda_start(), times(0, 1), options=options, dense=True))
    ratios = [after / before for before, after in itertools.pairwise(sizes)]
    assert max(ratios) == pytest.approx(1.5, abs=1e-9)
    careful = solve(toda, toda_start(), times(0, 3), options={"safety": 0.5}).statistics
    usual = solve(toda, toda_start(), times(0, 3)).statistics
    assert careful.accepted > 1.5 * usual.accepted
    assert careful.rejected == 0


@pytest.mark.parametrize(("direction", "wrap"), [(1, list), (-1, list), (1, torch.tensor)])
def test_steps_end_on_every_time_of_step_t_inside_the_span(direction: int, wrap: type) -> None:
    step_t = wrap([direction * x for x in (0.7, 0.25, 9.0, -3.0, 0.5)])
    solution = solve(toda, toda_start(), times(0, direction), options={"step_t": step_t}, dense=True)
    ends = step_ends(solution)
    assert {float(x) for x in step_t} & set(ends) == {float(x) for x in step_t if 0 < direction * float(x) < 1}


@pytest.mark.parametrize("method", ["dopri5", "tsit5", "bosh3", "dopri8"])
@pytest.mark.parametrize("direction", [1, -1])
def test_jump_t_makes_a_discontinuous_field_cheap_and_exact(method: str, direction: int) -> None:
    """``y' = 1 - 3 [t > 1/3]`` has steps of any size without error, if none straddles the jump."""
    jump = 1 / 3

    def field(t: Tensor, y: Tensor) -> Tensor:
        return torch.where(t > jump, -2.0, 1.0) * torch.ones_like(y)

    start, end = (0.0, 1.0) if direction == 1 else (1.0, 0.0)
    exact = direction * (jump - 2 * (1 - jump))

    def run(**options: object) -> tuple[float, int]:
        solution = solve(field, times(0), times(start, end), method=method, options=options)
        assert isinstance(solution.states, Tensor)
        return float(solution.states[-1]), solution.statistics.nfe

    across, nfe_across = run()
    landed, nfe_landed = run(jump_t=[jump])
    assert across == pytest.approx(exact, abs=1e-4)
    assert landed == pytest.approx(exact, abs=1e-14)
    assert nfe_landed < nfe_across / 3


def test_jump_at_the_first_time_is_seen_from_inside_the_span() -> None:
    """Going back from the jump, the field that counts is the one before it."""

    def field(t: Tensor, y: Tensor) -> Tensor:
        return torch.where(t < 1, 1.0, 100.0) * torch.ones_like(y)

    solution = solve(field, times(1), times(1, 0), options={"jump_t": [1.0]})
    assert isinstance(solution.states, Tensor)
    assert float(solution.states[-1]) == pytest.approx(0, abs=1e-14)
    assert solution.statistics.rejected == 0


def test_options_left_at_none_are_the_defaults() -> None:
    options = {"step_t": None, "jump_t": None, "first_step": None, "norm": None, "dtype": torch.float64}
    assert solve(toda, toda_start(), times(0, 1), options=options).statistics == (
        solve(toda, toda_start(), times(0, 1)).statistics
    )


@pytest.mark.parametrize("method", ["adaptive_heun", "bosh3", "dopri5", "dopri8", "rk4", "euler"])
@pytest.mark.parametrize("outputs", [2, 30])
def test_nfe_of_the_solution_is_what_a_counting_field_counts(method: str, outputs: int) -> None:
    field = CountedField(toda)
    t = torch.linspace(0, 3, outputs, dtype=torch.float64)
    solution = solve(field, toda_start(), t, method=method, rtol=1e-4, atol=1e-4)
    assert field.nfe == solution.statistics.nfe > 0
    field.reset()
    assert field.nfe == 0


def test_rejected_steps_are_those_that_were_tried_and_not_kept() -> None:
    solution = solve(toda, toda_start(), times(0, 10), rtol=1e-6, atol=1e-6, dense=True)
    statistics = solution.statistics
    assert statistics.accepted == len(step_sizes(solution))
    assert statistics.rejected > 0
    assert statistics.nfe == 2 + 6 * (statistics.accepted + statistics.rejected)


def test_outputs_inside_steps_change_neither_steps_nor_nfe_of_first_same_as_last_methods() -> None:
    few = solve(toda, toda_start(), times(0, 3))
    many = solve(toda, toda_start(), torch.linspace(0, 3, 301, dtype=torch.float64))
    assert few.statistics == many.statistics
    assert isinstance(few.states, Tensor)
    assert isinstance(many.states, Tensor)
    assert torch.equal(few.states[-1], many.states[-1])
