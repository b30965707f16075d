"""What the adjoint keeps between the forward and the backward pass, and what it leaves behind."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor

from suite.gradients import odeint_adjoint
from suite.harness.meters import saved_bytes
from suite.solvers import odeint
from tests.gradients.problems import Swirl, loss, start

T = torch.tensor([0.0, 1.0], dtype=torch.float64)


def states_of(field: Swirl, y0: Tensor) -> Tensor:
    states = odeint_adjoint(field, y0, T)
    assert isinstance(states, Tensor)
    return states


def bytes_kept(solver: Any, **arguments: Any) -> float:
    with saved_bytes() as reading:
        states = solver(Swirl(), start(), T, **arguments)
    assert states.requires_grad
    return reading.value


def test_adjoint_keeps_the_same_bytes_however_many_steps_it_takes() -> None:
    by_tolerance = {bytes_kept(odeint_adjoint, rtol=x, atol=x) for x in (1e-3, 1e-6, 1e-9)}
    by_steps = {bytes_kept(odeint_adjoint, method="rk4", options={"step_size": 2.0**-k}) for k in (1, 4, 7)}
    # The times, and two outputs of three entries.
    assert by_tolerance == by_steps == {8 * (2 + 2 * 3)}


def test_direct_backpropagation_keeps_bytes_in_proportion_to_steps() -> None:
    few, more, many = (bytes_kept(odeint, method="rk4", options={"step_size": 2.0**-k}) for k in (3, 5, 7))
    assert (many - more) / (more - few) == pytest.approx((128 - 32) / (32 - 8), rel=0.02)
    assert few > 8 * (2 + 2 * 3)


def test_adjoint_works_where_saved_tensors_are_packed_away() -> None:
    plain, packed = Swirl(), Swirl()
    loss(states_of(plain, start())).backward()
    with torch.autograd.graph.save_on_cpu():
        loss(states_of(packed, start())).backward()
    assert plain.a.grad is not None
    assert packed.a.grad is not None
    assert torch.equal(plain.a.grad, packed.a.grad)


def test_backward_twice_through_a_kept_graph_gives_the_same_gradients() -> None:
    field, y0 = Swirl(), start()
    total = loss(states_of(field, y0))
    first = torch.autograd.grad(total, (y0, field.a, field.b), retain_graph=True)
    second = torch.autograd.grad(total, (y0, field.a, field.b))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(total, (y0,))


def test_gradients_are_added_once_and_only_by_the_backward_pass() -> None:
    """The vector-Jacobian products of the reverse solve leave nothing in ``.grad``."""
    field, y0 = Swirl(), start()
    total = loss(states_of(field, y0))
    assert field.a.grad is None
    (expected,) = torch.autograd.grad(total, (field.a,), retain_graph=True)
    assert field.a.grad is None
    total.backward()
    assert field.a.grad is not None
    assert torch.equal(field.a.grad, expected)
    assert y0.grad is not None
    assert not y0.grad.requires_grad


def test_outputs_carry_no_graph_through_the_steps() -> None:
    states = states_of(Swirl(), start())
    nodes, names = [states.grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node is not None:
            names.add(type(node).__name__)
            nodes += [parent for parent, _ in node.next_functions]
    assert not any("Tanh" in name or "Addmv" in name for name in names)
    assert "_AdjointBackward" in names


def test_field_is_released_with_the_outputs() -> None:
    field = Swirl()
    remains = weakref.ref(field)
    states = states_of(field, start())
    loss(states).backward()
    del field, states
    gc.collect()
    assert remains() is None


def test_no_gradient_is_recorded_without_grad_mode() -> None:
    with torch.no_grad():
        states = states_of(Swirl(), start())
    assert not states.requires_grad


def test_second_derivatives_are_refused_rather_than_wrong() -> None:
    field, y0 = Swirl(), start()
    (gradient,) = torch.autograd.grad(
        loss(states_of(field, y0)),
        y0,
        create_graph=True,
    )
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
