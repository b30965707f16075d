"""Reversible methods: of second order, one evaluation a step, and undone exactly."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from suite.solvers import METHODS, solve
from suite.solvers.reversible import ReversibleMethod
from tests.solvers.problems import slope, times, toda, toda_reference, toda_start

REVERSIBLE = {name: method for name, method in METHODS.items() if isinstance(method, ReversibleMethod)}
COUNTS = [round(60 * 1.25**i) for i in range(9)]


def state(field: object, *at: float, method: str, **options: object) -> Tensor:
    states = solve(toda, toda_start(), times(*at), method=method, options=options).states
    assert isinstance(states, Tensor)
    return states


def forced(t: Tensor, y: Tensor) -> Tensor:
    """A rotation that is driven: it neither contracts nor expands."""
    return y.roll(1, -1) - y.roll(-1, -1) + torch.sin(3 * t)


def test_both_reversible_methods_are_registered() -> None:
    assert set(REVERSIBLE) == {"reversible_heun", "asynchronous_leapfrog"}


@pytest.mark.parametrize("method", REVERSIBLE)
@pytest.mark.parametrize("direction", [1, -1])
def test_global_error_slope_is_two(method: str, direction: int) -> None:
    errors = []
    for count in COUNTS:
        end = state(toda, 0, direction, method=method, step_size=1 / count)[-1]
        # The Toda oscillator is symmetric in time: from rest, it runs backwards as it does forwards.
        mirrored = end * torch.tensor([1.0, direction], dtype=torch.float64)
        errors.append(float((mirrored - toda_reference(1.0)).abs().max()))
    assert slope([1 / count for count in COUNTS], errors, 1e-11, 1e-3) == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("method", REVERSIBLE)
def test_error_inside_steps_has_slope_two(method: str) -> None:
    errors = []
    for count in COUNTS:
        inside = (count // 2 + 0.4) / count
        found = state(toda, 0, inside, 1, method=method, step_size=1 / count, interp="cubic")[1]
        errors.append(float((found - toda_reference(inside)).abs().max()))
    assert slope([1 / count for count in COUNTS], errors, 1e-11, 1e-3) == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize(("method", "other"), [("reversible_heun", "heun2"), ("asynchronous_leapfrog", "midpoint")])
def test_first_step_is_that_of_a_known_method_of_second_order(method: str, other: str) -> None:
    torch.testing.assert_close(state(toda, 0, 0.3, method=method), state(toda, 0, 0.3, method=other))


@pytest.mark.parametrize("method", REVERSIBLE)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("size", [0.1, -0.1])
def test_steps_are_undone_to_rounding(method: str, dtype: torch.dtype, size: float) -> None:
    """A thousand steps there and back: what they carried at the start comes back."""
    chosen = REVERSIBLE[method]
    y0 = torch.randn(4, 3, dtype=dtype, generator=torch.Generator().manual_seed(2))
    start = carried = chosen.begin(forced, 0.0, y0)
    for index in range(1000):
        carried = chosen.advance(forced, size * index, size, carried)
    assert (carried[0] - y0).abs().max() > 0.1
    for index in reversed(range(1000)):
        carried = chosen.retreat(forced, size * index, size, carried)
    for found, true in zip(carried, start, strict=True):
        torch.testing.assert_close(found, true, rtol=0, atol=1e-11)


@pytest.mark.parametrize("method", REVERSIBLE)
def test_a_step_costs_one_evaluation(method: str) -> None:
    solution = solve(toda, toda_start(), times(0, 1), method=method, options={"step_size": 0.1})
    assert (solution.statistics.accepted, solution.statistics.nfe) == (10, 11)


@pytest.mark.parametrize("method", REVERSIBLE)
def test_outputs_between_grid_points_cost_no_evaluation(method: str) -> None:
    options = {"step_size": 0.1, "interp": "cubic"}
    assert solve(toda, toda_start(), times(0, 0.45, 1), method=method, options=options).statistics.nfe == 11
