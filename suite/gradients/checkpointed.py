"""Discrete gradients with checkpoints: those of autograd through the steps, in a fraction of the memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from suite.gradients.binomial import reverse
from suite.gradients.differentiated_call import DifferentiatedCall, refuse_dense_and_compiled
from suite.gradients.parameters import trained_parameters
from suite.gradients.recorded_steps import RecordedRungeKutta, RecordedSteps, Recorder
from suite.gradients.retaken_steps import PullBack, RetakenRungeKutta
from suite.solvers.differentiation import Differentiation
from suite.solvers.errors import InvalidProblemError
from suite.solvers.grid_loop import GridStep
from suite.solvers.method import ExplicitRungeKutta
from suite.solvers.methods import find
from suite.solvers.solution import Solution
from suite.solvers.state import State, StateLayout
from suite.solvers.vector_field import VectorField


@dataclass(frozen=True)
class Checkpointed(Differentiation):
    """Gradients of the discretised solution, from steps taken again out of stored states.

    They equal those of ``gradient=None`` to rounding, for the initial state, the parameters and the output times: the
    backward pass takes the accepted steps of the forward pass again, without step control. Beside the states stored
    (and 16 bytes a step for its start and size), memory is that of the autograd graph of one step, or of ``every``
    steps.

    * By default states are stored by a binomial schedule (Griewank and Walther 2000) whose number of checkpoints is the
      logarithm of the number of steps: memory and steps taken again both grow with that logarithm, at most.
    * ``budget=k`` stores at most ``k`` states at once, and then takes as few steps again as that allows.
    * ``every=n`` stores the state before every ``n``-th step, and takes each step again once.

    For explicit Runge-Kutta methods, adaptive or not.

    Attributes:
        every: Store the state before every so many steps.
        budget: Store at most so many states.
        parameters: What to differentiate by beside the state and the times; the vector field's parameters by default.

    Raises:
        InvalidProblemError: When both are given, or one is below 1.
    """

    every: int | None = None
    budget: int | None = None
    parameters: Sequence[Tensor] | None = None

    def __post_init__(self) -> None:
        if self.every is not None and self.budget is not None:
            raise InvalidProblemError("Checkpointed takes every or budget, not both")
        for name in ("every", "budget"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int) and value >= 1):
                raise InvalidProblemError(f"{name} of Checkpointed is an integer of at least 1, not {value!r}")

    def solve(self, vector_field: VectorField, y0: State, t: Tensor, arguments: Mapping[str, Any]) -> Solution:
        """Solve without autograd, storing states on the way.

        Raises:
            InvalidProblemError: When the method is not an explicit Runge-Kutta method.
        """
        refuse_dense_and_compiled("Checkpointed", arguments)
        parameters = trained_parameters(vector_field, self.parameters)
        method = find(arguments["method"])
        if not isinstance(method, ExplicitRungeKutta):
            raise InvalidProblemError(f"Checkpointed takes an explicit Runge-Kutta method, not {method.name!r}")
        method, options = method.stepping(arguments["options"])
        layout = StateLayout.of(y0)
        call = DifferentiatedCall(vector_field, layout, {**arguments, "options": options}, method)
        return call.solution(_Checkpointed.apply(call, self, layout.pack(y0), t, *parameters), t)


class _Checkpoints(Recorder):
    """Records steps, and stores the states before some of them."""

    def __init__(self, every: int | None, budget: int | None) -> None:
        self.positions = [0]
        self.states: list[Tensor] = []
        self._every, self._budget = every, budget

    def accepted(self, step: GridStep) -> None:
        index = len(self.steps)
        super().accepted(step)
        if index == 0:
            return
        wanted = index % self._every == 0 if self._every is not None else index < (self._budget or 0)
        if wanted:
            self.positions.append(index)
            self.states.append(step.y0)
        elif index == self._budget:
            # More steps than states: where to store them is known only once the steps are counted.
            self.positions, self.states = [0], []


class _Checkpointed(torch.autograd.Function):
    """Outputs of the packed state, shape ``[outputs, *state]``; differentiated by taking the steps again."""

    @staticmethod
    def forward(
        ctx: Any,
        call: DifferentiatedCall[ExplicitRungeKutta],
        way: Checkpointed,
        y0: Tensor,
        t: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        checkpoints = _Checkpoints(way.every, way.budget)
        states, _ = call.forward(y0, t, method=RecordedRungeKutta(call.method, checkpoints))
        ctx.call, ctx.way, ctx.parameters = call, way, len(parameters)
        ctx.steps, ctx.positions = checkpoints.steps, checkpoints.positions
        ctx.save_for_backward(t, *parameters, y0, *checkpoints.states)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor | None, ...]:
        call: DifferentiatedCall[ExplicitRungeKutta] = ctx.call
        steps: RecordedSteps = ctx.steps
        t, *saved = ctx.saved_tensors
        parameters, states = tuple(saved[: ctx.parameters]), saved[ctx.parameters :]
        field = call.packed_field()
        retaking = RetakenRungeKutta(field, steps, call.method.tableau, states[0])
        pull_back = PullBack(retaking, cotangents, parameters, t if ctx.needs_input_grad[3] else None)
        adjoint: tuple[Tensor, ...] = (torch.zeros_like(states[0]),)
        budget = ctx.way.budget or len(steps).bit_length()
        last = len(steps)
        while states:
            state: tuple[Tensor, ...] = (states.pop(),)
            first = ctx.positions[len(states)]
            if first < last and ctx.way.every is not None:
                adjoint = pull_back(first, last, state, adjoint)
            elif first < last:
                free = budget - len(states)
                adjoint = reverse(retaking.advance, pull_back, (first, last), state, free, adjoint)
            last = first
        call.backward.nfe += field.nfe
        call.backward.accepted += retaking.taken
        start = adjoint[0] + cotangents[0]
        return None, None, start, pull_back.time_gradients, *pull_back.parameter_gradients
