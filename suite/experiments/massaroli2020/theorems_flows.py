"""Properties of flows: no crossing in one dimension, reversibility, and memory that does not grow with the steps."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from suite.declarations import Meter
from suite.experiments.massaroli2020.theorems_exact import Reflecting
from suite.experiments.massaroli2020.theorems_problem import DEPTH, draw_problem
from suite.experiments.massaroli2020.theorems_settings import TheoremsSettings
from suite.gradients import Adjoint, solve_with_integral
from suite.models.data_control import DataControlledBlock
from suite.models.depth_varying import DepthConcatenation, DepthField, FourierBasis, GalerkinLinear, StackedField
from suite.solvers import solve

FLOWS = ("vanilla", "depth-concatenated", "galerkin", "stacked")
CONTROLLED = "data-controlled"
_TIMES = 41
_PIECES = 5
_THETA = 3.0


def no_crossing(settings: TheoremsSettings, meter: Meter) -> None:
    """Follow paths of one dimension: neighbours of a flow never change their order, whatever varies with depth.

    ``crossings`` counts neighbouring starts that change their order at one of the recorded depths, over all drawn
    fields of a kind; ``smallest_slope`` is the smallest difference of neighbours at depth 1 over that at the start.
    ``data-controlled`` is the control: the field of proposition 2 reads the start as well, so that it is no flow of one
    dimension, and all of its paths cross.
    """
    starts = torch.linspace(-1, 1, settings.starts, dtype=torch.float64, device=meter.device).unsqueeze(1)
    times = torch.linspace(0, DEPTH, _TIMES, dtype=torch.float64)
    for kind in (*FLOWS, CONTROLLED):
        crossings, slope = 0, float("inf")
        with meter.initialisation(), torch.no_grad():
            for _ in range(settings.draws):
                paths = _paths(kind, starts, times, settings)
                gaps = paths[:, 1:, 0] - paths[:, :-1, 0]
                crossings += int((gaps <= 0).any(dim=0).sum())
                slope = min(slope, float((gaps[-1] / gaps[0]).min()))
        meter.record("crossings", crossings, "pairs", field=kind)
        meter.record("smallest_slope", slope, "1", field=kind)


def reversibility(settings: TheoremsSettings, meter: Meter) -> None:
    """Solve to depth 1 and back again: what is missing at the start is the solver's error.

    ``return_error`` is the largest difference over the samples, for parameters along a Fourier series and for stacked
    ones.
    """
    series = draw_problem(settings, meter, settings.harmonics)
    with meter.initialisation():
        stacked = StackedField([_network(settings.dimensions, settings) for _ in range(_PIECES)], end=DEPTH)
    with torch.no_grad():
        for parameter in stacked.parameters():
            parameter.mul_(2 * settings.gain)
    stacked = stacked.double().to(meter.device)
    there = torch.tensor([0.0, DEPTH], dtype=torch.float64)
    fields = {"galerkin": (series.field(), None), "stacked": (stacked, stacked.adaptive_options(there))}
    z0 = series.z0.detach()
    for name, (field, options) in fields.items():
        for tolerance in sorted(settings.tolerances, reverse=True):
            state = z0
            with torch.no_grad():
                for times in (there, there.flip(0)):
                    found = solve(field, state, times, rtol=tolerance, atol=tolerance, options=options)
                    state = torch.as_tensor(found.states)[-1]
            error = float((state - z0).abs().max())
            meter.record("return_error", error, "1", field=name, tolerance=tolerance)


def memory(settings: TheoremsSettings, meter: Meter) -> None:
    """Measure what the forward pass of a running loss leaves for the backward pass, against the steps of rk4.

    ``saved_bytes`` by autograd through the steps and by the generalised adjoint.
    """
    problem = draw_problem(settings, meter, settings.harmonics)
    field, t = problem.field(), torch.tensor([0.0, DEPTH], dtype=torch.float64)
    for way, gradient in (("autograd", None), ("adjoint", Adjoint())):
        for steps in settings.steps:
            with meter.saved_bytes() as saved:
                solution, integral = solve_with_integral(
                    field,
                    problem.running,
                    problem.z0,
                    t,
                    method="rk4",
                    options={"step_size": DEPTH / steps},
                    gradient=gradient,
                )
                loss = problem.terminal(torch.as_tensor(solution.states)[-1]) + integral[-1]
            del loss, solution, integral
            meter.record("saved_bytes", saved.value, "B", way=way, steps=steps)


def _network(dimensions: int, settings: TheoremsSettings, inputs: int = 0) -> DepthField:
    return DepthField(
        nn.Linear(dimensions + inputs, settings.hidden), nn.Tanh(), nn.Linear(settings.hidden, dimensions)
    )


def _drawn(kind: str, settings: TheoremsSettings) -> nn.Module:
    if kind == "stacked":
        return StackedField([_network(1, settings) for _ in range(_PIECES)], end=DEPTH)
    if kind == "depth-concatenated":
        return DepthField(DepthConcatenation(), *_network(1, settings, inputs=1).layers)
    if kind == "galerkin":
        basis = FourierBasis(settings.harmonics)
        return DepthField(
            GalerkinLinear(1, settings.hidden, basis), nn.Tanh(), GalerkinLinear(settings.hidden, 1, basis)
        )
    return _network(1, settings)


def _paths(kind: str, starts: Tensor, times: Tensor, settings: TheoremsSettings) -> Tensor:
    """Draw a field and return the states of every start, shape ``[len(times), n, 1]``."""
    tolerance = settings.tight_tolerance
    if kind == CONTROLLED:
        block = DataControlledBlock(Reflecting(_THETA), method="dopri8", rtol=tolerance, atol=tolerance)
        return block.trajectory(starts, starts, times)
    field = _drawn(kind, settings).double()
    for parameter in field.parameters():
        # Galerkin layers begin constant in depth; every coefficient is drawn here.
        size = float(parameter.abs().max())
        parameter.copy_(settings.one_dimension_gain * size * (2 * torch.rand_like(parameter) - 1))
    field = field.to(starts.device)
    options = field.adaptive_options(times) if isinstance(field, StackedField) else None
    found = solve(field, starts, times, method="dopri8", rtol=tolerance, atol=tolerance, options=options)
    return torch.as_tensor(found.states)
