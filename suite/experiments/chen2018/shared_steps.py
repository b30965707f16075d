"""What samples that share solver steps cost and lose, and what a solve back misses (Chen et al. 2018, section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from suite import solve
from suite.declarations import Meter
from suite.experiments.chen2018.trained_problem import final_state
from suite.solvers import ExplicitRungeKutta, find, solve_per_sample
from suite.solvers.vector_field import VectorField


@dataclass(frozen=True, eq=False)
class SampledProblem:
    """One vector field, and many samples of its initial state.

    Attributes:
        field: The field; it treats samples independently and accepts a time for each.
        samples: Initial states, shape ``[samples, ...]``.
        end: The final time; the first is 0.
    """

    field: VectorField
    samples: Tensor
    end: float

    @property
    def times(self) -> Tensor:
        """The start and the end, on the host."""
        return torch.tensor([0.0, self.end], dtype=torch.float64)

    def solved(self, samples: Tensor, method: str, tolerance: float, *, back: bool = False) -> tuple[Tensor, int]:
        """Return the states at the end of one solve of several samples, or at the start, and its evaluations."""
        times = self.times.flip(0) if back else self.times
        solution = solve(self.field, samples, times, method=method, rtol=tolerance, atol=tolerance)
        return final_state(solution.states), solution.statistics.nfe


@torch.no_grad()
def measure_minibatches(
    problem: SampledProblem,
    batches: Sequence[int],
    *,
    method: str,
    tolerance: float,
    reference_tolerance: float,
    watched: int,
    meter: Meter,
) -> None:
    """Record evaluations and errors of batches of growing size, and of the same samples on steps of their own.

    ``nfe_forward`` of a batch that shares its steps is set against ``nfe_single``, the mean of what its samples take
    alone, in ``nfe_over_single``. ``nfe_per_sample`` is what the batch costs when each sample takes its own steps: that
    of the sample with the most. ``joint_error`` and ``alone_error``
    are the largest error of a sample (the root mean square over its state) among those of the batch that are watched.

    Args:
        problem: The problem; batches are its first samples, at most as many as it has.
        batches: Sizes.
        method: An explicit Runge-Kutta method with step-size control.
        tolerance: Relative and absolute tolerance, an axis of every row.
        reference_tolerance: Tolerance at which the watched samples are solved for comparison, each on its own steps.
        watched: Samples solved one by one, and watched in batches.
        meter: Where to record.
    """
    first = problem.samples[:watched]
    exact = final_state(
        solve_per_sample(
            problem.field, first, problem.times, method=method, rtol=reference_tolerance, atol=reference_tolerance
        ).states
    )
    alone = [problem.solved(sample[None], method, tolerance)[0] for sample in first]
    alone_errors = sample_errors(torch.cat(alone), exact)
    for batch in batches:
        if batch > len(problem.samples):
            break
        samples, seen = problem.samples[:batch], min(batch, watched)
        states, evaluations = problem.solved(samples, method, tolerance)
        apart = solve_per_sample(problem.field, samples, problem.times, method=method, rtol=tolerance, atol=tolerance)
        single = _evaluations(method, float(apart.statistics.steps_per_sample.double().mean()))
        where = {"tolerance": tolerance, "batch": batch}
        meter.record("nfe_forward", evaluations, "evaluations", **where)
        meter.record("nfe_single", single, "evaluations", **where)
        meter.record("nfe_over_single", evaluations / single, "1", **where)
        meter.record("nfe_per_sample", apart.statistics.nfe, "evaluations", **where)
        meter.record("joint_error", float(sample_errors(states[:seen], exact[:seen]).max()), "1", **where)
        meter.record("alone_error", float(alone_errors[:seen].max()), "1", **where)


@torch.no_grad()
def measure_round_trip(
    problem: SampledProblem, samples: int, *, method: str, tolerances: Sequence[float], meter: Meter
) -> None:
    """Record the largest error of the initial state after solving to the end and, from there alone, back.

    ``round_trip_error`` is absolute, ``round_trip_factor`` in units of the tolerance.
    """
    start = problem.samples[:samples]
    for tolerance in tolerances:
        end, _ = problem.solved(start, method, tolerance)
        back, _ = problem.solved(end, method, tolerance, back=True)
        error = float((back - start).abs().max())
        meter.record("round_trip_error", error, "1", tolerance=tolerance)
        meter.record("round_trip_factor", error / tolerance, "1", tolerance=tolerance)


def _evaluations(method: str, steps: float) -> float:
    """Return the evaluations of a solve of so many steps: two for the first size, then all stages but a shared one."""
    found = find(method)
    if not isinstance(found, ExplicitRungeKutta):
        raise TypeError(f"samples with steps of their own take an explicit Runge-Kutta method, not {method!r}")
    return 2 + steps * (found.tableau.stages - found.tableau.first_same_as_last)


def sample_errors(states: Tensor, exact: Tensor) -> Tensor:
    """Return the root mean square error of each sample's state, shape ``[samples]``."""
    return (states - exact).flatten(1).square().mean(dim=1).sqrt()
