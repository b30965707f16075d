"""A recorded walk over a fixed grid: one replay does all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.solvers.compiled import CompiledRungeKutta
from suite.solvers.graphs.choice import reference, weakly
from suite.solvers.graphs.kept import NotRecordedError
from suite.solvers.graphs.recorder import GraphRecorder, recorded
from suite.solvers.solution import Statistics
from suite.solvers.state import StateLayout
from suite.solvers.vector_field import PackedField, VectorField

_MOST_EVALUATIONS = 4096  # in one recording: each is some ten launches, and a launch some hundred bytes

Walk = Callable[[PackedField, Statistics], object]
"""Walks from fixed inputs to fixed outputs, counting, and returns what took the steps."""


@dataclass(frozen=True, eq=False)
class RecordedGrid:
    """A recorded walk over a fixed grid.

    Attributes:
        inputs: Where what it starts from is put.
        outputs: Where its results are found.
        replay: Does it.
        steps: Steps taken.
        evaluations: Evaluations of the field.
        constants: What the recording reads and does not own.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    replay: Callable[[], None]
    steps: int
    evaluations: int
    constants: object

    def run(self, statistics: Statistics, *given: Tensor) -> list[Tensor]:
        """Walk from other inputs, count the steps and the replay, and return the results."""
        for place, value in zip(self.inputs, given, strict=True):
            place.copy_(value)
        self.replay()
        statistics.accepted += self.steps
        statistics.graph_replays += 1
        return [value.clone() for value in self.outputs]


def record_grid(
    recorder: GraphRecorder,
    walk: Walk,
    inputs: tuple[Tensor, ...],
    outputs: tuple[Tensor, ...],
    subject: VectorField,
    layout: StateLayout,
    *,
    compiled: bool,
    products: bool = False,
) -> RecordedGrid:
    """Record a walk.

    Args:
        recorder: Records it.
        walk: What is recorded.
        inputs: What it reads.
        outputs: What it writes.
        subject: The vector field without counters; the recording does not keep it alive.
        layout: How the state is packed.
        compiled: Whether steps are compiled: the compiler has to see the field itself.
        products: Whether there is a vector-Jacobian product beside every evaluation of the field.

    Raises:
        NotRecordedError: When the walk is too long for one recording.
    """
    found = reference(subject)
    most = _MOST_EVALUATIONS // (1 + products)
    constants: list[object] = []
    costs: list[tuple[int, int]] = []

    def work() -> None:
        vector_field = found()
        field, statistics = PackedField(vector_field if compiled else weakly(vector_field), layout), Statistics()
        stepper = walk(field, statistics)
        # A compiled step refers to the field, with which its graphs are kept.
        constants.append(stepper.clocks if isinstance(stepper, CompiledRungeKutta) else stepper)
        costs.append((statistics.accepted, field.nfe))
        if field.nfe > most:
            raise NotRecordedError(f"its {field.nfe} evaluations are more than {most}")

    with torch.inference_mode(False), torch.no_grad():
        replay = recorded(recorder, work)
    return RecordedGrid(inputs, outputs, replay, *costs[-1], constants)
