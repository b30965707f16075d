"""What a step of a hypersolver costs: evaluations, multiply-accumulates, time; and the relative overhead of g."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from suite.declarations import Axis, Meter
from suite.experiments.poli2020.theorem1_oracle import no_correction
from suite.experiments.poli2020.theorem1_problems import MeasuredProblem
from suite.experiments.poli2020.theorem1_settings import Theorem1Settings
from suite.models.hypersolvers import PerceptronCorrection
from suite.models.steady_flows import SteadyPerceptron
from suite.solvers import Method, explicit_methods, solve, solve_per_sample
from suite.solvers.hyper import Hypersolver, InputForm, StepInputs

_DIMENSIONS = 2


@torch.no_grad()
def record_costs(settings: Theorem1Settings, meter: Meter) -> None:
    """Record the overhead of g over widths and orders: measured in operations and in time, and by the formula."""
    with meter.initialisation():
        field = SteadyPerceptron(_DIMENSIONS, settings.field_width).to(meter.device)
    z = torch.randn(settings.cost_batch, _DIMENSIONS, generator=meter.generator("states")).to(meter.device)
    with meter.macs() as evaluation:
        field(torch.tensor(0.0), z)
    for base in settings.bases:
        method = explicit_methods()[base]
        stages = method.tableau.stages
        form = InputForm(("state", "stages", "step"))
        base_method = Hypersolver(base, lambda inputs: inputs.state).base
        for width in settings.widths:
            with meter.initialisation():
                correction = PerceptronCorrection(_DIMENSIONS, stages, form, (width, width)).to(meter.device)
            hypersolver = Hypersolver(base, correction)
            axes: dict[str, Axis] = {"order": method.order, "width": width}
            inputs = StepInputs(1.0, 0.0, z, [z] * stages, z)
            with meter.macs() as of_correction:
                correction(inputs)
            with meter.macs() as of_step:
                _step(field, z, hypersolver)
            with meter.macs() as of_base:
                _step(field, z, base_method)
            meter.record("overhead", of_step.value / of_base.value, "1", **axes)
            formula = 1 + of_correction.value / (method.order * evaluation.value)
            meter.record("overhead_formula", formula, "1", **axes)
            seconds = _fastest(field, z, (hypersolver, base_method), settings.repeats, meter)
            meter.record("overhead_seconds", seconds[0] / seconds[1], "1", **axes)


def _step(field: nn.Module, z: Tensor, method: Method) -> object:
    return solve(field, z, torch.tensor([0.0, 1.0]), method=method).states


def _fastest(field: nn.Module, z: Tensor, methods: Sequence[Method], repeats: int, meter: Meter) -> list[float]:
    """Return the shortest time of a step by each method, the repeats of all interleaved."""
    times: list[list[float]] = [[] for _ in methods]
    for _ in range(repeats):
        for method, mine in zip(methods, times, strict=True):
            with meter.wall_time() as seconds:
                _step(field, z, method)
            mine.append(seconds.value)
    return [min(each) for each in times]


@torch.no_grad()
def record_evaluations(problem: MeasuredProblem, settings: Theorem1Settings, meter: Meter) -> None:
    """Record evaluations of hypersolvers, which are fixed, and of dopri5, which differ from start to start."""
    z0 = problem.z0
    for base in settings.bases:
        hypersolver = Hypersolver(base, no_correction)
        for steps in settings.oracle_steps:
            times = torch.tensor(problem.on_grid(steps).times, dtype=torch.float64)
            found = solve(problem.field, z0, times, method=hypersolver).statistics.nfe
            axes: dict[str, Axis] = {"problem": problem.name, "order": hypersolver.order, "steps": steps}
            meter.record("nfe", found, "evaluations", **axes)
            meter.record("predicted_nfe", hypersolver.order * steps, "evaluations", **axes)
    ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
    for tolerance in settings.adaptive_tolerances:
        solution = solve_per_sample(problem.field, z0, ends, method="dopri5", rtol=tolerance, atol=tolerance)
        # Six new stages a step, and two evaluations before the first.
        evaluations = 6 * solution.statistics.steps_per_sample.double() + 2
        at: dict[str, Axis] = {"problem": problem.name, "tolerance": tolerance}
        meter.record("adaptive_nfe_mean", float(evaluations.mean()), "evaluations", **at)
        meter.record("adaptive_nfe_spread", float(evaluations.max() - evaluations.min()), "evaluations", **at)
