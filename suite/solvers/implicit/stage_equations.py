"""The equations that the stages of an implicit Runge-Kutta step satisfy."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.solvers.implicit.stage_system import (
    DenseLinearisation,
    DenseSystem,
    KrylovSystem,
    Linearisation,
    ProductLinearisation,
    RealField,
    StageSystem,
)
from suite.solvers.solution import Statistics


@dataclass(frozen=True, eq=False)
class StageEquations:
    """``G(z) = z - known - h a F(y + z) = 0`` for the increments z of one block of stages, shape ``[stages, n]``.

    Hairer and Wanner, *Solving Ordinary Differential Equations II*, equation (IV.8.2a): with the increments, rather
    than the stages, as unknowns, small steps lose no digits.

    Attributes:
        field: The vector field on a vector.
        clocks: Time of each stage.
        y: State at the start of the step, shape ``[n]``.
        known: What the stages of earlier blocks contribute, shape ``[stages, n]``.
        scaled: ``h a`` of this block, shape ``[stages, stages]``.
        dense: Whether Jacobians are formed and factorised.
        statistics: Counts host synchronisations.
    """

    field: RealField
    clocks: Sequence[Tensor]
    y: Tensor
    known: Tensor
    scaled: Tensor
    dense: bool
    statistics: Statistics

    def frozen(self) -> StageEquations:
        """Return the same equations as constants to autograd."""
        return dataclasses.replace(
            self,
            clocks=[clock.detach() for clock in self.clocks],
            y=self.y.detach(),
            known=self.known.detach(),
            scaled=self.scaled.detach(),
        )

    def start(self) -> Tensor:
        """Return the first guess, zero: the stages of a stiff problem stay close to the state, whatever its slope."""
        return self.y.detach().new_zeros(len(self.clocks), self.y.numel())

    def residual(self, z: Tensor) -> Tensor:
        """Return G(z)."""
        states = self.y + z
        values = [self.field(clock, state) for clock, state in zip(self.clocks, states.unbind(), strict=True)]
        return self._residual(z, values)

    def linearise(self, z: Tensor) -> tuple[StageSystem, Tensor]:
        """Return the derivative of G at z, and G(z)."""
        points = zip(self.clocks, (self.y + z).unbind(), strict=True)
        linearisations = [linearise(self.field, clock, state, dense=self.dense) for clock, state in points]
        return self.system(linearisations), self._residual(z, [at.value for at in linearisations])

    def system(self, linearisations: Sequence[Linearisation]) -> StageSystem:
        """Return the derivative of G from one linearisation of the field for each stage."""
        if self.dense:
            return DenseSystem(self.scaled, [at for at in linearisations if isinstance(at, DenseLinearisation)])
        return KrylovSystem(self.scaled, linearisations, self.statistics)

    def _residual(self, z: Tensor, values: Sequence[Tensor]) -> Tensor:
        return z - self.known - self.scaled @ torch.stack(list(values))


def linearise(field: RealField, clock: Tensor, state: Tensor, *, dense: bool) -> Linearisation:
    """Return the field and its Jacobian at a state: as a matrix, or as products."""
    return DenseLinearisation(field, clock, state) if dense else ProductLinearisation(field, clock, state)
