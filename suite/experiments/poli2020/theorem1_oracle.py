"""What theorem 1 says of a correction that is known: the oracle, the oracle with an error, the oracle of one step."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from suite.declarations import Axis, Meter
from suite.experiments.poli2020.theorem1_errors import global_errors, record_errors
from suite.experiments.poli2020.theorem1_problems import MeasuredProblem
from suite.experiments.poli2020.theorem1_settings import Theorem1Settings
from suite.models.hypersolvers import DisturbedOracle, OracleCorrection, unit_field
from suite.solvers import explicit_methods, solve
from suite.solvers.hyper import Hypersolver, StepInputs


def no_correction(inputs: StepInputs) -> Tensor:
    """Return ``g = 0``."""
    if not isinstance(inputs.state, Tensor):
        raise TypeError("the state is one tensor")
    return torch.zeros_like(inputs.state)


def record_base(problem: MeasuredProblem, settings: Theorem1Settings, meter: Meter) -> None:
    """Record the base solvers' errors, and whether hypersolvers without a correction take the very same steps."""
    for base, grid in zip(settings.bases, settings.grids, strict=True):
        hypersolver = Hypersolver(base, no_correction)
        for steps in steps_of(grid // settings.trained_stride, (*settings.transfers, *settings.fine)):
            record_errors(problem, hypersolver.base, steps, meter)
        exact = problem.on_grid(settings.oracle_steps[0])
        times = torch.tensor(exact.times, dtype=torch.float64)
        found, wanted = (
            solve(problem.field, exact.states[0], times, method=method).states
            for method in (hypersolver, hypersolver.base)
        )
        if not isinstance(found, Tensor) or not isinstance(wanted, Tensor):
            raise TypeError("the state is one tensor")
        different = int((found != wanted).sum())
        meter.record("different_bits", different, "entries", problem=problem.name, order=hypersolver.order)


def steps_of(trained: int, multiples: tuple[float, ...]) -> list[int]:
    """Return numbers of steps: the trained one times each of some factors."""
    return [round(trained * multiple) for multiple in multiples]


def record_oracle(problem: MeasuredProblem, settings: Theorem1Settings, meter: Meter) -> None:
    """Record errors for each size of the oracle's own error, beside those predicted, and the error without any."""
    growth = {steps: _growth(problem, settings, steps) for steps in settings.oracle_steps}
    for base in settings.bases:
        oracle = OracleCorrection(explicit_methods()[base].tableau, problem.field, 1 / settings.oracle_substeps)
        for steps in settings.oracle_steps:
            exact = Hypersolver(base, oracle)
            at = problem.on_grid(steps)
            size = float(torch.linalg.vector_norm(at.states[-1], dim=1).mean())
            error = float(global_errors(problem.field, at, exact).mean()) / size
            meter.record("exact_error", error, "1", problem=problem.name, order=exact.order, steps=steps)
            for delta in settings.deltas:
                hypersolver = Hypersolver(base, DisturbedOracle(oracle, delta, unit_field))
                record_errors(problem, hypersolver, steps, meter, delta=delta)
                order, step = hypersolver.order, 1 / steps
                axes: dict[str, Axis] = {
                    "problem": problem.name,
                    "order": order,
                    "steps": steps,
                    "step": step,
                    "delta": delta,
                }
                meter.record("predicted_local_error", delta * step ** (order + 1), "1", **axes)
                lipschitz = growth[steps] + delta * step**order * math.sqrt(problem.dimensions)
                bound = delta * step**order * math.expm1(lipschitz) / lipschitz
                meter.record("global_bound", bound, "1", **axes)


def _growth(problem: MeasuredProblem, settings: Theorem1Settings, steps: int) -> float:
    """Return the largest Lipschitz constant of ``(flow over a step - identity) / step`` along the trajectories.

    An error that enters grows in a step by no more than this, as far as it is small.
    """
    tableau = explicit_methods()["euler"].tableau
    oracle = OracleCorrection(tableau, problem.field, 1 / settings.oracle_substeps)
    z = problem.on_grid(steps).states[:-1].flatten(0, 1).requires_grad_()
    times = torch.tensor([0.0, 1 / steps], dtype=torch.float64)
    states = solve(problem.field, z, times, method=Hypersolver("euler", oracle)).states
    if not isinstance(states, Tensor):
        raise TypeError("the state is one tensor")
    move = (states[-1] - z) * steps
    rows = [torch.autograd.grad(move[:, i].sum(), z, retain_graph=True)[0] for i in range(z.shape[1])]
    return float(torch.linalg.matrix_norm(torch.stack(rows, dim=1), ord=2).max())


def record_frozen(problem: MeasuredProblem, settings: Theorem1Settings, meter: Meter) -> None:
    """Record errors, and gains over the base solver, of the residual of one step used at every step."""
    for base, grid in zip(settings.bases, settings.grids, strict=True):
        trained = grid // settings.trained_stride
        tableau = explicit_methods()[base].tableau
        substep = 4 / settings.oracle_substeps  # a residual need not be known to rounding
        frozen = Hypersolver(base, OracleCorrection(tableau, problem.field, substep, frozen_step=1 / trained))
        record_gains(problem, frozen, trained, (*settings.transfers, *settings.fine), meter)


def record_gains(
    problem: MeasuredProblem, hypersolver: Hypersolver, trained: int, multiples: tuple[float, ...], meter: Meter
) -> None:
    """Record errors at multiples of the trained number of steps, and how many times larger the base solver's are."""
    gains = {}
    for multiple, steps in zip(multiples, steps_of(trained, multiples), strict=True):
        error = record_errors(problem, hypersolver, steps, meter, multiple=multiple)
        base = float(global_errors(problem.field, problem.on_grid(steps), hypersolver.base).mean())
        gains[multiple] = base / max(error, 1e-16)
        axes: dict[str, Axis] = {
            "problem": problem.name,
            "order": hypersolver.order,
            "steps": steps,
            "multiple": multiple,
        }
        meter.record("gain", gains[multiple], "1", **axes)
    elsewhere = max(gain for multiple, gain in gains.items() if multiple != 1.0)
    meter.record("gain_elsewhere", elsewhere / gains[1.0], "1", problem=problem.name, order=hypersolver.order)
