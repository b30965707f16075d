"""The reverse solve output by output, always from the stored state, with any method."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch

from suite.gradients.reverse_problem import Reverse
from suite.solvers import fixed_grid
from suite.solvers.callbacks import Callbacks
from suite.solvers.method import ExplicitRungeKutta
from suite.solvers.options import AdaptiveOptions, FixedGridOptions, read_options
from suite.solvers.solve import solve
from suite.solvers.times import clock_of


class FixedReverse(Reverse):
    """Fixed steps of an explicit Runge-Kutta method."""

    def run(self) -> None:
        """Solve from the last output back to the first."""
        problem, method = self.problem, self.problem.method
        if not isinstance(method, ExplicitRungeKutta):
            raise TypeError("fixed reverse steps need a tableau")
        self.method, field = self.stepper(method.tableau, interpolated=False)
        options = read_options(problem.options, FixedGridOptions, AdaptiveOptions)
        callbacks = Callbacks.of(self.augmented, lambda flat: flat)
        if callbacks is not None:
            callbacks = callbacks.supported("a reverse solve on a fixed grid", "callback_step")
        for index in range(len(self.values) - 1, 0, -1):
            interval, ends = problem.t[[index, index - 1]].detach(), [self.values[index], self.values[index - 1]]
            points = fixed_grid.grid(options, problem.field.vector_field, self.z, interval, ends, list(ends))
            for start, end in pairwise(points.values):
                if callbacks is not None:
                    callbacks.step(start, self.z, end - start)
                f0 = field(clock_of(start, problem.field.layout.time_dtype, self.z.device), self.z)
                if index not in self.fields:
                    self.fields[index] = f0[: self.n].clone()
                self.z = self.method.step(field, start, end - start, self.z, f0).y1
                problem.statistics.accepted += 1
            if index > 1:
                self.z = self.at_output(index - 1, self.z)


class SegmentReverse(Reverse):
    """A solve of its own for every interval between outputs: what any method can do."""

    def run(self) -> None:
        """Solve from the last output back to the first."""
        problem = self.problem
        options: Mapping[str, Any] = dict(problem.options or {})
        if problem.method.adaptive:
            options = {**options, "norm": problem.scale().norm}
        for index in range(len(self.values) - 1, 0, -1):
            solution = solve(
                self.augmented,
                self.z,
                problem.t[[index, index - 1]].detach(),
                method=problem.method,
                rtol=problem.rtol,
                atol=problem.atol,
                options=options,
            )
            if not isinstance(solution.states, torch.Tensor):
                raise TypeError("a state that is one tensor has outputs that are one tensor")
            self.z = solution.states[-1]
            for name in ("accepted", "rejected", "host_syncs"):
                setattr(
                    problem.statistics, name, getattr(problem.statistics, name) + getattr(solution.statistics, name)
                )
            if index > 1:
                self.z = self.at_output(index - 1, self.z)
