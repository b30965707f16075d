"""Figure 1 of Poli et al. 2020: samples of a continuous normalizing flow from two evaluations of its field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from suite.datasets.planar_targets import TARGETS
from suite.declarations import Cell, Experiment, Meter, ModelSpec, Profile, Settings
from suite.experiments.poli2020.fig1_flow import SamplingProblem, new_flow, sampling_problem, train_flow
from suite.experiments.poli2020.fig1_learned import (
    distilled,
    fitted_hypersolver,
    fitted_two_stage_end,
    new_correction,
    second_order_taylor,
)
from suite.experiments.poli2020.fig1_scores import record_picture, record_scores
from suite.experiments.poli2020.fig1_settings import Fig1Settings
from suite.models.parameter_count import parameter_count
from suite.models.steady_flows import SteadyPerceptron
from suite.solvers import solve
from suite.solvers.hyper import StepInputs
from suite.solvers.methods import MethodName

FLOWS = {f"cnf-{target}": target for target in TARGETS}
CLASSICAL = {
    "euler": "euler",
    "midpoint": "midpoint",
    "heun": "heun2",
    "ralston": "ralston",
    "heun3": "heun3",
    "rk4": "rk4_classic",
    "rk4-38": "rk4",
    "ab2": "ab2",
    "ab3": "ab3",
}
ADAPTIVE = {"adaptive-heun": "adaptive_heun", "bosh3": "bosh3", "dopri5": "dopri5"}
HYPER = {"hyper-euler": "euler", "hyper-heun": "heun2"}
_SHOWN = ("heun", "dopri5", "hyper-heun")


class Fig1(Experiment):
    """Errors of samples against the converged solution, for every evaluation that a method is given.

    ``cnf-`` variants train the flows, whose weights all others use. ``taylor2`` has the exact leading term of Euler's
    error, ``fitted-rk2`` three fitted numbers, ``distilled`` is a network straight from base points to samples.
    """

    id = "poli2020/fig1"
    title = "Figure 1: samples of continuous normalizing flows from two evaluations"
    variants = (*FLOWS, *CLASSICAL, *ADAPTIVE, "taylor2", "fitted-rk2", "distilled", *HYPER)
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": Fig1Settings(
            width=8, flow_iterations=2, flow_batch=32, flow_tolerance=1e-2, samples=32, reference_tolerance=1e-6,
            pool=64, hidden=(8, 8), iterations=5, batch=32, teacher_tolerance=1e-4, steps=(1, 2),
            tolerances=(1e-2,), tight_tolerances=(1e-4,), scalar_iterations=2, equivalent_steps=(1, 2), drawn=16,
        ),
        "quick": Fig1Settings(
            width=32, flow_iterations=80, flow_batch=256, flow_learning_rate=1e-2, flow_tolerance=1e-2, samples=256,
            reference_tolerance=1e-8, pool=1_000, iterations=200, steps=(1, 2, 4), tolerances=(1e-2, 1e-3),
            tight_tolerances=(1e-5,), scalar_iterations=60, equivalent_steps=(1, 2, 4, 8), drawn=200,
        ),
        "laptop": Fig1Settings(
            width=64, flow_iterations=300, flow_batch=256, flow_learning_rate=5e-3, flow_tolerance=1e-3, samples=1_024,
            pool=8_000, iterations=1_500,
        ),
        "paper": Fig1Settings(),
    }  # fmt: skip
    headline = "sample_error"
    alone = ("hyper-heun",)
    paper_cost = "estimated, not measured: 1 GPU-hour for all variants of one seed"

    def needs(self, cell: Cell) -> Sequence[ModelSpec]:
        """Every method samples the flows of all targets."""
        return () if cell.variant in FLOWS else [ModelSpec(self.id, variant) for variant in FLOWS]

    def build_model(self, cell: Cell) -> nn.Module:
        """Return an untrained flow."""
        return new_flow(Fig1Settings.of(cell.settings))

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train a flow, or sample all of them by one method."""
        settings = Fig1Settings.of(cell.settings)
        if cell.variant in FLOWS:
            with meter.initialisation():
                flow = new_flow(settings).to(meter.device)
            train_flow(flow, FLOWS[cell.variant], settings, meter)
            meter.keep(flow)
            return
        if cell.variant == "hyper-heun":
            _record_sizes(meter)
        for number, (variant, target) in enumerate(FLOWS.items()):
            meter.progress(number, len(FLOWS), "targets")
            problem = sampling_problem(meter.trained(ModelSpec(self.id, variant)), target, settings, meter)
            found = _measure(cell.variant, problem, settings, meter)
            if cell.seed == 0 and cell.variant in _SHOWN:
                record_picture(problem, found, settings.drawn, meter)


def _measure(variant: str, problem: SamplingProblem, settings: Fig1Settings, meter: Meter) -> Tensor:
    """Record what a method is measured by; return the samples of its picture."""
    if variant in CLASSICAL:
        ends = [_stepped(problem, CLASSICAL[variant], steps, meter) for steps in settings.steps]
        return ends[0]
    if variant in ADAPTIVE:
        tight = settings.tight_tolerances if variant == "dopri5" else ()
        tolerances = (*settings.tolerances, *tight)
        ends = [_controlled(problem, ADAPTIVE[variant], tolerance, meter) for tolerance in tolerances]
        return ends[-1]
    if variant in HYPER:
        found = _stepped(problem, fitted_hypersolver(HYPER[variant], problem, settings, meter), 1, meter)
        _record_equivalents(problem, _error(problem, found), settings, meter)
        return found
    if variant == "taylor2":
        ends = [_stepped(problem, second_order_taylor(problem), steps, meter) for steps in settings.steps]
        return ends[0]
    if variant == "fitted-rk2":
        found = fitted_two_stage_end(problem, settings, meter)
        record_scores(problem, found, 2, meter)
        meter.record("error_at_two", _error(problem, found), "length", target=problem.target)
        return found
    return _distilled(problem, settings, meter)


@torch.no_grad()
def _stepped(problem: SamplingProblem, method: MethodName, steps: int, meter: Meter) -> Tensor:
    times = torch.tensor([0.0, 1.0], dtype=torch.float64)
    with meter.macs() as operations:
        solution = solve(problem.field, problem.starts, times, method=method, options={"step_size": 1 / steps})
    return _scored(problem, solution.states, solution.statistics.nfe, operations.value, meter)


@torch.no_grad()
def _controlled(problem: SamplingProblem, name: str, tolerance: float, meter: Meter) -> Tensor:
    times = torch.tensor([0.0, 1.0], dtype=torch.float64)
    with meter.macs() as operations:
        solution = solve(
            problem.field, problem.starts, times, method=name, rtol=tolerance, atol=tolerance,
            options={"step_t": times},
        )  # fmt: skip
    evaluations = solution.statistics.nfe
    meter.record("adaptive_nfe", evaluations, "evaluations", target=problem.target, tolerance=tolerance)
    return _scored(problem, solution.states, evaluations, operations.value, meter)


def _scored(problem: SamplingProblem, states: object, evaluations: int, operations: float, meter: Meter) -> Tensor:
    if not isinstance(states, Tensor):
        raise TypeError("the state is one tensor")
    end = states[-1]
    record_scores(problem, end, evaluations, meter)
    each = operations / len(problem.starts)
    meter.record("operations", each, "MAC", target=problem.target, nfe=evaluations)
    if evaluations == 2:
        meter.record("error_at_two", _error(problem, end), "length", target=problem.target)
    return end


def _error(problem: SamplingProblem, found: Tensor) -> float:
    return float(torch.linalg.vector_norm(found[:, :2] - problem.ends[:, :2], dim=1).mean())


@torch.no_grad()
def _record_equivalents(problem: SamplingProblem, error: float, settings: Fig1Settings, meter: Meter) -> None:
    """Record the evaluations with which ordinary methods first have no larger an error."""
    times = torch.tensor([0.0, 1.0], dtype=torch.float64)
    for name in ("midpoint", "rk4_classic", "dopri5"):
        adaptive = name == "dopri5"
        for effort in (*settings.tolerances, *settings.tight_tolerances) if adaptive else settings.equivalent_steps:
            tolerance = effort if adaptive else 1.0
            options = {"step_t": times} if adaptive else {"step_size": 1 / effort}
            solution = solve(
                problem.field, problem.starts, times, method=name, rtol=tolerance, atol=tolerance, options=options
            )
            if isinstance(solution.states, Tensor) and _error(problem, solution.states[-1]) <= error:
                break
        # Where none of them is as good, the dearest of them: the true number is larger still.
        evaluations = solution.statistics.nfe
        meter.record("equivalent_nfe", evaluations, "evaluations", target=problem.target, method=name)


def _distilled(problem: SamplingProblem, settings: Fig1Settings, meter: Meter) -> Tensor:
    """Record the error of a network as large as g, and of one as large as a step of HyperHeun without its trace."""
    correction = new_correction("heun2", settings.hidden, meter)
    point = problem.starts[:1]
    inputs = StepInputs(1.0, 0.0, point, [point] * 2, point)
    with torch.no_grad(), meter.macs() as of_correction:
        correction(inputs)
    with torch.no_grad(), meter.macs() as of_field:
        problem.field.field(torch.tensor(0.0), point[:, :2])
    for size, operations in (("g", of_correction.value), ("step", 2 * of_field.value + of_correction.value)):
        network = distilled(problem, settings, operations, meter)
        with torch.no_grad():
            found: Tensor = network(problem.starts[:, :2])
        record_scores(problem, found, 0, meter, size=size)
        if size == "step":
            meter.record("error_at_two", _error(problem, found), "length", target=problem.target)
    return found


def _record_sizes(meter: Meter) -> None:
    """Record parameters and operations at the released sizes, whatever the profile's."""
    field, correction = SteadyPerceptron(2, 128).double(), new_correction("heun2", (64, 64), meter).cpu()
    meter.record("field_parameters", parameter_count(field), "1")
    meter.record("correction_parameters", parameter_count(correction), "1")
    point = torch.zeros(1, 3, dtype=torch.float64)
    with torch.no_grad(), meter.macs() as of_field:
        field(torch.tensor(0.0), point[:, :2])
    with torch.no_grad(), meter.macs() as of_correction:
        correction(StepInputs(1.0, 0.0, point, [point] * 2, point))
    meter.record("field_operations", of_field.value, "MAC")
    meter.record("correction_operations", of_correction.value, "MAC")
    meter.record("overhead", 1 + of_correction.value / (2 * of_field.value), "1")
