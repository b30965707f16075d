"""The gradient cross-check: its finite differences are right, and it tells a wrong gradient from a right one."""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from reference.crosschecks.finite_differences import WRT, directional_derivatives, directions
from reference.crosschecks.gradient_problems import GradientProblem, LinearField, analytic_problems
from reference.crosschecks.gradients import EXACT, Accuracy, Gradients, differentiate
from reference.crosschecks.reconstruction import reverse_solve_error
from reference.crosschecks.ways import REVERSIBLE_METHODS
from reference.libraries.suite import Suite
from suite.harness import records


def _problem(name: str) -> GradientProblem:
    problems = analytic_problems(3, 20, torch.Generator().manual_seed(0))
    return next(problem for problem in problems if problem.name == name)


def _closed_form(problem: GradientProblem) -> dict[str, Tensor]:
    """Differentiate the linear problem's loss through the matrix exponential."""
    assert isinstance(problem.field, LinearField)
    points = [problem.y0.clone(), problem.field.matrix.detach().clone(), problem.times.clone()]
    y0, matrix, times = (point.requires_grad_(True) for point in points)
    states = torch.stack([torch.matrix_exp(matrix * (t - times[0])) @ y0 for t in times])
    gradients = torch.autograd.grad(problem.loss(states), (y0, matrix, times))
    return {wrt: gradient.reshape(-1) for wrt, gradient in zip(WRT, gradients, strict=True)}


@cache
def _differences(count: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return directions of the linear problem and its finite differences along them."""
    problem = _problem("linear")
    along = directions(problem, count, torch.Generator().manual_seed(1))
    return along, directional_derivatives(problem, along)


@pytest.mark.parametrize("count", [2, 32], ids=["random directions", "every axis"])
def test_finite_differences_equal_the_derivative_of_the_matrix_exponential(count: int) -> None:
    (along, found), exact = _differences(count), _closed_form(_problem("linear"))
    for wrt in WRT:
        torch.testing.assert_close(found[wrt], along[wrt] @ exact[wrt], rtol=1e-6, atol=1e-6)


def test_finite_differences_leave_the_parameters_as_they_were() -> None:
    problem = _problem("perceptron")
    before = [parameter.detach().clone() for parameter in problem.field.parameters()]
    directional_derivatives(problem, directions(problem, 1, torch.Generator().manual_seed(1)))
    assert all(torch.equal(old, new) for old, new in zip(before, problem.field.parameters(), strict=True))


class SlightlyWrong(Suite):
    """Our solvers, with a field that is wrong by one part in a thousand in the backward pass alone."""

    def odeint(self, vector_field: nn.Module, y0: Tensor, t: Tensor, **arguments: object) -> Tensor:
        states = super().odeint(vector_field, y0, t, **arguments)  # type: ignore[arg-type]
        states.register_hook(lambda gradient: 1.001 * gradient)
        return states


@pytest.mark.parametrize("gradient", ["direct", "adjoint"])
def test_a_gradient_wrong_by_one_in_a_thousand_shows(gradient: str) -> None:
    problem = _problem("linear")
    along, exact = _differences(32)
    errors = {}
    for library in (Suite(), SlightlyWrong()):
        found = differentiate(problem, library, gradient, Accuracy("dopri5", 1e-9)).gradients
        errors[type(library)] = {wrt: _relative(along[wrt] @ found[wrt], exact[wrt]) for wrt in WRT}
    assert max(errors[Suite].values()) < 1e-6
    for error in errors[SlightlyWrong].values():
        assert error == pytest.approx(1e-3, rel=0.01)


def _relative(found: Tensor, exact: Tensor) -> float:
    return float((found - exact).norm() / exact.norm())


@pytest.mark.parametrize("gradient", EXACT[1:])
@pytest.mark.parametrize("name", ["perceptron", "latent", "contracting"])
def test_exact_ways_equal_backpropagation_and_see_the_true_initial_state(gradient: str, name: str) -> None:
    problem = _problem(name)
    accuracy = Accuracy(REVERSIBLE_METHODS[0], steps=32) if gradient == "reversible" else Accuracy("dopri5", 1e-4)
    found = differentiate(problem, Suite(), gradient, accuracy)
    direct = differentiate(problem, Suite(), "direct", accuracy)
    for wrt in WRT:
        assert _relative(found.gradients[wrt], direct.gradients[wrt]) < 1e-11
    assert found.start is not None
    assert _relative(found.start, problem.y0) < 1e-12
    assert direct.start is None  # backpropagation evaluates nothing again


def test_a_contracting_field_solved_backwards_multiplies_the_error_by_its_contraction() -> None:
    problem = _problem("contracting")
    # Each way adds an error of about the tolerance; the one of the way forth grows by exp(19 * 0.25) on the way back.
    error = reverse_solve_error(problem, Suite(), Accuracy("dopri5", 1e-6))
    assert 1e-6 < error < 1e-6 * 1000


def test_a_smoke_run_measures_every_way_to_differentiate_on_every_problem(smoke_records: Path) -> None:
    rows = records.load(smoke_records).rows
    rows = rows[(rows["experiment"] == Gradients.id) & (rows["metric"] == "gradient_error")]
    rows = rows[rows["reference"] == "finite-differences"]
    cells = set(rows[["variant", "problem", "wrt"]].itertuples(index=False, name=None))
    problems = ("linear", "perceptron", "contracting", "latent", "ode-net")
    assert cells == set(product(Gradients.variants, problems, WRT))
    analytic = rows[rows["problem"] != "ode-net"]
    errors = analytic.groupby("tolerance")["value"].median()
    assert errors[1e-7] < errors[1e-4] / 100  # in proportion to the tolerance, which fell by a thousand
