"""Gradients of reversible methods: the backward pass rebuilds the forward path from its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from suite.gradients.differentiated_call import DifferentiatedCall, refuse_dense_and_compiled
from suite.gradients.parameters import trained_parameters
from suite.gradients.recorded_steps import RecordedSteps, Recorder
from suite.gradients.retaken_steps import Carried, PullBack, Retaking
from suite.solvers.differentiation import Differentiation
from suite.solvers.errors import InvalidProblemError
from suite.solvers.grid_loop import GridStep
from suite.solvers.method import GridMethod
from suite.solvers.methods import METHODS, find
from suite.solvers.options import FixedGridOptions
from suite.solvers.problem import Problem
from suite.solvers.reversible import ReversibleMethod, ReversibleStep, ReversibleStepper
from suite.solvers.runge_kutta import Field
from suite.solvers.solution import Solution
from suite.solvers.stage_sum import Time
from suite.solvers.state import State, StateLayout
from suite.solvers.vector_field import PackedField, VectorField


@dataclass(frozen=True)
class Reversible(Differentiation):
    """Gradients of the discretised solution in memory that does not grow with the number of steps.

    For the methods ``reversible_heun`` and ``asynchronous_leapfrog``, whose steps have an inverse in closed form: the
    backward pass undoes the steps one by one, from what the method carried at the end, and pulls the adjoint back over
    each. The gradients equal those of ``gradient=None`` to the rounding with which the path is rebuilt (for the initial
    state, the parameters and the output times). A field that contracts strongly amplifies that rounding in reverse,
    by the factor by which it contracts. Beside the last state, 16 bytes a step are kept, for its start and size.

    Attributes:
        parameters: What to differentiate by beside the state and the times; the vector field's parameters by default.
    """

    parameters: Sequence[Tensor] | None = None

    def solve(self, vector_field: VectorField, y0: State, t: Tensor, arguments: Mapping[str, Any]) -> Solution:
        """Solve without autograd, keeping what the method carries at the end.

        Raises:
            InvalidProblemError: When the method is not reversible.
        """
        refuse_dense_and_compiled("Reversible", arguments)
        parameters = trained_parameters(vector_field, self.parameters)
        method = find(arguments["method"])
        if not isinstance(method, ReversibleMethod):
            known = " or ".join(name for name, other in METHODS.items() if isinstance(other, ReversibleMethod))
            raise InvalidProblemError(f"Reversible takes a reversible method, {known}, not {method.name!r}")
        layout = StateLayout.of(y0)
        call = DifferentiatedCall(vector_field, layout, arguments, method)
        return call.solution(_Reversible.apply(call, layout.pack(y0), t, *parameters), t)


class _EndRecorder(Recorder):
    """Records steps, and what the method carries after the last.

    Attributes:
        carried: What it carries; nothing before the first step.
    """

    carried: Carried = ()


class _RecordedMethod(GridMethod):
    """A reversible method whose steps are recorded."""

    _recorder: _EndRecorder
    _method: ReversibleMethod

    def __init__(self, method: ReversibleMethod, recorder: _EndRecorder) -> None:
        super().__init__(method.name, method.order)
        object.__setattr__(self, "_method", method)
        object.__setattr__(self, "_recorder", recorder)

    def stepper(self, problem: Problem, options: FixedGridOptions) -> ReversibleStepper:
        self._recorder.begin(problem.values, options)
        return _RecordingStepper(self._method, self._recorder)


class _RecordingStepper(ReversibleStepper):
    """Takes the steps of one solve, and records them."""

    def __init__(self, method: ReversibleMethod, recorder: _EndRecorder) -> None:
        super().__init__(method)
        self._recorder = recorder
        self._last: ReversibleStep | None = None

    def step(self, field: Field, t: Time, h: Time, y: Tensor, f0: Tensor | None) -> ReversibleStep:
        self._last = super().step(field, t, h, y, f0)
        return self._last

    def accept(self) -> None:
        super().accept()
        if self._last is not None and self.carried is not None:
            self._recorder.accepted(self._last)
            self._recorder.carried = self.carried


class _RetakenReversible(Retaking):
    """Takes the steps of a reversible method again; the first starts from the state alone."""

    def __init__(self, field: PackedField, steps: RecordedSteps, method: ReversibleMethod) -> None:
        super().__init__(field, steps)
        self._method = method

    def take(
        self,
        index: int,
        t: Time,
        h: Time,
        carried: Carried,
        f0: Tensor | None,  # noqa: ARG002 - the method carries a field of its own
    ) -> tuple[GridStep, Carried]:
        before = self._method.begin(self.field, t, carried[0]) if index == 0 else carried
        after = self._method.advance(self.field, t, h, before)
        return ReversibleStep.between(t, h, before, after), after

    def undo(self, index: int, carried: Carried) -> Carried:
        """Return what was carried before a step; before the first, that is the state alone."""
        with torch.no_grad():
            before = self._method.retreat(self.field, self.steps.starts[index], self.steps.sizes[index], carried)
        return before if index > 0 else before[:1]


class _Reversible(torch.autograd.Function):
    """Outputs of the packed state, shape ``[outputs, *state]``; differentiated by undoing the steps."""

    @staticmethod
    def forward(
        ctx: Any, call: DifferentiatedCall[ReversibleMethod], y0: Tensor, t: Tensor, *parameters: Tensor
    ) -> Tensor:
        recorder = _EndRecorder()
        states, _ = call.forward(y0, t, method=_RecordedMethod(call.method, recorder))
        ctx.call, ctx.steps, ctx.parameters = call, recorder.steps, len(parameters)
        ctx.save_for_backward(t, *parameters, *recorder.carried)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor | None, ...]:
        call: DifferentiatedCall[ReversibleMethod] = ctx.call
        t, *saved = ctx.saved_tensors
        parameters, carried = tuple(saved[: ctx.parameters]), tuple(saved[ctx.parameters :])
        field = call.packed_field()
        retaking = _RetakenReversible(field, ctx.steps, call.method)
        pull_back = PullBack(retaking, cotangents, parameters, t if ctx.needs_input_grad[2] else None)
        adjoint: Carried = tuple(torch.zeros_like(tensor) for tensor in carried)
        for index in reversed(range(len(ctx.steps))):
            carried = retaking.undo(index, carried)
            adjoint = pull_back(index, index + 1, carried, adjoint)
        call.backward.nfe += field.nfe
        call.backward.accepted += retaking.taken
        start = adjoint[0] + cotangents[0] if adjoint else cotangents[0]
        return None, start, pull_back.time_gradients, *pull_back.parameter_gradients
