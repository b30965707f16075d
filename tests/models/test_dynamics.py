"""Fields with known properties, against their solutions and against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from suite import odeint
from suite.models.dynamics import LinearDecay, TanhField, VanDerPol


def test_linear_decay_is_solved_by_exponentials_and_backwards_its_errors_grow_by_them() -> None:
    rates = (1.0, 5.0, 10.0)
    field, start = LinearDecay(rates), torch.tensor([[1.0, -2.0, 3.0]], dtype=torch.float64)
    times = torch.tensor([0.0, 1.0], dtype=torch.float64)
    end = odeint(field, start, times, rtol=1e-10, atol=1e-12)[-1]
    torch.testing.assert_close(end, start * torch.tensor(rates).double().neg().exp(), rtol=1e-7, atol=1e-10)
    shifted = odeint(field, end + 1e-6, times.flip(0), rtol=1e-10, atol=1e-12)[-1]
    growth = (shifted - odeint(field, end, times.flip(0), rtol=1e-10, atol=1e-12)[-1]) / 1e-6
    torch.testing.assert_close(growth, torch.tensor([[math.exp(rate) for rate in rates]]).double(), rtol=1e-3, atol=0.0)


@pytest.mark.parametrize("mu", [0.5, 8.0])
def test_van_der_pol_is_scipys_solution_of_the_second_order_equation(mu: float) -> None:
    start = torch.tensor([[2.0, 0.3, mu]], dtype=torch.float64)
    times = torch.tensor([0.0, 2.0], dtype=torch.float64)
    end = odeint(VanDerPol(), start, times, rtol=1e-9, atol=1e-9)[-1]
    exact = solve_ivp(
        lambda _, y: [y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]],
        (0, 2),
        [2.0, 0.3],
        method="Radau",
        rtol=1e-9,
        atol=1e-11,
    )
    np.testing.assert_allclose(end[0].numpy(), [*exact.y[:, -1], mu], rtol=1e-6, atol=1e-7)


def test_tanh_field_is_a_sum_of_planar_units_and_its_slope_is_bounded_by_its_weights() -> None:
    field = TanhField(5, 2, torch.Generator().manual_seed(0))
    z = torch.randn(7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    units = [field.u[n] * torch.tanh(z @ field.w[n] + field.b[n])[:, None] for n in range(5)]
    torch.testing.assert_close(field(torch.tensor(0.0), z), torch.stack(units).sum(dim=0))
    jacobian = torch.autograd.functional.jacobian(lambda point: field(torch.tensor(0.0), point[None])[0], z[0])
    bound = torch.linalg.matrix_norm(field.w, 2) * torch.linalg.matrix_norm(field.u, 2)
    assert 0 < torch.linalg.matrix_norm(jacobian, 2) <= bound
