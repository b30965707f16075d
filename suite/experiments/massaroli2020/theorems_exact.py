"""Statements with an exact solution: proposition 2, the construction of appendix B.4, and higher orders."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from suite.declarations import Meter
from suite.experiments.massaroli2020.theorems_settings import TheoremsSettings
from suite.models.augmentation import HigherOrderField, ZeroAugmentation
from suite.models.data_control import DataControlledBlock
from suite.solvers import solve

_POINTS = 101  # of [-1, 1]


def proposition_2(settings: TheoremsSettings, meter: Meter) -> None:
    """Solve ``dz/ds = -theta (z + x)``, ``z(0) = x``: at depth 1 it is ``-x + 2 x exp(-theta)``.

    ``largest_error`` is that of ``z(1)`` against ``-x`` on [-1, 1], ``closed_form_error`` that against the closed form;
    ``error_over_epsilon`` takes the ``theta = ln(2 / epsilon)`` which the proposition gives for an accuracy.
    """
    x = torch.linspace(-1, 1, _POINTS, dtype=torch.float64, device=meter.device).unsqueeze(1)
    for theta in settings.thetas:
        end = _reflected(theta, x, settings)
        closed = -x + 2 * x * math.exp(-theta)
        meter.record("largest_error", float((end + x).abs().max()), "1", theta=theta)
        meter.record("closed_form_error", float((end - closed).abs().max()), "1", theta=theta)
    for epsilon in settings.epsilons:
        end = _reflected(math.log(2 / epsilon), x, settings)
        meter.record("error_over_epsilon", float((end + x).abs().max()) / epsilon, "1", epsilon=epsilon)


def universality(settings: TheoremsSettings, meter: Meter) -> None:
    """Carry any function to the end of depth: ``dz_x/ds = 0`` and ``dz_a/ds = f(z_x)`` give ``z_a(1) = f(x)``.

    ``error`` is the largest over the outputs; ``nfe`` the evaluations, of one Euler step and of dopri5 at every
    tolerance; ``rejected`` the steps that dopri5 refuses.
    """
    with meter.initialisation():
        function = nn.Sequential(
            nn.Linear(settings.dimensions, settings.hidden), nn.Tanh(), nn.Linear(settings.hidden, 3)
        )
    function.double().to(meter.device)
    x = torch.randn(settings.samples, settings.dimensions, generator=meter.generator("states"), dtype=torch.float64)
    x = x.to(meter.device)
    start = ZeroAugmentation(3, first=False)(x)
    t = torch.tensor([0.0, 1.0], dtype=torch.float64)

    def field(s: Tensor, z: Tensor) -> Tensor:
        del s
        still = z[:, : settings.dimensions]
        return torch.cat([torch.zeros_like(still), function(still)], dim=1)

    with torch.no_grad():
        wanted = function(x)
        euler = solve(field, start, t, method="euler")
        _record_carried(torch.as_tensor(euler.states), wanted, euler.statistics.nfe, meter, method="euler")
        for tolerance in settings.tolerances:
            found = solve(field, start, t, method="dopri5", rtol=tolerance, atol=tolerance)
            states = torch.as_tensor(found.states)
            _record_carried(states, wanted, found.statistics.nfe, meter, method="dopri5", tolerance=tolerance)
            meter.record("rejected", found.statistics.rejected, "steps", tolerance=tolerance)


def higher_orders(settings: TheoremsSettings, meter: Meter) -> None:
    """Solve equations of order n as first-order systems of ``R^n -> R``, against closed forms.

    ``oscillator_error`` is that of ``z'' = -z`` over one period, against cosine and sine; ``companion_error`` that of a
    random linear equation of order n, against the matrix exponential of its companion matrix.
    """
    turn = torch.linspace(0, 2 * math.pi, 17, dtype=torch.float64)
    start = torch.tensor([[1.0, 0.0]], dtype=torch.float64, device=meter.device)
    oscillator = _Linear(torch.tensor([[-1.0, 0.0]], dtype=torch.float64, device=meter.device))
    found = _solved(HigherOrderField(oscillator, 2), start, turn, settings)[:, 0]
    exact = torch.stack([turn.cos(), -turn.sin()], dim=1).to(meter.device)
    meter.record("oscillator_error", float((found - exact).abs().max()), "1")
    generator = meter.generator("linear equations")
    for order in settings.orders:
        row = torch.randn(1, order, generator=generator, dtype=torch.float64).to(meter.device)
        z0 = torch.randn(4, order, generator=generator, dtype=torch.float64).to(meter.device)
        companion = torch.diag(torch.ones(order - 1, dtype=torch.float64, device=meter.device), 1)
        companion[-1] = row
        times = torch.tensor([0.0, 1.0], dtype=torch.float64)
        found = _solved(HigherOrderField(_Linear(row), order), z0, times, settings)[-1]
        exact = z0 @ torch.linalg.matrix_exp(companion).T
        meter.record("companion_error", float((found - exact).norm() / exact.norm()), "1", order=order)


class Reflecting(nn.Module):
    """``-theta (z + x)``: a field of proposition 2."""

    def __init__(self, theta: float) -> None:
        super().__init__()
        self.theta = theta

    def forward(self, s: Tensor, z: Tensor, x: Tensor) -> Tensor:
        """Return the field at states and inputs ``[n, 1]``."""
        del s
        return -self.theta * (z + x)


class _Linear(nn.Module):
    """``z -> row z`` for states ``[n, d]``: one number each."""

    def __init__(self, row: Tensor) -> None:
        super().__init__()
        self.register_buffer("row", row)

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        del s
        return z @ torch.as_tensor(self.row).T


@torch.no_grad()
def _reflected(theta: float, x: Tensor, settings: TheoremsSettings) -> Tensor:
    tolerance = settings.tight_tolerance
    block = DataControlledBlock(Reflecting(theta), method="dopri8", rtol=tolerance, atol=tolerance)
    end: Tensor = block(x, x)
    return end


@torch.no_grad()
def _solved(field: nn.Module, z0: Tensor, times: Tensor, settings: TheoremsSettings) -> Tensor:
    tolerance = settings.tight_tolerance
    return torch.as_tensor(solve(field, z0, times, method="dopri8", rtol=tolerance, atol=tolerance).states)


def _record_carried(states: Tensor, wanted: Tensor, nfe: int, meter: Meter, **axes: str | float) -> None:
    error = float((states[-1, :, -wanted.shape[1] :] - wanted).abs().max())
    meter.record("carried_error", error, "1", **axes)
    meter.record("nfe", nfe, "evaluations", **axes)
