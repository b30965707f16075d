"""The reverse solve runs through outputs without restarting, and goes back to them where it has drifted."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchdiffeq
from torch import Tensor, nn

from suite.gradients import odeint_adjoint, reverse_adaptive
from suite.solvers import CountedField, odeint
from tests.gradients.problems import Offset, Relaxation, Swirl, start

Loss = Callable[[Tensor], Tensor]
TOLERANCES = [10.0**-k for k in range(3, 10)]
VARIANTS = ("default", "seminorm", "quadrature", "segments")


def on_the_last(states: Tensor) -> Tensor:
    return states[-1].square().sum()


def on_all(states: Tensor) -> Tensor:
    return states.square().sum()


def backward_nfe(
    outputs: int,
    loss: Loss,
    tolerance: float,
    solver: Any = odeint_adjoint,
    span: float = 2.0,
    field: nn.Module | None = None,
    **arguments: Any,
) -> int:
    """Return the evaluations of the reverse solve of one gradient."""
    field, y0 = CountedField(Swirl() if field is None else field), start()
    t = torch.linspace(0, span, outputs, dtype=torch.float64)
    states = solver(field, y0, t, rtol=tolerance, atol=tolerance, **arguments)
    field.reset()
    loss(states).backward()
    return field.nfe


@pytest.mark.parametrize("tolerance", TOLERANCES)
@pytest.mark.parametrize("method", ["dopri5", "tsit5"])
def test_loss_on_the_last_of_twenty_outputs_costs_little_more_than_of_two(method: str, tolerance: float) -> None:
    two, twenty = (backward_nfe(outputs, on_the_last, tolerance, method=method) for outputs in (2, 20))
    assert twenty <= 1.3 * two


def test_torchdiffeq_restarts_at_every_output() -> None:
    """What the reverse solve is compared with: were theirs no more expensive, there would be nothing to claim."""
    two, twenty = (backward_nfe(outputs, on_the_last, 1e-5, torchdiffeq.odeint_adjoint) for outputs in (2, 20))
    assert twenty > 3 * two
    assert backward_nfe(20, on_the_last, 1e-5) < twenty / 3


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-6, 1e-7])
@pytest.mark.parametrize("method", ["dopri5", "tsit5"])
def test_loss_on_all_of_twenty_outputs_costs_at_most_eight_evaluations_a_segment(method: str, tolerance: float) -> None:
    """Where a step spans a segment it costs six evaluations, and the field anew from the stored state a seventh."""
    assert backward_nfe(20, on_all, tolerance, method=method, span=1.0) <= 8 * 19


def test_named_variant_segments_restarts_at_every_output() -> None:
    segments = backward_nfe(20, on_the_last, 1e-5, adjoint_options={"variant": "segments"})
    # A step of six evaluations, the first and the one that chooses its size, for each of nineteen segments.
    assert segments >= 8 * 19
    assert backward_nfe(20, on_the_last, 1e-5) < segments / 2


@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_seminorm_and_quadrature_need_fewer_evaluations_where_parameters_dominate_the_norm(tolerance: float) -> None:
    def nfe(variant: str) -> int:
        return backward_nfe(2, on_the_last, tolerance, field=Offset(), adjoint_options={"variant": variant})

    assert nfe("seminorm") < nfe("default")
    # A quadrature evaluates at three Gauss nodes of each step besides.
    assert nfe("quadrature") <= 2 * nfe("seminorm")


@pytest.mark.parametrize("tolerance", TOLERANCES)
def test_seminorm_needs_as_many_evaluations_as_the_default_norm_at_most_to_a_tenth(tolerance: float) -> None:
    default, seminorm = (
        backward_nfe(2, on_the_last, tolerance, span=10.0, adjoint_options=options)
        for options in ({}, {"norm": "seminorm"})
    )
    assert seminorm <= 1.1 * default


def test_norm_seminorm_is_the_variant_seminorm() -> None:
    by_norm, by_variant = (
        backward_nfe(5, on_all, 1e-6, adjoint_options=options)
        for options in ({"norm": "seminorm"}, {"variant": "seminorm"})
    )
    assert by_norm == by_variant


def relaxation_gradient(
    solver: Any, scale: float, *, last: bool, tolerance: float = 1e-5, **arguments: Any
) -> tuple[float, float]:
    """Return dL/dy0 and dL/drate of ``y' = -rate y + sin y`` with 20 outputs on [0, 1]."""
    field, y0 = Relaxation(), torch.ones(1, dtype=torch.float64, requires_grad=True)
    t = torch.linspace(0, 1, 20, dtype=torch.float64)
    states = solver(field, y0, t, rtol=tolerance, atol=tolerance, **arguments)
    (scale * (states[-1] if last else states).sum()).backward()
    assert y0.grad is not None
    assert field.rate.grad is not None
    return y0.grad.item(), field.rate.grad.item()


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradient_of_a_contracting_field_is_within_a_ten_thousandth(variant: str) -> None:
    """Losses on all outputs, and on the last in units in which its gradient is not all below the tolerance."""
    options = {"variant": variant}
    truth = relaxation_gradient(odeint, 1.0, last=False, tolerance=1e-13, method="dopri8")
    found = relaxation_gradient(odeint_adjoint, 1.0, last=False, adjoint_options=options)
    assert found == pytest.approx(truth, rel=1e-4)
    (true_last, _) = relaxation_gradient(odeint, 1e9, last=True, tolerance=1e-13, method="dopri8")
    (last, _) = relaxation_gradient(odeint_adjoint, 1e9, last=True, adjoint_options=options)
    assert last == pytest.approx(true_last, rel=1e-4)


def test_true_gradient_of_the_contracting_field_is_its_closed_form() -> None:
    """Along a solution ``dy(T)/dy0 = f(y(T)) / f(y0)``, whatever the autonomous field."""
    found, _ = relaxation_gradient(odeint, 1.0, last=True, tolerance=1e-13, method="dopri8")
    end = odeint(
        Relaxation(), torch.ones(1, dtype=torch.float64), torch.tensor([0.0, 1.0]).double(), rtol=1e-13, atol=1e-16
    )
    assert isinstance(end, Tensor)
    y = end[-1].item()
    assert found == pytest.approx((-20 * y + math.sin(y)) / (-20 + math.sin(1)), rel=1e-5)


def test_without_going_back_to_the_outputs_the_gradient_would_be_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reversed, the field expands errors by exp(19), two hundred million; ``cos y`` of the adjoint then is anything."""
    truth, _ = relaxation_gradient(odeint, 1e9, last=True, tolerance=1e-13, method="dopri8")
    monkeypatch.setattr(reverse_adaptive, "DRIFT", math.inf)
    found, _ = relaxation_gradient(odeint_adjoint, 1e9, last=True)
    assert abs(found - truth) > 0.01 * abs(truth)


@pytest.mark.parametrize("variant", VARIANTS)
def test_jump_at_an_output_is_crossed_by_the_reverse_solve_as_by_the_forward_one(variant: str) -> None:
    """``y' = a y`` before 1/2 and ``-a y`` after: ``y(1) = y0`` whatever ``a``, and ``y(1/2) = y0 exp(a / 2)``."""

    class Jump(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))

        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return torch.where(t < 0.5, self.a, -self.a) * y

    def nfe(**jumps: list[float]) -> int:
        field, y0 = Jump(), torch.ones(1, dtype=torch.float64, requires_grad=True)
        counted, t = CountedField(field), torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
        states = odeint_adjoint(
            counted,
            y0,
            t,
            rtol=1e-8,
            atol=1e-8,
            options={"jump_t": [0.5]},
            adjoint_options={"variant": variant} | jumps,
        )
        assert isinstance(states, Tensor)
        counted.reset()
        to_y0, to_a = torch.autograd.grad(states[1].sum() + states[2].sum() ** 2, (y0, field.a))
        assert to_y0.item() == pytest.approx(math.e + 2, rel=1e-5)
        assert to_a.item() == pytest.approx(math.e / 2, rel=1e-5)
        return counted.nfe

    assert nfe(jump_t=[0.5]) < 0.7 * nfe()


def test_jump_t_of_the_forward_options_makes_the_reverse_solve_cheaper() -> None:
    class Jump(nn.Module):
        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return torch.where(t < 0.37, 1.0, -2.0) * y

    def nfe(**options: Any) -> int:
        field, y0 = CountedField(Jump()), torch.ones(1, dtype=torch.float64, requires_grad=True)
        t = torch.tensor([0.0, 1.0], dtype=torch.float64)
        states = odeint_adjoint(field, y0, t, rtol=1e-6, atol=1e-6, options=options)
        assert isinstance(states, Tensor)
        field.reset()
        states[-1].sum().backward()
        assert y0.grad is not None
        assert y0.grad.item() == pytest.approx(math.exp(0.37 - 2 * 0.63), rel=1e-3)
        return field.nfe

    assert nfe(jump_t=[0.37]) < nfe() / 2
