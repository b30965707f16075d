"""Terms that a gradient must not leave out: of a loss that reads the parameters, and of the depth itself."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from suite.declarations import Meter
from suite.experiments.massaroli2020.theorems_problem import DEPTH, Problem, draw_problem, relative_error
from suite.experiments.massaroli2020.theorems_settings import TheoremsSettings
from suite.gradients import Adjoint, solve_with_integral
from suite.models.adaptive_depth import AdaptiveDepthBlock
from suite.models.data_control import DataControlledBlock
from suite.models.depth_varying import DepthConcatenation, DepthField
from suite.solvers import Differentiation, solve


def explicit_theta(settings: TheoremsSettings, meter: Meter) -> None:
    """Differentiate the kinetic energy ``int |f_theta|^2 ds`` with and without its own ``dl/dtheta``.

    ``gradient_error`` is relative to the gradient by autograd through the steps; ``quotient_error`` compares that one
    with a difference quotient of the loss along a random direction.
    """
    problem = draw_problem(settings, meter, settings.harmonics)
    (reference,) = torch.autograd.grad(_kinetic(problem, settings), problem.path.coefficients)
    for term in ("with", "without"):
        loss = _kinetic(problem, settings, Adjoint(), omit=term == "without")
        found = torch.autograd.grad(loss, problem.path.coefficients)
        meter.record("gradient_error", relative_error(found, [reference]), "1", term=term)
    direction = torch.randn(reference.shape, generator=meter.generator("direction"), dtype=torch.float64)
    direction = (direction / direction.norm()).to(meter.device)
    quotient = 0.0
    with torch.no_grad():
        for offset, weight in ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12)):
            problem.path.coefficients.add_(offset * settings.amount * direction)
            quotient += weight * float(_kinetic(problem, settings)) / settings.amount
            problem.path.coefficients.sub_(offset * settings.amount * direction)
    error_of_reference = abs(quotient - float((reference * direction).sum())) / float(reference.norm())
    meter.record("quotient_error", error_of_reference, "1")


def depth_gradient(settings: TheoremsSettings, meter: Meter) -> None:
    """Compare ``a(S) f(S, z(S)) + l(S, z(S))``, sample by sample, with autograd by the depths of a batch.

    ``gradient_error`` is the largest difference over the samples, relative to the largest gradient; with and without a
    running loss. ``separate_error`` compares the batch's end states with solves of the samples alone.
    """
    for size in settings.batch_sizes:
        block = _adaptive(settings, meter)
        states = torch.randn(size, settings.dimensions, generator=meter.generator("states"), dtype=torch.float64)
        z0 = states.to(meter.device)
        depth = block.depth(z0).detach().requires_grad_()
        field = block.field
        for loss in ("terminal", "terminal-and-running"):
            end, integral = _with_running(block, field, z0, depth, settings, run=loss != "terminal")
            (found,) = torch.autograd.grad(_terminal(end).sum() + integral.sum(), depth)
            with torch.no_grad():
                expected = (2 * end * field(depth, end)).sum(1)
                if loss != "terminal":
                    expected += _running(depth, end)
            error = float((found - expected).abs().max() / expected.abs().max())
            meter.record("gradient_error", error, "1", samples=size, loss=loss)
        meter.record("separate_error", _separate_error(block, field, z0, settings), "1", samples=size)


def _kinetic(
    problem: Problem, settings: TheoremsSettings, gradient: Differentiation | None = None, *, omit: bool = False
) -> Tensor:
    def energy(s: Tensor, z: Tensor, f: Tensor) -> Tensor:
        if omit:
            # The value is the same, and so is its gradient by the state; the parameters are taken for numbers.
            f = problem.network(problem.path(s).detach(), z)
        return f.square().sum()

    t = torch.tensor([0.0, DEPTH], dtype=torch.float64)
    tolerance = settings.tight_tolerance
    _, integral = solve_with_integral(
        problem.field(), energy, problem.z0, t, method="dopri8", rtol=tolerance, atol=tolerance, gradient=gradient
    )
    return integral[-1]


def _adaptive(settings: TheoremsSettings, meter: Meter) -> AdaptiveDepthBlock:
    with meter.initialisation():
        field = DepthField(
            DepthConcatenation(),
            nn.Linear(settings.dimensions + 1, settings.hidden),
            nn.Tanh(),
            nn.Linear(settings.hidden, settings.dimensions),
        )
        network = nn.Sequential(nn.Linear(settings.dimensions, 8), nn.Tanh(), nn.Linear(8, 1))
        tolerance = settings.tight_tolerance
        block = AdaptiveDepthBlock(
            field, network, sign="signed", method="dopri8", rtol=tolerance, atol=tolerance, gradient="direct"
        )
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.mul_(settings.gain)
    return block.double().to(meter.device)


def _terminal(end: Tensor) -> Tensor:
    return end.square().sum(1)


def _running(s: Tensor, z: Tensor) -> Tensor:
    """Return the running loss of every sample at a depth of its own, shape ``[n]``."""
    return (z - torch.cos(2 * math.pi * s).unsqueeze(1)).square().sum(1)


class _WithLoss(nn.Module):
    """The derivative of ``[z, q]`` by ``tau``, with ``q`` the running loss so far, under depths of the samples' own."""

    def __init__(self, field: nn.Module, *, run: bool) -> None:
        super().__init__()
        self.field = field
        self.run = run

    def forward(self, tau: Tensor, state: Tensor, depth: Tensor) -> Tensor:
        s, z = depth * tau, state[:, :-1]
        loss = _running(s, z) if self.run else torch.zeros_like(depth)
        return depth.unsqueeze(1) * torch.cat([self.field(s, z), loss.unsqueeze(1)], dim=1)


def _with_running(
    block: AdaptiveDepthBlock, field: nn.Module, z0: Tensor, depth: Tensor, settings: TheoremsSettings, *, run: bool
) -> tuple[Tensor, Tensor]:
    """Return end states by the block, and the integral of the running loss of every sample."""
    tolerance = settings.tight_tolerance
    if not run:
        return block.block(z0, depth), torch.zeros_like(depth)
    carried = DataControlledBlock(
        _WithLoss(field, run=run), method="dopri8", rtol=tolerance, atol=tolerance, gradient="direct"
    )
    end = carried(torch.cat([z0, torch.zeros_like(z0[:, :1])], dim=1), depth)
    return end[:, :-1], end[:, -1]


@torch.no_grad()
def _separate_error(block: AdaptiveDepthBlock, field: nn.Module, z0: Tensor, settings: TheoremsSettings) -> float:
    together, worst = block(z0), 0.0
    for index, depth in enumerate(block.depth(z0)):
        t = torch.tensor([0.0, float(depth)], dtype=torch.float64)
        states = solve(
            field,
            z0[index : index + 1],
            t,
            method="dopri8",
            rtol=settings.tight_tolerance,
            atol=settings.tight_tolerance,
        ).states
        worst = max(worst, float((torch.as_tensor(states)[-1, 0] - together[index]).abs().max()))
    return worst
