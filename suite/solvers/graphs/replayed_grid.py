"""Forward solves over a fixed grid by replaying one recording of the whole."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from suite.solvers.graphs.choice import attempt, insists, obstacles_of_problem, require, weakly
from suite.solvers.graphs.kept import kept_for
from suite.solvers.graphs.recorded_grid import RecordedGrid, record_grid
from suite.solvers.graphs.recorder import GraphRecorder
from suite.solvers.options import FixedGridOptions
from suite.solvers.problem import Problem
from suite.solvers.solution import Statistics
from suite.solvers.vector_field import PackedField, VectorField, count_evaluations, without_counters

Integrate = Callable[[Problem], object]
"""Integrates a problem over its grid, and returns what took the steps."""


@dataclass(frozen=True)
class Recorded:
    """What takes the steps of a grid, as far as a recording fixes it.

    Attributes:
        method: What tells one recording from another.
        reads: Tensors that the steps read beside the problem, and whose values may change from replay to replay.
        followed: Whether ``method`` is another one where anything else changes that the steps depend on.
    """

    method: Hashable
    reads: tuple[Tensor, ...] = ()
    followed: bool = True


def replayed_on_grid(problem: Problem, settings: FixedGridOptions, steps: Recorded, integrate: Integrate) -> bool:
    """Integrate over a fixed grid by one replay; return False where the host has to take the steps.

    The operations are those of the host's steps, compiled ones where these are, in the same order: so are the results,
    bit for bit.

    Args:
        problem: The problem.
        settings: Options of the grid.
        steps: What takes the steps.
        integrate: How the host does it.
    """

    def replay(recorder: GraphRecorder) -> bool:
        subject, counters = without_counters(problem.vector_field)
        unseen = problem.graph == "auto" and not steps.followed
        require(iter([(unseen, "the method has a function, and what changes in one is not seen")]))
        require(obstacles_of_problem(problem, subject, *steps.reads))
        layout = problem.field.layout
        key = (
            "grid",
            problem.compile,
            steps.method,
            settings,
            tuple(problem.values),
            layout,
            problem.y0.shape,
            problem.y0.stride(),
        )

        def record() -> RecordedGrid:
            return _record_grid(recorder, problem, subject, integrate)

        grid = kept_for(subject).get(subject, key, record, at_once=insists(problem.graph))
        (outputs,) = grid.run(problem.statistics, problem.y0)
        problem.outputs.extend(outputs.unbind())
        count_evaluations(problem.field, counters, grid.evaluations)
        return True

    return bool(attempt(replay, problem.y0.device, problem.graph, problem.statistics))


def _record_grid(recorder: GraphRecorder, problem: Problem, subject: VectorField, integrate: Integrate) -> RecordedGrid:
    layout = problem.field.layout
    with torch.inference_mode(False), torch.no_grad():
        y0 = torch.empty_like(problem.y0).copy_(problem.y0)
        outputs = y0.new_zeros((len(problem.values) - 1, *y0.shape))
    # Of nothing that keeps the field alive.
    template = replace(
        problem,
        vector_field=weakly(subject),
        initial=layout.unpack(y0),
        y0=y0,
        field=PackedField(weakly(subject), layout),
        statistics=Statistics(),
    )

    def walk(field: PackedField, statistics: Statistics) -> object:
        static = replace(template, field=field, vector_field=field.vector_field, statistics=statistics)
        stepper = integrate(static)
        torch.stack(static.outputs[1:], out=outputs)
        return stepper

    return record_grid(recorder, walk, (y0,), (outputs,), subject, layout, compiled=problem.compile)
