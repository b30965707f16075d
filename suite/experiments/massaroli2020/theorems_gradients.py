"""Proposition 1 and corollary 1: the generalised adjoint, and the gradients of spectral coefficients."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.declarations import Meter
from suite.experiments.massaroli2020.theorems_costate import Costate, gauss
from suite.experiments.massaroli2020.theorems_problem import DEPTH, Problem, draw_problem, relative_error
from suite.experiments.massaroli2020.theorems_settings import TheoremsSettings
from suite.gradients import Adjoint

Gradient = tuple[Tensor, ...]
"""By the coefficients and by the initial states."""


def generalised_adjoint(settings: TheoremsSettings, meter: Meter) -> None:
    """Compare, for parameters constant in depth, ways to the gradient of a terminal and a running loss.

    ``gradient_error`` is relative to autograd through the steps of a tight solve of the loss-augmented state.
    ``costate`` solves the proposition's equations as they are printed, ``adjoint`` is our solver's, ``autograd`` the
    reference's way at the tolerance of the others. ``batch_error`` compares the adjoint's gradient of a whole batch
    with that of its samples, solved one by one by autograd.
    """
    problem = draw_problem(settings, meter, harmonics=0)
    reference = by_autograd(problem, settings.reference_tolerance, "dopri8")
    for done, tolerance in enumerate(sorted(settings.tolerances, reverse=True)):
        meter.progress(done, len(settings.tolerances), "tolerances")
        end, _ = problem.solve(problem.field(), tolerance)
        ways = {
            "autograd": by_autograd(problem, tolerance),
            "adjoint": by_adjoint(problem, tolerance),
            "costate": Costate(problem, problem.path).gradient(end, tolerance),
        }
        for way, found in ways.items():
            record_errors(found, reference, tolerance, way, meter)
    for size in settings.batch_sizes:
        _batch_error(settings, size, meter)


def spectral_gradient(settings: TheoremsSettings, meter: Meter) -> None:
    """Compare, for parameters along a Fourier series, ways to the gradient of its coefficients.

    ``costate`` is the corollary: the integral of ``a df/dtheta psi_j`` over depth, by Gauss quadrature of the costate.
    """
    problem = draw_problem(settings, meter, settings.harmonics)
    reference = by_autograd(problem, settings.reference_tolerance, "dopri8")
    depths, weights = gauss(0.0, DEPTH, settings.nodes)
    functions = problem.path.basis(depths.to(meter.device))
    for tolerance in sorted(settings.tolerances, reverse=True):
        end, _ = problem.solve(problem.field(), tolerance)
        density, by_state = Costate(problem, problem.path).density(end, depths, tolerance)
        ways = {
            "autograd": by_autograd(problem, tolerance),
            "adjoint": by_adjoint(problem, tolerance),
            "costate": ((weights.to(meter.device).unsqueeze(1) * functions).T @ density, by_state),
        }
        for way, found in ways.items():
            record_errors(found, reference, tolerance, way, meter)


def by_autograd(problem: Problem, tolerance: float, method: str = "dopri5") -> Gradient:
    """Return the gradient by autograd through the steps of the loss-augmented state."""
    _, loss = problem.solve(problem.field(), tolerance, method=method)
    return torch.autograd.grad(loss, (problem.path.coefficients, problem.z0))


def by_adjoint(problem: Problem, tolerance: float, method: str = "dopri5") -> Gradient:
    """Return the gradient by the generalised adjoint, backwards to the same tolerance."""
    _, loss = problem.solve(problem.field(), tolerance, method=method, gradient=Adjoint())
    return torch.autograd.grad(loss, (problem.path.coefficients, problem.z0))


def record_errors(found: Gradient, reference: Gradient, tolerance: float, way: str, meter: Meter) -> None:
    """Record the relative errors of both parts of a gradient."""
    for wrt, one, other in zip(("parameters", "initial-state"), found, reference, strict=True):
        error = relative_error([one], [other])
        meter.record("gradient_error", error, "1", way=way, wrt=wrt, tolerance=tolerance)


def _batch_error(settings: TheoremsSettings, size: int, meter: Meter) -> None:
    problem = draw_problem(settings, meter, harmonics=0)
    chosen = problem.of(slice(0, size))
    together = by_adjoint(chosen, settings.tight_tolerance, "dopri8")[0]
    alone = torch.stack(
        [
            by_autograd(problem.of(slice(index, index + 1)), settings.tight_tolerance, "dopri8")[0]
            for index in range(len(chosen.z0))
        ]
    )
    meter.record("batch_error", relative_error([together], [alone.sum(0)]), "1", samples=len(chosen.z0))
