"""Adaptive solves inside a recording that autograd is to follow: a backward pass takes their steps again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from suite.solvers.graphs.choice import require, weakly
from suite.solvers.graphs.field_identity import module_of
from suite.solvers.graphs.resident import TakenStep, column, states_inside
from suite.solvers.problem import Problem
from suite.solvers.runge_kutta import RungeKutta
from suite.solvers.tableau import ButcherTableau
from suite.solvers.vector_field import PackedField, without_counters

Forward = Callable[[list[TakenStep]], Tensor]
"""Solves without autograd, adds the steps it tries to a list, and returns outputs, shape ``[outputs, *state]``."""


def followed(forward: Forward, problem: Problem, tableau: ButcherTableau) -> Tensor:
    """Return the outputs of a solve, with the gradients that autograd through its steps has, to rounding.

    Autograd itself cannot follow steps of which the device alone knows whether they were accepted: it would go back
    through the step-size control too. Evaluations of the backward pass are not counted, as autograd's are not.

    Args:
        forward: Solves.
        problem: The problem, which autograd follows.
        tableau: The method.

    Raises:
        NotRecordedError: Where something stands in the way.
    """
    subject, _ = without_counters(problem.vector_field)
    require(_obstacles(problem, subject))
    module = module_of(subject)
    parameters = [] if module is None else [value for value in module.parameters() if value.requires_grad]
    field = PackedField(weakly(subject), problem.field.layout)
    # With no output inside, nobody asks for the field at the end of a step.
    whole = tableau if len(problem.values) > 2 else tableau.without_last_stage
    outputs: Tensor = _Followed.apply(forward, field, whole, problem.y0, *parameters)
    return outputs


def is_followed(problem: Problem) -> bool:
    """Say whether autograd follows a solve."""
    module = module_of(without_counters(problem.vector_field)[0])
    values = (problem.y0, problem.t, *(() if module is None else module.parameters()))
    return torch.is_grad_enabled() and any(value.requires_grad for value in values)


class _Followed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, forward: Forward, field: PackedField, tableau: ButcherTableau, y0: Tensor, *parameters: Tensor
    ) -> Tensor:
        taken: list[TakenStep] = []
        outputs = forward(taken)
        ctx.taken, ctx.field, ctx.method = taken, field, RungeKutta(tableau, y0)
        ctx.save_for_backward(*parameters)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor | None, ...]:
        field, method, parameters = ctx.field, ctx.method, ctx.saved_tensors
        inner, adjoint = cotangents[:-1], cotangents[-1]
        count = len(inner)  # of the places for them some are empty
        gradients = [torch.zeros_like(parameter) for parameter in parameters]
        for taken in reversed(ctx.taken):
            # Over no time, as after the end and where a step was refused, the adjoint comes back as it went.
            y = taken.y.detach().requires_grad_()
            with torch.enable_grad():
                step = method.step(field, taken.time, taken.size, y, None)
                reached, weights = [step.y1], [adjoint]
                if count > 0:
                    step.complete(field)
                    reached.append(states_inside(y, step.dense_slopes(), taken.weights[:count]))
                    weights.append(torch.where(column(taken.passed[:count], y), inner, torch.zeros_like(inner)))
            adjoint, *products = torch.autograd.grad(reached, (y, *parameters), weights, allow_unused=True)
            for total, product in zip(gradients, products, strict=True):
                if product is not None:
                    total.add_(product)
        return None, None, None, adjoint, *gradients


def _obstacles(problem: Problem, subject: Any) -> Iterator[tuple[bool, str]]:
    module = module_of(subject)
    yield problem.compile, "compiled steps are not taken again for a backward pass"
    yield problem.t.requires_grad, "gradients with respect to the output times are the host's"
    yield module is None, "the vector field is no module, and nobody knows what its gradients are of"
    others = () if module is None else _others(module)
    yield any(value.requires_grad for value in others), "the vector field reads tensors with gradients of their own"


def _others(module: nn.Module) -> Iterator[Tensor]:
    """Yield the tensors that a module holds beside its parameters."""
    for part in module.modules():
        yield from (value for value in part._buffers.values() if value is not None)
        yield from (value for value in vars(part).values() if isinstance(value, Tensor))
