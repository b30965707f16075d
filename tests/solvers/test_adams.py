"""Adams methods: their order on equal and unequal grids, their weights, their gradients."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
import torchdiffeq
from scipy.linalg import expm
from torch import Tensor

from suite.solvers import InvalidProblemError, odeint, solve
from suite.solvers.adams.weights import adams_weights, relative_nodes
from tests.solvers.problems import slope, times, toda, toda_reference, toda_start, toda_taylor

# Span and first number of steps by order; the numbers grow by 1.25, and the finest five errors above 1e-11 are fitted.
SPANS = {1: (0.25, 100), 2: (1.0, 60), 3: (3.0, 200), 4: (3.0, 100), 5: (3.0, 60), 6: (3.0, 80), 8: (10.0, 440)}
NAMED = {"ab2": 2, "ab3": 3}
ADAMS = ("explicit_adams", "implicit_adams", "fixed_adams", "ab2", "ab3")
Grid = Callable[[object, Tensor, Tensor], Tensor]


def graded(steps: int) -> Grid:
    """Make a grid whose steps differ by a factor 2.3 from its start to its end."""

    def grid(field: object, y0: Tensor, t: Tensor) -> Tensor:
        parts = torch.linspace(0, 1, steps + 1, dtype=t.dtype)
        return t[0] + (t[-1] - t[0]) * (parts + 0.4 * parts * (1 - parts))

    return grid


def alternating(steps: int) -> Grid:
    """Make a grid whose steps are long and short in turn, by a factor 2."""

    def grid(field: object, y0: Tensor, t: Tensor) -> Tensor:
        sizes = torch.tensor([2.0, 1.0] * steps, dtype=t.dtype)[:steps]
        inner = t[0] + (t[-1] - t[0]) * sizes.cumsum(0)[:-1] / sizes.sum()
        return torch.cat([t[:1], inner, t[-1:]])

    return grid


def options(method: str, order: int, **others: Any) -> dict[str, Any]:
    """Options for which the iteration of the implicit methods runs until rounding ends it."""
    own = {} if method in NAMED else {"max_order": order, "max_iters": 100}
    return own | others


def error_slope(method: str, order: int, make_grid: Callable[[int], Grid] | None) -> float:
    span, first = SPANS[order]
    counts = [round(first * 1.25**i) for i in range(6)]
    errors = []
    for count in counts:
        how = {"step_size": span / count} if make_grid is None else {"grid_constructor": make_grid(count)}
        chosen = options(method, order, **how)
        solution = solve(toda, toda_start(), times(0, span), method=method, options=chosen, rtol=1e-13, atol=1e-13)
        assert isinstance(solution.states, Tensor)
        assert solution.statistics.accepted == count
        errors.append(float((solution.states[-1] - toda_reference(span)).abs().max()))
    return slope([span / count for count in counts], errors, 1e-11, 1e-2)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6, 8])
def test_explicit_error_slope_equals_order(order: int) -> None:
    assert error_slope("explicit_adams", order, None) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6])
def test_implicit_error_slope_equals_order(order: int) -> None:
    assert error_slope("implicit_adams", order, None) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("make_grid", [graded, alternating])
@pytest.mark.parametrize("method", ["explicit_adams", "implicit_adams"])
@pytest.mark.parametrize("order", [2, 3, 4])
def test_unequal_steps_keep_the_order(method: str, order: int, make_grid: Callable[[int], Grid]) -> None:
    assert error_slope(method, order, make_grid) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("method", NAMED)
@pytest.mark.parametrize("make_grid", [None, graded])
def test_ab2_and_ab3_have_the_order_of_their_name(method: str, make_grid: Callable[[int], Grid] | None) -> None:
    assert error_slope(method, NAMED[method], make_grid) == pytest.approx(NAMED[method], abs=0.15)


def test_weights_of_equal_steps_are_the_classical_fractions() -> None:
    bashforth = {2: "3/2 -1/2", 3: "23/12 -16/12 5/12", 4: "55/24 -59/24 37/24 -9/24"}
    moulton = {2: "1/2 1/2", 3: "5/12 8/12 -1/12", 4: "9/24 19/24 -5/24 1/24"}
    for first, table in ((0, bashforth), (1, moulton)):
        for order, row in table.items():
            weights = adams_weights(tuple(float(first - index) for index in range(order)))
            assert weights == pytest.approx([float(Fraction(entry)) for entry in row.split()], abs=1e-15)


@pytest.mark.parametrize("count", [1, 2, 5, 12])
@pytest.mark.parametrize("upper", [1.0, 0.3])
def test_weights_on_unequal_nodes_integrate_polynomials_exactly(count: int, upper: float) -> None:
    sizes = np.random.default_rng(count).uniform(0.5, 2.0, count)
    nodes = 1.0 - np.concatenate([[0], np.cumsum(sizes)])[:count]
    weights = np.array(adams_weights(tuple(nodes.tolist()), upper), dtype=float)
    for degree in range(count):
        integral = upper ** (degree + 1) / (degree + 1)
        assert weights @ nodes**degree == pytest.approx(integral, rel=1e-9, abs=1e-12 * np.abs(nodes).max() ** degree)


@pytest.mark.parametrize(("start", "size"), [(0.0, 0.01), (5.0, 1 / 3), (1e3, 0.07), (-2.0, -0.1)])
def test_equal_steps_have_equal_nodes_however_their_times_are_rounded(start: float, size: float) -> None:
    grid = [start + index * size for index in range(100)]
    for index in range(12, 99):
        past = grid[index : index - 12 : -1]
        assert relative_nodes(past, grid[index], grid[index + 1] - grid[index]) == tuple(-float(j) for j in range(12))
    nearly = relative_nodes([0.1, 0.1 - 0.1 * (1 + 1e-9)], 0.1, 0.1)
    assert nearly == pytest.approx((0, -1 - 1e-9), abs=1e-14)
    assert nearly[1] != -1


def test_orders_above_five_solve_polynomials_of_its_degree_exactly() -> None:
    for order in (6, 9, 12):
        for method in ("explicit_adams", "implicit_adams"):
            states = odeint(
                lambda t, y, order=order: (order * t ** (order - 1)).expand(1),
                times(0),
                times(0, 1.5),
                method=method,
                options={"max_order": order, "grid_constructor": graded(20)},
            )
            assert isinstance(states, Tensor)
            assert float(states[-1]) == pytest.approx(1.5**order, rel=1e-12)


def test_steps_cost_one_evaluation_after_the_start() -> None:
    for method, order, start in (("ab2", 2, 2), ("ab3", 3, 6), ("explicit_adams", 4, 12)):
        solution = solve(toda, toda_start(), times(0, 1), method=method, options={"step_size": 1 / 32})
        assert solution.statistics.nfe == start + 32 - (order - 1)


@pytest.mark.parametrize("method", ["explicit_adams", "implicit_adams"])
@pytest.mark.parametrize("make_grid", [None, graded])
def test_dense_output_has_the_order_of_the_method(method: str, make_grid: Callable[[int], Grid] | None) -> None:
    at = [0.04, 0.61, 1.13, 1.87]
    sizes, errors = [], []
    for count in (60, 75, 94, 117, 146):
        how = {"step_size": 2 / count} if make_grid is None else {"grid_constructor": make_grid(count)}
        chosen = options(method, 4, **how)
        dense = solve(toda, toda_start(), times(0, 2), method=method, options=chosen, rtol=1e-13, dense=True)
        assert dense.interpolant is not None
        worst = max(float((torch.as_tensor(dense.interpolant(t)) - toda_taylor()(t)).abs().max()) for t in at)
        sizes.append(2 / count)
        errors.append(worst)
        ends = dense.interpolant.ends
        for index in (2, 7, 30):  # steps join
            step, after = dense.interpolant.steps[index - 1], dense.interpolant.steps[index]
            torch.testing.assert_close(step.interpolate(ends[index]), after.y0, rtol=0, atol=1e-13)
    assert slope(sizes, errors, 1e-12, 1e-2) == pytest.approx(4, abs=0.15)


@pytest.mark.parametrize("method", ADAMS)
@pytest.mark.parametrize("make_grid", [None, alternating])
@pytest.mark.parametrize("direction", [1, -1])
def test_gradients_with_respect_to_state_times_and_parameters_match_differences(
    method: str, make_grid: Callable[[int], Grid] | None, direction: int
) -> None:
    matrix = torch.randn(2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    how: dict[str, Any] = {"step_size": 0.1} if make_grid is None else {"grid_constructor": make_grid(8)}
    chosen = options(method, 4, interp="cubic", **how)

    def states(y0: Tensor, t: Tensor, a: Tensor) -> Tensor:
        def field(time: Tensor, y: Tensor) -> Tensor:
            return torch.tanh(a @ y) + torch.cos(2 * time) * y / 2

        result = odeint(field, y0, t, method=method, options=chosen, rtol=1e-14, atol=1e-14)
        assert isinstance(result, Tensor)
        return result

    inputs = (times(0.8, -0.5), direction * times(0, 0.33, 0.85), matrix)
    assert torch.autograd.gradcheck(states, [x.requires_grad_() for x in inputs], atol=1e-7, rtol=1e-6)


def test_second_derivatives_of_explicit_steps() -> None:
    def states(y0: Tensor, t: Tensor) -> Tensor:
        result = odeint(toda, y0, t, method="ab3", options={"step_size": 0.1})
        assert isinstance(result, Tensor)
        return result

    assert torch.autograd.gradgradcheck(states, (toda_start().requires_grad_(), times(0, 0.55).requires_grad_()))


@pytest.mark.parametrize("method", ADAMS)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.complex64, 1e-4), (torch.complex128, 1e-5)]
)
@pytest.mark.parametrize("direction", [1, -1])
def test_linear_system_is_the_matrix_exponential_in_every_dtype(
    method: str, dtype: torch.dtype, tolerance: float, direction: int
) -> None:
    generator = torch.Generator().manual_seed(3)
    matrix = torch.randn(3, 3, dtype=dtype, generator=generator) / 2
    y0 = torch.randn(3, dtype=dtype, generator=generator)
    parts = odeint(
        lambda t, y: (matrix @ y[0], -y[1]),
        (y0, torch.ones(2, 1, dtype=dtype)),
        torch.tensor([0.0, direction], dtype=dtype.to_real()),
        method=method,
        options={"step_size": 0.002},
    )
    assert isinstance(parts, tuple)
    wide = matrix.to(torch.complex128).numpy()
    expected = torch.from_numpy(expm(direction * wide) @ y0.to(torch.complex128).numpy())
    torch.testing.assert_close(parts[0][-1].to(torch.complex128), expected, rtol=tolerance, atol=tolerance)
    assert torch.allclose(parts[1][-1].real, torch.tensor(math.exp(-direction), dtype=dtype.to_real()), rtol=tolerance)


@pytest.mark.parametrize(("method", "steps"), [("explicit_adams", 240), ("implicit_adams", 120)])
def test_equal_steps_agree_with_torchdiffeq_within_the_error_of_either(method: str, steps: int) -> None:
    chosen = {"max_order": 4, "step_size": 3 / steps}
    arguments: dict[str, Any] = {"method": method, "rtol": 1e-6, "atol": 1e-6, "options": chosen}
    t = times(0, 0.5, 1.5, 3)
    ours, theirs = odeint(toda, toda_start(), t, **arguments), torchdiffeq.odeint(toda, toda_start(), t, **arguments)
    assert isinstance(ours, Tensor)
    truth = torch.stack([toda_taylor()(time) for time in t.tolist()])
    bound = (theirs - truth).abs().max()
    assert (ours - truth).abs().max() <= 1.5 * bound
    assert (ours - theirs).abs().max() <= 2.5 * bound < 1e-3


def test_names_of_the_implicit_method_are_one_method() -> None:
    chosen = {"step_size": 0.05, "max_iters": 20}
    one, other = (odeint(toda, toda_start(), times(0, 1), method=m, options=chosen) for m in ADAMS[1:3])
    assert isinstance(one, Tensor)
    assert isinstance(other, Tensor)
    assert torch.equal(one, other)


def test_corrections_end_at_the_tolerance_and_every_one_of_them_waits_for_the_device() -> None:
    costs = []
    for tolerance in (1e-3, 1e-6, 1e-12):
        chosen = {"step_size": 0.05, "max_iters": 50}
        solution = solve(
            toda, toda_start(), times(0, 1), method="implicit_adams", options=chosen, rtol=tolerance, atol=tolerance
        )
        iterations = solution.statistics.nfe - 2 * 4 - 18  # two steps of rk4 start; a step evaluates at its start
        assert solution.statistics.host_syncs == iterations + 2
        costs.append(iterations)
    assert costs[0] == 18
    assert costs == sorted(set(costs))


def test_iteration_that_does_not_converge_is_warned_of_once_a_solve() -> None:
    with pytest.warns(UserWarning, match="did not converge to the tolerance in max_iters = 2 iterations") as caught:
        odeint(toda, toda_start(), times(0, 1), method="implicit_adams", options={"step_size": 0.05, "max_iters": 2})
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_single_precision_converges_at_the_default_tolerance() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen = {"step_size": 0.01, "max_iters": 6}
        odeint(toda, toda_start().float(), times(0, 1).float(), method="implicit_adams", options=chosen)


@pytest.mark.parametrize(
    ("name", "value"), [("max_order", 0), ("max_order", 13), ("max_order", 2.5), ("max_iters", 0), ("max_iters", "4")]
)
def test_options_that_no_adams_method_can_have_are_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidProblemError, match=f"option {name} is a"):
        odeint(toda, toda_start(), times(0, 1), method="implicit_adams", options={name: value})


def test_methods_of_one_order_take_no_max_order() -> None:
    with pytest.raises(InvalidProblemError, match="unknown option 'max_order'"):
        odeint(toda, toda_start(), times(0, 1), method="ab2", options={"max_order": 3})
