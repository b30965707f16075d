"""What is measured of methods that track: absolute errors over depth, at equal evaluations and at equal operations."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from suite.declarations import Meter
from suite.experiments.massaroli2020.tracking import signal
from suite.experiments.poli2020.tracking_methods import CLASSICAL, HYPER, evaluations_of, new_correction, steps_for
from suite.experiments.poli2020.tracking_problem import TrackingProblem
from suite.experiments.poli2020.tracking_settings import TrackedSettings
from suite.experiments.rounding import significant
from suite.models.hypersolvers import NominalTrajectories
from suite.solvers import Solution, solve
from suite.solvers.hyper import Hypersolver, StepInputs
from suite.solvers.methods import MethodName

Fitted = Mapping[int, Hypersolver]
"""The hypersolver for each number of steps; empty of a classical variant."""


def absolute_error(found: Tensor, exact: Tensor) -> Tensor:
    """Return ``|z_k - z(s_k)|``, the mean over trajectories and coordinates: ``[K + 1, n, 2]`` to ``[K + 1]``."""
    return (found - exact).abs().mean(dim=(1, 2))


@torch.no_grad()
def record_field(problem: TrackingProblem, settings: TrackedSettings, meter: Meter) -> None:
    """Record how closely the accurate trajectories track the signal, and the operations of an evaluation."""
    exact = problem.on_grid(max(settings.evaluations))
    depths = torch.tensor(exact.times, dtype=torch.float64, device=problem.z0.device)
    distances = torch.linalg.vector_norm(exact.states - signal(depths).unsqueeze(1), dim=2)
    for depth, each in zip(exact.times, distances, strict=True):
        meter.record("signal_distance", float(each.mean()), "length", s=round(depth, 6))
    meter.record("largest_distance", float(distances[-1].max()), "length")
    for batch in _batches(problem):
        meter.record("field_operations", _of_field(problem, batch, meter), "MAC", batch=batch)
        share = _of_correction(problem, batch, settings, meter) / _of_field(problem, batch, meter)
        meter.record("overhead", 1 + share, "1", batch=batch)


@torch.no_grad()
def record_equal_evaluations(
    variant: str, fitted: Fitted, problem: TrackingProblem, settings: TrackedSettings, meter: Meter
) -> None:
    """Record errors, operations and the distance from the signal at every number of evaluations."""
    for evaluations in settings.evaluations:
        steps = steps_for(variant, evaluations)
        exact = problem.on_grid(steps)
        solution = _solved(problem, exact, _method(variant, fitted, evaluations))
        states, used = _states(solution), solution.statistics.nfe
        meter.record("nfe_used", used, "evaluations", nfe=evaluations)
        errors = absolute_error(states, exact.states)
        _record(states, errors, exact, meter, nfe=evaluations)
        for batch in _batches(problem):
            operations = _operations(variant, steps, problem, batch, settings, meter)
            meter.record("operations", operations, "MAC", nfe=evaluations, batch=batch)
        if evaluations == settings.trained_steps:
            _record_course(exact, errors, "evaluations", meter)


@torch.no_grad()
def record_equal_operations(
    variant: str, fitted: Fitted, problem: TrackingProblem, settings: TrackedSettings, meter: Meter
) -> None:
    """Record errors with at most the operations of each number of HyperEuler's steps, alone and in a batch."""
    for batch in _batches(problem):
        for hyper_steps in settings.evaluations:
            budget = _operations("hyper-euler", hyper_steps, problem, batch, settings, meter)
            affordable = int(budget / _of_field(problem, batch, meter) * (1 + 1e-12))
            steps = hyper_steps if variant in HYPER else steps_for(variant, affordable)
            exact = problem.on_grid(steps)
            states = _states(_solved(problem, exact, _method(variant, fitted, hyper_steps)))
            errors = absolute_error(states, exact.states)
            mean = float(errors[1:].mean())
            meter.record("equal_operations_error", mean, "length", hyper_steps=hyper_steps, batch=batch)
            share = _operations(variant, steps, problem, batch, settings, meter) / budget
            meter.record("operations_share", share, "1", hyper_steps=hyper_steps, batch=batch)
            if hyper_steps == settings.trained_steps and batch > 1:
                _record_course(exact, errors, "operations", meter)


@torch.no_grad()
def record_adaptive(problem: TrackingProblem, tolerances: tuple[float, ...], meter: Meter) -> None:
    """Record errors of dopri5 by tolerance, at the ends of ten equal intervals, to which it interpolates."""
    exact = problem.on_grid(10)
    depths = torch.tensor(exact.times, dtype=torch.float64)
    for tolerance in tolerances:
        solution = solve(problem.field, problem.z0, depths, method="dopri5", rtol=tolerance, atol=tolerance)
        used, states = solution.statistics.nfe, _states(solution)
        meter.record("adaptive_nfe", used, "evaluations", tolerance=tolerance)
        _record(states, absolute_error(states, exact.states), exact, meter, nfe=used)
        for batch in _batches(problem):
            meter.record("operations", used * _of_field(problem, batch, meter), "MAC", nfe=used, batch=batch)


def _record(states: Tensor, errors: Tensor, exact: NominalTrajectories, meter: Meter, nfe: int) -> None:
    meter.record("depth_error", float(errors[1:].mean()), "length", nfe=nfe)
    meter.record("terminal_error", float(errors[-1]), "length", nfe=nfe)
    depths = torch.tensor(exact.times, dtype=torch.float64, device=states.device)
    from_signal = torch.linalg.vector_norm(states - signal(depths).unsqueeze(1), dim=2)
    meter.record("terminal_signal_distance", float(from_signal[-1].mean()), "length", nfe=nfe)


def _record_course(exact: NominalTrajectories, errors: Tensor, equal: str, meter: Meter) -> None:
    """Record the error at every depth of the grid."""
    for depth, error in zip(exact.times, errors, strict=True):
        meter.record("error_at_depth", significant(float(error), 4), "length", s=round(depth, 6), equal=equal)


def _method(variant: str, fitted: Fitted, steps: int) -> MethodName:
    return fitted[steps] if variant in HYPER else CLASSICAL[variant]


def _solved(problem: TrackingProblem, exact: NominalTrajectories, method: MethodName) -> Solution:
    return solve(problem.field, problem.z0, torch.tensor(exact.times, dtype=torch.float64), method=method)


def _states(solution: Solution) -> Tensor:
    if not isinstance(solution.states, Tensor):
        raise TypeError("the state is one tensor")
    return solution.states


def _batches(problem: TrackingProblem) -> tuple[int, int]:
    return 1, len(problem.z0)


def _operations(
    variant: str, steps: int, problem: TrackingProblem, batch: int, settings: TrackedSettings, meter: Meter
) -> float:
    """Return the operations for a trajectory of a batch, the correction's counted."""
    operations = evaluations_of(variant, steps) * _of_field(problem, batch, meter)
    return operations + (steps * _of_correction(problem, batch, settings, meter) if variant in HYPER else 0.0)


def _of_field(problem: TrackingProblem, batch: int, meter: Meter) -> float:
    with meter.macs() as reading:
        problem.field(torch.zeros((), dtype=torch.float64, device=problem.z0.device), problem.z0[:batch])
    return reading.value / batch


def _of_correction(problem: TrackingProblem, batch: int, settings: TrackedSettings, meter: Meter) -> float:
    z = problem.z0[:batch]
    with meter.macs() as reading:
        new_correction(settings, meter)(StepInputs(1.0, 0.0, z, [z], z))
    return reading.value / batch
