"""Adaptive solves inside a recording that autograd is to follow: a backward pass takes their steps again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.autograd.graph import Node

from suite.solvers.graphs.choice import require
from suite.solvers.graphs.kept import NotRecordedError
from suite.solvers.graphs.resident import TakenStep, column, states_inside
from suite.solvers.problem import Problem
from suite.solvers.runge_kutta import Field, RungeKutta
from suite.solvers.tableau import ButcherTableau
from suite.solvers.times import clock_of
from suite.solvers.vector_field import PackedField, without_counters

Forward = Callable[[list[TakenStep] | None], Tensor]
"""Solves without autograd, adds the steps it tries to a list, and returns outputs, shape ``[outputs, *state]``."""


def followed(forward: Forward, problem: Problem, tableau: ButcherTableau) -> Tensor:
    """Return the outputs of a solve, with the gradients that autograd through its steps has, to rounding.

    Autograd itself cannot follow steps of which the device alone knows whether they were accepted: it would go back
    through the step-size control too. Evaluations of the backward pass are not counted, as autograd's are not.

    Args:
        forward: Solves.
        problem: The problem.
        tableau: The method.

    Raises:
        NotRecordedError: Where something stands in the way.
    """
    if not torch.is_grad_enabled():
        return forward(None)
    require(_obstacles(problem))
    field = PackedField(without_counters(problem.vector_field)[0], problem.field.layout)
    inputs = _differentiated_by(field, problem)
    if not (inputs or problem.y0.requires_grad):
        return forward(None)
    # With no output inside, nobody asks for the field at the end of a step.
    whole = tableau if len(problem.values) > 2 else tableau.without_last_stage
    outputs: Tensor = _Followed.apply(forward, field, whole, problem.y0, *inputs)
    return outputs


class _Followed(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, forward: Forward, field: Field, tableau: ButcherTableau, y0: Tensor, *inputs: Tensor
    ) -> Tensor:
        taken: list[TakenStep] = []
        outputs = forward(taken)
        ctx.taken, ctx.field, ctx.method = taken, field, RungeKutta(tableau, y0)
        ctx.save_for_backward(*inputs)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor | None, ...]:
        field, method, inputs = ctx.field, ctx.method, ctx.saved_tensors
        inner, adjoint = cotangents[:-1], cotangents[-1]
        count = len(inner)  # of the places for them some are empty
        gradients = [torch.zeros_like(value) for value in inputs]
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
            adjoint, *products = torch.autograd.grad(reached, (y, *inputs), weights, allow_unused=True)
            for total, product in zip(gradients, products, strict=True):
                if product is not None:
                    total.add_(product)
        return None, None, None, adjoint, *gradients


def _obstacles(problem: Problem) -> Iterator[tuple[bool, str]]:
    yield problem.compile, "compiled steps are not taken again for a backward pass"
    yield problem.t.requires_grad, "gradients with respect to the output times are the host's"


def _differentiated_by(field: Field, problem: Problem) -> list[Tensor]:
    """Return the leaves that a vector field depends on beside the state, found in autograd's graph of an evaluation.

    Raises:
        NotRecordedError: When it depends on what autograd has followed before: a backward pass would go there as often
            as steps are taken again.
    """
    layout = problem.field.layout
    with torch.enable_grad():
        state = problem.y0.detach().requires_grad_()
        mark = state.view_as(state)
        derivative = field(clock_of(problem.values[0], layout.time_dtype, layout.device), mark)
    first = 0 if mark.grad_fn is None else mark.grad_fn._sequence_nr()
    found: dict[int, Tensor] = {}
    for node in _nodes_before(derivative):
        leaf: Tensor | None = getattr(node, "variable", None)  # of a node that accumulates gradients
        if leaf is not None:
            found[id(leaf)] = leaf
        elif node._sequence_nr() < first:
            raise NotRecordedError("the vector field reads tensors that have gradients of their own")
    found.pop(id(state), None)
    return list(found.values())


def _nodes_before(value: Tensor) -> Iterator[Node]:
    """Yield every node of the graph that a tensor came out of, once."""
    ahead = [] if value.grad_fn is None else [value.grad_fn]
    known = set(ahead)
    while ahead:
        node = ahead.pop()
        yield node
        following = {each for each, _ in node.next_functions if each is not None} - known
        known |= following
        ahead.extend(following)
