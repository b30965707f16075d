"""Theorem 1: the gradient as a function of depth, against perturbations near a depth and against stacked fields."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from suite.declarations import Meter
from suite.experiments.massaroli2020.theorems_costate import Costate, gauss
from suite.experiments.massaroli2020.theorems_problem import DEPTH, Problem, draw_problem, relative_error
from suite.experiments.massaroli2020.theorems_settings import TheoremsSettings
from suite.gradients import Adjoint
from suite.models.depth_varying import FourierBasis, StackedField
from suite.models.parameter_paths import BumpedPath, ParameterPath, SpectralPath

_PIECE_NODES = 8
_STENCIL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
"""Offsets and weights of the central difference of fourth order."""


def functional_gradient(settings: TheoremsSettings, meter: Meter) -> None:
    """Perturb the parameters near a depth, and compare with the theorem's gradient there.

    ``bump_error`` compares the difference quotient of the loss with the integral of gradient times perturbation;
    ``pointwise_error`` with the gradient at the one depth times the integral of the perturbation, to which it tends as
    the perturbation gets narrow. Both are relative to the size of the gradient there.
    """
    problem = draw_problem(settings, meter, settings.harmonics)
    costate = Costate(problem, problem.path)
    end, _ = problem.solve(problem.field(), settings.tight_tolerance, method="dopri8")
    direction = torch.randn(problem.network.size, generator=meter.generator("direction"), dtype=torch.float64)
    direction = (direction / direction.norm()).to(meter.device)
    for centre in settings.centres:
        for width in settings.widths:
            depths, weights = gauss(centre - width, centre + width, settings.nodes // 2 * 2 + 1)
            density, _ = costate.density(end, depths, settings.tight_tolerance)
            slopes = density @ direction
            bump = BumpedPath(problem.path, direction, centre, width, 0.0)
            predicted = float((weights.to(slopes) * bump.bump(depths).to(slopes)) @ slopes)
            # An odd number of nodes has one in the middle, at the centre itself.
            at_centre = float(slopes[len(depths) // 2])
            mass = width * BumpedPath.MASS
            found = _difference_quotient(problem, direction, centre, width, settings)
            # What a direction drawn at random changes on average; this one may be nearly orthogonal to the gradient.
            size = mass * float(density[len(depths) // 2].norm()) / problem.network.size**0.5
            meter.record("bump_error", abs(found - predicted) / size, "1", centre=centre, width=width)
            meter.record("pointwise_error", abs(found - mass * at_centre) / size, "1", centre=centre, width=width)


def stacked_gradient(settings: TheoremsSettings, meter: Meter) -> None:
    """Compare the gradients of stacked fields with integrals over their pieces, and with the gradient at a depth.

    Piece i has the parameters of a Fourier series in its middle. ``gradient_error`` compares the adjoint's gradients
    with autograd, ``own_piece_error`` with the integral of ``a df/dtheta`` over the piece, ``minus_sign_error`` with
    that integral under the sign with which readers quote it. ``limit_error`` compares gradient over length of the piece
    with the series' functional gradient in its middle, relative to the largest of these.
    """
    problem = draw_problem(settings, meter, settings.harmonics)
    tolerance = settings.tight_tolerance
    end, _ = problem.solve(problem.field(), tolerance, method="dopri8")
    for pieces in settings.pieces:
        boundaries = torch.linspace(0.0, DEPTH, pieces + 1, dtype=torch.float64)
        middles = (boundaries[1:] + boundaries[:-1]) / 2
        with torch.no_grad():
            parameters = torch.stack([problem.path(middle.to(meter.device)) for middle in middles])
        field, wanted = _stacked(problem, parameters)
        options = field.adaptive_options(boundaries)
        ends, loss = problem.solve(field, tolerance, method="dopri8", options=options)
        by_autograd = torch.cat(torch.autograd.grad(loss, wanted))
        _, loss = problem.solve(field, tolerance, method="dopri8", gradient=Adjoint(), options=options)
        found = torch.cat(torch.autograd.grad(loss, wanted))
        integrals = _piece_integrals(problem, field, parameters, ends, settings)
        density, _ = Costate(problem, problem.path).density(end, middles, tolerance)
        limit = (found * pieces / DEPTH - density).norm(dim=1).max() / density.norm(dim=1).max()
        meter.record("gradient_error", relative_error([found], [by_autograd]), "1", pieces=pieces)
        meter.record("own_piece_error", relative_error([integrals], [by_autograd]), "1", pieces=pieces)
        meter.record("minus_sign_error", relative_error([-integrals], [by_autograd]), "1", pieces=pieces)
        meter.record("limit_error", float(limit), "1", pieces=pieces)


def _difference_quotient(
    problem: Problem, direction: Tensor, centre: float, width: float, settings: TheoremsSettings
) -> float:
    total = 0.0
    # A step that ends where the perturbation begins and ends cannot pass over it.
    options = {"step_t": [depth for depth in (centre - width, centre, centre + width) if 0 < depth < DEPTH]}
    for offset, weight in _STENCIL:
        path = BumpedPath(problem.path, direction, centre, width, offset * settings.amount)
        with torch.no_grad():
            _, loss = problem.solve(problem.field(path), settings.tight_tolerance, method="dopri8", options=options)
        total += weight * float(loss)
    return total / settings.amount


class _Piecewise(ParameterPath):
    """The parameters of the pieces of a stacked field, shape ``[pieces, size]``."""

    def __init__(self, field: StackedField, parameters: Tensor) -> None:
        super().__init__()
        self.register_buffer("parameters_of_pieces", parameters)
        self._field = [field]  # in a list: the field is no part of this module

    def forward(self, s: Tensor) -> Tensor:
        return torch.as_tensor(self.parameters_of_pieces)[self._field[0].piece_at(float(s))]


def _stacked(problem: Problem, parameters: Tensor) -> tuple[StackedField, list[Tensor]]:
    """Return a stack of fields that are constant in depth, and their parameters."""
    paths = [SpectralPath(FourierBasis(0), row.unsqueeze(0).clone()) for row in parameters]
    field = StackedField([problem.field(path) for path in paths], end=DEPTH)
    return field, [path.coefficients for path in paths]


def _piece_integrals(
    problem: Problem, field: StackedField, parameters: Tensor, end: Tensor, settings: TheoremsSettings
) -> Tensor:
    """Return the integrals of ``a df/dtheta + dl/dtheta`` over each piece, shape ``[pieces, size]``."""
    count = max(_PIECE_NODES, settings.nodes // len(parameters))
    bounds = field.boundaries
    rules = [gauss(low, high, count) for low, high in pairwise(bounds)]
    depths = torch.cat([rule[0] for rule in rules])
    weights = torch.cat([rule[1] for rule in rules]).to(parameters.device)
    options = field.adaptive_options(torch.tensor([0.0, DEPTH]))
    costate = Costate(problem, _Piecewise(field, parameters))
    density, _ = costate.density(end, depths, settings.tight_tolerance, options)
    return (weights.unsqueeze(1) * density).view(len(parameters), count, -1).sum(1)
