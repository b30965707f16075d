"""Algebraically reversible methods: a step can be undone exactly, so that a backward pass needs no stored path."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from torch import Tensor

from suite.solvers.hermite_step import HermiteStep
from suite.solvers.method import GridMethod
from suite.solvers.options import FixedGridOptions
from suite.solvers.problem import Problem
from suite.solvers.runge_kutta import Field
from suite.solvers.stage_sum import Time, factor
from suite.solvers.times import clock_of

Carried = tuple[Tensor, ...]
"""What a reversible method carries from step to step: the state first, then what makes its steps reversible."""


class ReversibleMethod(GridMethod):
    """A method of fixed steps with an inverse in closed form."""

    replayable: ClassVar[bool] = True

    def stepper(self, problem: Problem, options: FixedGridOptions) -> ReversibleStepper:  # noqa: ARG002 - needs neither
        """Return what takes the steps of one solve."""
        return ReversibleStepper(self)

    @abstractmethod
    def begin(self, field: Field, t: Time, y: Tensor) -> Carried:
        """Return what is carried at the start of a solve: ``y`` first, the field there last."""

    @abstractmethod
    def advance(self, field: Field, t: Time, h: Time, carried: Carried) -> Carried:
        """Take a step from ``t`` to ``t + h``."""

    @abstractmethod
    def retreat(self, field: Field, t: Time, h: Time, carried: Carried) -> Carried:
        """Undo a step from ``t`` to ``t + h``: return what was carried at ``t``, to rounding."""


class ReversibleHeun(ReversibleMethod):
    """The reversible Heun method: order 2, one evaluation a step.

    Kidger, Foster, Li and Lyons (2021), *Efficient and accurate gradients for neural SDEs*, Algorithms 1 and 2 without
    noise. Carries the state, a second approximation ``z`` to it, and the field at ``z``.
    """

    def begin(self, field: Field, t: Time, y: Tensor) -> Carried:
        """Start with both approximations at the initial state."""
        return y, y, field(_clock(t, y), y)

    def advance(self, field: Field, t: Time, h: Time, carried: Carried) -> Carried:
        """Leap ``z`` over ``y`` along the field, then move ``y`` along the mean of the field at both ``z``."""
        y, z, f = carried
        size = factor(h, y)
        z_end = 2 * y - z + size * f
        f_end = field(_clock(t + h, y), z_end)
        return y + size / 2 * (f + f_end), z_end, f_end

    def retreat(self, field: Field, t: Time, h: Time, carried: Carried) -> Carried:
        """The same with the step reversed: the method is symmetric."""
        y, z, f = carried
        size = factor(h, y)
        z_start = 2 * y - z - size * f
        f_start = field(_clock(t, y), z_start)
        return y - size / 2 * (f + f_start), z_start, f_start


class AsynchronousLeapfrog(ReversibleMethod):
    """The asynchronous leapfrog method: order 2, one evaluation a step.

    Mutze (2013), *An asynchronous leapfrog method II*; Zhuang, Dvornek, Tatikonda and Duncan (2021), *MALI: a memory
    efficient and reverse accurate integrator for neural ODEs*, Algorithms 2 and 3. Carries the state and a velocity.
    """

    def begin(self, field: Field, t: Time, y: Tensor) -> Carried:
        """Start with the field as velocity."""
        return y, field(_clock(t, y), y)

    def advance(self, field: Field, t: Time, h: Time, carried: Carried) -> Carried:
        """Drift by half a step, reflect the velocity in the field there, drift by the other half."""
        y, v = carried
        half = factor(h, y) / 2
        middle = y + half * v
        v_end = 2 * field(_clock(t + h / 2, y), middle) - v
        return middle + half * v_end, v_end

    def retreat(self, field: Field, t: Time, h: Time, carried: Carried) -> Carried:
        """The same with the step reversed, the reflection being its own inverse."""
        y, v = carried
        half = factor(h, y) / 2
        middle = y - half * v
        v_start = 2 * field(_clock(t + h / 2, y), middle) - v
        return middle - half * v_start, v_start


class ReversibleStep(HermiteStep):
    """One step of a reversible method; in place of the slopes at its ends is what the method carries.

    That is the field to second order in the step size, which is the method's own order.
    """

    @classmethod
    def between(cls, start: Time, size: Time, before: Carried, after: Carried) -> ReversibleStep:
        """Return the step from what was carried at its start and what is carried at its end."""
        return cls(start, size, before[0], after[0], before[-1], after[-1])


class ReversibleStepper:
    """Takes the steps of one solve by a reversible method; carries what the method needs beside the state.

    Attributes:
        carried: What is carried after the last accepted step; None before the first.
    """

    def __init__(self, method: ReversibleMethod) -> None:
        self.carried: Carried | None = None
        self._method = method
        self._tried: Carried | None = None

    def step(
        self,
        field: Field,
        t: Time,
        h: Time,
        y: Tensor,
        f0: Tensor | None,  # noqa: ARG002 - the method carries a field of its own
    ) -> ReversibleStep:
        """Take a step; from any state but the last step's end, the method starts anew."""
        before = self.carried
        if before is None or before[0] is not y:
            before = self._method.begin(field, t, y)
        self._tried = self._method.advance(field, t, h, before)
        return ReversibleStep.between(t, h, before, self._tried)

    def accept(self) -> None:
        """Say that the walk goes on from the last step."""
        self.carried = self._tried


def _clock(t: Time, y: Tensor) -> Tensor:
    return clock_of(t, y.dtype.to_real(), y.device)
