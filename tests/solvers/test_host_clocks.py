"""Times that the vector field sees on a CPU, made many at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from suite.solvers import odeint
from suite.solvers.host_clocks import HostClocks, HostStepClocks


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_times_are_rounded_once_and_never_change_afterwards(dtype: torch.dtype) -> None:
    """Over several blocks, one of them too short for what is asked for."""
    clocks, nodes = HostClocks(dtype), (0.0, 1 / 3, 2 / 3, 1.0)
    starts = [0.1 * index for index in range(400)]
    taken = [clocks.take(start, 0.1, nodes) for start in starts]
    (many,) = [HostClocks(dtype).take(0.0, 0.1, [0.5] * 100)]
    expected = np.array([[node * 0.1 + start for node in nodes] for start in starts])
    assert torch.equal(torch.stack([torch.stack(times) for times in taken]), torch.as_tensor(expected, dtype=dtype))
    assert all(time.dtype is dtype and time.ndim == 0 for times in taken for time in times)
    assert len(many) == 100
    assert all(time == many[0] for time in many)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_clocks_of_compiled_steps_hold_the_times_and_the_size_and_never_change_afterwards(dtype: torch.dtype) -> None:
    nodes = (0.0, 1 / 3, 1.0)
    clocks = HostStepClocks(dtype, nodes)
    starts = [0.1 * index for index in range(100)]
    taken = [clocks.take(start, -0.1) for start in starts]
    expected = np.array([[*(node * -0.1 + start for node in nodes), -0.1] for start in starts])
    assert torch.equal(torch.stack(taken), torch.as_tensor(expected, dtype=dtype))
    assert all(clock.dtype is dtype and clock.shape == (4,) for clock in taken)


@pytest.mark.parametrize("method", ["dopri5", "rk4"])
def test_a_field_may_keep_the_times_and_states_it_has_seen(method: str) -> None:
    seen: list[tuple[Tensor, Tensor, float, Tensor]] = []

    def field(t: Tensor, y: Tensor) -> Tensor:
        seen.append((t, y, float(t), y.clone()))
        return -y

    with torch.no_grad():
        options = {"step_size": 0.02} if method == "rk4" else None
        odeint(field, torch.ones(3), torch.tensor([0.0, 5.0]), method=method, rtol=1e-5, atol=1e-5, options=options)
    assert len(seen) > 60
    assert all(float(t) == time and torch.equal(y, state) for t, y, time, state in seen)


def test_a_field_may_return_its_argument() -> None:
    """The sums of the stages take nothing that is still written to."""
    with torch.no_grad():
        grown = odeint(lambda t, y: y, torch.ones(3, dtype=torch.float64), torch.tensor([0.0, 1.0]).double())
    assert torch.allclose(grown[-1], torch.full((3,), torch.e, dtype=torch.float64), rtol=1e-6)
