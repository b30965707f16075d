"""Which solver a network is trained or tested with: a method with a number of equal steps, or with a tolerance."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from suite.declarations import Axis
from suite.models import Gradient, ODEBlock
from suite.models.convolutional_field import ConvolutionalField


@dataclass(frozen=True)
class SolverChoice:
    """A method of ``suite.solvers`` over the unit of depth.

    Attributes:
        method: Its name.
        tolerance: Relative and absolute tolerance; of a fixed-step method, that of its implicit equation.
        steps: Equal steps of a fixed-step method; zero for one that chooses its steps.
        max_iters: Largest number of iterations of an implicit equation; zero where there is none.
    """

    method: str
    tolerance: float
    steps: int = 0
    max_iters: int = 0

    @property
    def options(self) -> dict[str, Any] | None:
        """Options of the method; None where it needs none."""
        steps = {"step_size": 1 / self.steps} if self.steps > 1 else {}
        iterations = {"max_iters": self.max_iters} if self.max_iters else {}
        return {**steps, **iterations} or None

    @property
    def axes(self) -> dict[str, Axis]:
        """The axes of a measurement that a network is tested with it in."""
        accuracy: dict[str, Axis] = {"test_steps": self.steps} if self.steps else {"test_tolerance": self.tolerance}
        return {"test_solver": self.method, **accuracy}

    def block(self, channels: int, gradient: Gradient) -> ODEBlock:
        """Return a block of continuous depth on states of ``channels`` channels that is solved with it."""
        return ODEBlock(
            ConvolutionalField(channels),
            method=self.method,
            rtol=self.tolerance,
            atol=self.tolerance,
            gradient=gradient,
            options=self.options,
        )

    def in_place_of(self, block: ODEBlock) -> AbstractContextManager[None]:
        """Solve a block with it inside the ``with`` block, in place of the solver that the block has."""
        return block.solved_by(self.method, rtol=self.tolerance, atol=self.tolerance, options=self.options)
