"""One step of an implicit Runge-Kutta method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from suite.solvers.hermite_step import HermiteStep
from suite.solvers.implicit.newton import NewtonLimits, attach, newton
from suite.solvers.implicit.stage_equations import StageEquations, linearise
from suite.solvers.implicit.stage_system import StageSystem
from suite.solvers.implicit.tableau import ImplicitTableau
from suite.solvers.order_conditions import Array
from suite.solvers.runge_kutta import Field
from suite.solvers.solution import Statistics
from suite.solvers.stage_sum import Time
from suite.solvers.times import number


@dataclass(frozen=True, eq=False)
class Block:
    """Stages that are solved for together, bound to a dtype and a device.

    Attributes:
        stages: Which.
        before: Their coefficients of the stages before, shape ``[stages, stages before]``.
        within: Their coefficients of each other, shape ``[stages, stages]``.
        inverse: The inverse of these; None where they are zero, which makes the stage explicit.
        key: The same for all blocks with the same coefficients within.
    """

    stages: slice
    before: Tensor
    within: Tensor
    inverse: Tensor | None
    key: bytes


class ImplicitRungeKutta:
    """Steps an implicit tableau for states of one shape, dtype and device.

    The state is a vector of real numbers here; a complex one has its real and imaginary parts in it, so that fields
    that are not holomorphic are solved for, and differentiated, like any other.

    Args:
        tableau: The method.
        like: A state.
        limits: When Newton's method stops.
        dense_limit: Largest number of unknowns for which Jacobians are formed and factorised.
        statistics: Counts host synchronisations.
    """

    def __init__(
        self, tableau: ImplicitTableau, like: Tensor, limits: NewtonLimits, dense_limit: float, statistics: Statistics
    ) -> None:
        self.tableau = tableau
        self._limits, self._statistics = limits, statistics
        self._shape, self._complex = like.shape, like.is_complex()
        self._dtype, self._device = like.dtype.to_real(), like.device
        n = like.numel() * (2 if self._complex else 1)
        self._dense = n * max(stages.stop - stages.start for stages in tableau.blocks) <= dense_limit
        self._blocks = [self._block(stages) for stages in tableau.blocks]
        self._weights = self._constant(tableau.weights)
        self._nodes = self._constant(tableau.nodes)
        self._ends_with_stage = tableau.stiffly_accurate and self._blocks[-1].inverse is not None

    def step(self, field: Field, t: Time, h: Time, y: Tensor, f0: Tensor | None) -> HermiteStep:
        """Take one step.

        Args:
            field: Vector field on the packed state.
            t: Time at the start.
            h: Signed step size.
            y: State.
            f0: Field at the start, where it is known.

        Raises:
            NonFiniteError: The field is not finite at the start.
            StageEquationError: The stage equations could not be solved.
        """

        def real_field(clock: Tensor, x: Tensor) -> Tensor:
            return self._flat(field(clock, self._restored(x)))

        x, clocks = self._flat(y), (self._nodes * h + t).unbind()
        start = torch.as_tensor(t, dtype=self._dtype, device=self._device)
        at_start = linearise(real_field, start, x.detach(), dense=self._dense)
        if f0 is None and not torch.is_grad_enabled():
            f0 = self._restored(at_start.value)
        slopes, z = x.new_zeros(0, len(x)), x.new_zeros(1, len(x))
        systems: dict[bytes, StageSystem] = {}  # of the start; several blocks may share one
        for block in self._blocks:
            known = h * (block.before @ slopes)
            if block.inverse is not None:
                scaled, times = h * block.within, clocks[block.stages]
                equations = StageEquations(real_field, times, x, known, scaled, self._dense, self._statistics)
                if block.key not in systems:
                    systems[block.key] = equations.frozen().system([at_start] * len(times))
                z = self._solved(equations, systems[block.key], number(t))
                found = block.inverse @ (z - known) / h  # the field there, without the rounding of evaluating it
            elif block.stages.start > 0:
                found = real_field(clocks[block.stages.start], x + known[0])[None]
            else:
                f0 = field(start, y) if f0 is None else f0
                found = self._flat(f0)[None]
            slopes = torch.cat([slopes, found])
        end = x + z[-1] if self._ends_with_stage else x + h * (self._weights @ slopes)
        return HermiteStep(t, h, y, self._restored(end), f0)

    def accept(self) -> None:
        """Say that the walk goes on from the last step: nothing is remembered between steps."""

    def _solved(self, equations: StageEquations, system: StageSystem, time: float) -> Tensor:
        """Return the increments that solve the equations, as a function of what they depend on where autograd asks."""
        frozen = equations.frozen()
        # Under the caller's mode: this evaluation shows whether the field has parameters that autograd follows.
        residual = frozen.residual(frozen.start())
        inputs = (equations.y, equations.known, equations.scaled, *equations.clocks, residual)
        followed = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)
        with torch.no_grad():
            z = newton(frozen, system, residual.detach(), self._limits, time)
        return attach(equations, z) if followed else z

    def _block(self, stages: slice) -> Block:
        rows = self.tableau.coefficients[stages]
        within = rows[:, stages]
        explicit = self.tableau.is_explicit(stages)
        inverse = None if explicit else self._constant(np.asarray(np.linalg.inv(within), dtype=np.float64))
        before = self._constant(rows[:, : stages.start])
        return Block(stages, before, self._constant(within), inverse, within.tobytes())

    def _constant(self, values: Array) -> Tensor:
        return torch.as_tensor(values, dtype=self._dtype, device=self._device)

    def _flat(self, packed: Tensor) -> Tensor:
        return (torch.view_as_real(packed.resolve_conj()) if self._complex else packed).reshape(-1)

    def _restored(self, flat: Tensor) -> Tensor:
        if self._complex:
            return torch.view_as_complex(flat.reshape(*self._shape, 2))
        return flat.reshape(self._shape)
