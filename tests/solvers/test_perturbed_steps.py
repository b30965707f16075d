"""With ``perturb``, a fixed grid never evaluates the field on a grid point, so that a jump there does no harm."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from suite.solvers import explicit_methods, odeint
from tests.solvers.problems import times

FIXED = [name for name, method in explicit_methods().items() if not method.adaptive]


def staircase(t: Tensor, y: Tensor) -> Tensor:
    """Return 1, 2, 4 on the unit intervals from 0, 1 and 2, and not-a-number on their ends."""
    on_end = t == t.round()
    return torch.where(on_end, torch.nan, 2.0 ** t.floor()) * torch.ones_like(y)


@pytest.mark.parametrize("method", FIXED)
@pytest.mark.parametrize("options", [{"step_size": 1.0}, {"step_size": 0.5}, {"step_size": 0.25, "interp": "cubic"}])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_piecewise_constant_field_is_integrated_exactly_both_ways(
    method: str, options: dict[str, float], dtype: torch.dtype
) -> None:
    t = torch.tensor([0.0, 0.5, 1.0, 2.0, 3.0], dtype=torch.float64)
    exact = torch.tensor([0.0, 0.5, 1.0, 3.0, 7.0], dtype=dtype)
    there = odeint(staircase, exact[:1], t, method=method, options={**options, "perturb": True})
    assert isinstance(there, Tensor)
    torch.testing.assert_close(there[:, 0], exact, rtol=1e-6, atol=1e-12)
    back = odeint(staircase, exact[-1:], t.flip(0), method=method, options={**options, "perturb": True})
    assert isinstance(back, Tensor)
    torch.testing.assert_close(back[:, 0], exact.flip(0), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("method", FIXED)
@pytest.mark.parametrize("perturb", [False, True])
def test_evaluations_move_by_one_unit_in_the_last_place_and_only_off_the_grid(method: str, perturb: bool) -> None:
    seen: list[float] = []

    def field(t: Tensor, y: Tensor) -> Tensor:
        seen.append(t.item())
        return -y

    odeint(field, times(1), times(1, 2), method=method, options={"step_size": 0.5, "perturb": perturb})
    on_grid = {time for time in seen if time in (1.0, 1.5, 2.0)}
    assert bool(on_grid) is not perturb
    near = [time for time in seen for point in (1.0, 1.5, 2.0) if 0 < abs(time - point) < 1e-12]
    assert bool(near) is perturb
    assert all(min(abs(time - point) for point in (1.0, 1.5, 2.0)) <= 2.3e-16 for time in near)


def test_gradient_with_respect_to_times_is_that_of_unperturbed_steps() -> None:
    gradients = []
    for perturb in (False, True):
        t = times(0, 0.7, 1.5).requires_grad_()
        states = odeint(lambda t, y: torch.sin(3 * t) * y, times(1, 2), t, method="rk4", options={"perturb": perturb})
        assert isinstance(states, Tensor)
        gradients.append(torch.autograd.grad(states.sum(), t)[0])
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-12, atol=1e-14)
