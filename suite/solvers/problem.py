"""A checked initial value problem on the packed state, and its outputs as they come."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.solvers.errors import NonFiniteError
from suite.solvers.solution import DenseStep, Interpolant, Solution, Statistics
from suite.solvers.stage_sum import Time
from suite.solvers.state import State
from suite.solvers.vector_field import PackedField, VectorField


@dataclass(eq=False)
class Problem:
    """What a method integrates.

    Attributes:
        vector_field: The user's function.
        initial: The initial state as the user gave it.
        t: The output times as the user gave them, shape ``[outputs]``.
        field: The vector field on the packed state.
        y0: The packed initial state.
        values: The output times as numbers.
        clocks: The same, tensors where gradients with respect to them are wanted.
        rtol: Relative tolerance as the user gave it.
        atol: Absolute tolerance likewise.
        dense: Whether every step is kept.
        statistics: Cost so far.
        outputs: States at the first output times, packed; begins with ``y0``.
        kept: Steps kept so far.
        checked: Whether every state so far is known to be finite.
    """

    vector_field: VectorField
    initial: State
    t: Tensor
    field: PackedField
    y0: Tensor
    values: list[float]
    clocks: list[Time]
    rtol: float | State
    atol: float | State
    dense: bool
    statistics: Statistics = dataclasses.field(default_factory=Statistics)
    outputs: list[Tensor] = dataclasses.field(init=False)
    kept: list[DenseStep] = dataclasses.field(default_factory=list)
    checked: bool = False

    def __post_init__(self) -> None:
        self.outputs = [self.y0]
        self.statistics.host_syncs += 1  # the output times were read

    @property
    def direction(self) -> int:
        """1 forwards in time, -1 backwards."""
        return 1 if self.values[-1] >= self.values[0] else -1

    def next_is_due(self, time: float) -> bool:
        """Say whether the next output lies at or before this time."""
        index = len(self.outputs)
        return index < len(self.values) and self.direction * (self.values[index] - time) <= 0

    def solution(self, *, require_finite: bool = False) -> Solution:
        """Return the solution as far as it has come.

        Raises:
            NonFiniteError: When ``require_finite`` is set and a state is not; the outputs from it on are dropped.
        """
        states = torch.stack(self.outputs)
        if require_finite:
            self.statistics.host_syncs += 1
            if not bool(states.detach().isfinite().all()):
                self._drop_what_is_not_finite(states)
        layout = self.field.layout
        self.statistics.nfe = self.field.nfe
        interpolant = Interpolant(layout, self.kept) if self.kept else None
        return Solution(self.t[: len(self.outputs)], layout.unpack(states), self.statistics, interpolant)

    def _drop_what_is_not_finite(self, states: Tensor) -> None:
        finite = states.detach().isfinite().reshape(len(states), -1).all(dim=1)
        first = int(finite.int().argmin())
        del self.outputs[max(first, 1) :]
        time = self.values[first]
        raise NonFiniteError(f"the state is not finite at the output time t = {time:g}", time)
