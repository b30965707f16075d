"""Fixed grids: the steps they take, what they cost, and the outputs between grid points."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from suite.solvers import CountedField, InvalidProblemError, Solution, odeint, solve
from tests.solvers.problems import times, toda, toda_start


def ends(solution: Solution) -> list[float]:
    assert solution.interpolant is not None
    return solution.interpolant.ends


def grid(t: Tensor, **options: object) -> list[float]:
    return ends(solve(lambda t, y: -y, torch.ones(1, dtype=t.dtype), t, method="euler", options=options, dense=True))


def test_grid_is_the_output_times_by_default() -> None:
    assert grid(times(0, 0.1, 0.7, 1)) == [0, 0.1, 0.7, 1]


@pytest.mark.parametrize("direction", [1, -1])
def test_step_size_makes_equal_steps_and_a_shorter_last_one(direction: int) -> None:
    made = grid(direction * times(0, 1), step_size=0.3)
    assert made == pytest.approx([direction * x for x in (0, 0.3, 0.6, 0.9, 1)])
    assert grid(direction * times(0, 1), step_size=5.0) == [0, direction]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("step_size", [0.1, 0.01, 1 / 3, 0.7])
@pytest.mark.parametrize("start", [0.0, -5.0, 3.7])
@pytest.mark.parametrize("count", [1, 3, 7, 100])
def test_whole_number_of_steps_gets_no_sliver_from_rounding(
    dtype: torch.dtype, step_size: float, start: float, count: int
) -> None:
    t = torch.tensor([start, start + count * step_size], dtype=dtype)
    made = grid(t, step_size=step_size)
    assert len(made) == count + 1
    assert (made[0], made[-1]) == tuple(t.tolist())


@pytest.mark.parametrize(("method", "cost"), [("euler", 1), ("midpoint", 2), ("heun3", 3), ("rk4", 4)])
def test_fixed_steps_cost_their_stages_and_nothing_else(method: str, cost: int) -> None:
    solution = solve(toda, toda_start(), times(0, 1, 2), method=method, options={"step_size": 0.125})
    assert (solution.statistics.nfe, solution.statistics.accepted) == (16 * cost, 16)


@pytest.mark.parametrize("method", ["bosh3", "dopri5", "tsit5"])
def test_first_same_as_last_saves_a_stage_at_fixed_steps_too(method: str) -> None:
    solution = solve(toda, toda_start(), times(0, 2), method=method, options={"step_size": 0.125, "adaptive": False})
    assert solution.statistics.nfe == 1 + 16 * {"bosh3": 3, "dopri5": 6, "tsit5": 6}[method]


def test_one_step_of_euler_and_of_the_three_eighths_rule_by_hand() -> None:
    y, h = toda_start(), 0.3
    euler = odeint(toda, y, times(0, h), method="euler")
    assert isinstance(euler, Tensor)
    torch.testing.assert_close(euler[-1], y + h * toda(times(0), y))

    def growth(t: Tensor, y: Tensor) -> Tensor:
        return y

    rk4 = odeint(growth, times(1), times(0, h), method="rk4")
    assert isinstance(rk4, Tensor)
    assert float(rk4[-1]) == pytest.approx(1 + h + h**2 / 2 + h**3 / 6 + h**4 / 24, abs=1e-15)


def test_stage_times_of_the_three_eighths_rule_are_its_nodes() -> None:
    seen: list[float] = []

    def field(t: Tensor, y: Tensor) -> Tensor:
        seen.append(float(t))
        return -y

    odeint(field, times(1), times(1, 2.5), method="rk4")
    assert seen == pytest.approx([1, 1.5, 2, 2.5])


def test_outputs_between_grid_points_are_linear_or_by_the_continuous_extension() -> None:
    t, options = times(0, 0.26, 0.4, 1.1, 2), {"step_size": 0.25}
    points = odeint(toda, toda_start(), times(*(0.25 * i for i in range(9))), method="rk4")
    linear = odeint(toda, toda_start(), t, method="rk4", options=options)
    cubic = solve(toda, toda_start(), t, method="rk4", options=options | {"interp": "cubic"}, dense=True)
    assert isinstance(points, Tensor)
    assert isinstance(linear, Tensor)
    assert isinstance(cubic.states, Tensor)
    for index, time in enumerate(t.tolist()[:-1]):
        left = int(time / 0.25)
        between = points[left] + (time / 0.25 - left) * (points[left + 1] - points[left])
        torch.testing.assert_close(linear[index], between, rtol=0, atol=1e-13)
        assert cubic.interpolant is not None
        torch.testing.assert_close(cubic.states[index], cubic.interpolant(time), rtol=0, atol=1e-13)
    assert torch.equal(linear[-1], points[-1])
    assert torch.equal(cubic.states[-1], points[-1])


def test_cubic_outputs_cost_one_evaluation_more_in_all() -> None:
    field, options = CountedField(toda), {"step_size": 0.25, "interp": "cubic"}
    solve(field, toda_start(), torch.linspace(0, 2, 31, dtype=torch.float64), method="rk4", options=options)
    assert field.nfe == 8 * 4 + 1


def test_grid_constructor_makes_the_grid() -> None:
    def quadratic(field: object, y0: Tensor, t: Tensor) -> Tensor:
        assert y0.shape == (2,)
        return t[0] + (t[-1] - t[0]) * torch.linspace(0, 1, 5, dtype=t.dtype) ** 2

    options = {"grid_constructor": quadratic}
    made = solve(toda, toda_start(), times(1, 2, 3), method="rk4", options=options, dense=True)
    assert ends(made) == pytest.approx([1, 1.125, 1.5, 2.125, 3])
    explicit = odeint(toda, toda_start(), times(1, 1.125, 1.5, 2.125, 3), method="rk4")
    assert isinstance(made.states, Tensor)
    assert isinstance(explicit, Tensor)
    assert torch.equal(made.states[-1], explicit[-1])


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ([0.0, 0.5, 0.9], "grid from 0 to 0.9; it has to run from the first to the last output time, 0 to 1"),
        ([0.1, 0.5, 1.0], r"grid from 0\.1 to 1;"),
        ([0.0, 0.5, 0.5, 1.0], "the times of grid_constructor must be strictly .* 0.5 follows 0.5"),
        ([0.0, math.nan, 1.0], "the times of grid_constructor must be finite, but include nan"),
    ],
)
def test_grid_that_does_not_fit_the_outputs_is_refused(made: list[float], words: str) -> None:
    with pytest.raises(InvalidProblemError, match=words):
        grid(times(0, 1), grid_constructor=lambda field, y0, t: times(*made))


def test_grid_constructor_that_returns_no_tensor_is_refused() -> None:
    with pytest.raises(InvalidProblemError, match="the times of grid_constructor are a tensor, not list"):
        grid(times(0, 1), grid_constructor=lambda field, y0, t: [0.0, 1.0])
