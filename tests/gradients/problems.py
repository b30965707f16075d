"""A problem whose gradients are known from scipy alone, and the fields of these tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from torch import Tensor, nn

Array = NDArray[np.float64]
Gradients = dict[str, Tensor]


class Swirl(nn.Module):
    """``dy/dt = tanh(A y) + b sin(3 t) - y / 2``: nonlinear, forced, with every parameter at work."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.a = nn.Parameter(torch.randn(3, 3, dtype=torch.float64, generator=generator))
        self.b = nn.Parameter(torch.randn(3, dtype=torch.float64, generator=generator))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        return torch.tanh(y @ self.a.t()) + self.b * torch.sin(3 * t) - y / 2


class Relaxation(nn.Module):
    """``dy/dt = -rate y + sin y``: contracting forwards, and so expanding in the reverse solve of an adjoint."""

    def __init__(self, rate: float = 20.0) -> None:
        super().__init__()
        self.rate = nn.Parameter(torch.tensor(rate, dtype=torch.float64))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        return -self.rate * y + torch.sin(y)


class Offset(nn.Module):
    """``dy/dt = -y + 10^4 (k_1 - k_2)`` with equal ``k``: its parameter gradients dwarf its state and adjoint."""

    def __init__(self) -> None:
        super().__init__()
        self.k = nn.Parameter(torch.ones(2, dtype=torch.float64))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        return -y + 1e4 * (self.k[0] - self.k[1])


def start() -> Tensor:
    return torch.tensor([0.8, -0.5, 1.2], dtype=torch.float64, requires_grad=True)


def output_times(direction: int) -> Tensor:
    return (direction * torch.tensor([0.0, 0.3, 0.45, 0.8, 1.0], dtype=torch.float64)).requires_grad_()


def loss(states: Tensor) -> Tensor:
    """A loss on every output, each entry with a weight of its own."""
    weights = torch.linspace(-1, 2, states.numel(), dtype=states.dtype).reshape(states.shape)
    return (weights * states**2 + torch.sin(states)).sum()


def gradients(solve: Callable[[nn.Module, Tensor, Tensor], Tensor], direction: int = 1) -> Gradients:
    """Return the gradients of the loss that a differentiable solver gives."""
    field, y0, t = Swirl(), start(), output_times(direction)
    loss(solve(field, y0, t)).backward()
    found = {"y0": y0.grad, "t": t.grad, "a": field.a.grad, "b": field.b.grad}
    return {name: gradient for name, gradient in found.items() if gradient is not None}


@cache
def true_gradients(direction: int = 1) -> Gradients:
    """Return the same by fourth-order differences of a loss that scipy's DOP853 computes at 1e-13."""
    field = Swirl()
    origin = {
        "y0": start().detach().numpy(),
        "t": output_times(direction).detach().numpy(),
        "a": field.a.detach().numpy(),
        "b": field.b.detach().numpy(),
    }

    def numpy_loss(at: dict[str, Array]) -> float:
        def derivative(t: float, y: Array) -> Array:
            return np.asarray(np.tanh(at["a"] @ y) + at["b"] * np.sin(3 * t) - y / 2)

        t = at["t"]
        found = solve_ivp(derivative, (t[0], t[-1]), at["y0"], method="DOP853", t_eval=t, rtol=1e-13, atol=1e-13)
        return loss(torch.tensor(found.y.T)).item()

    def differences(name: str) -> Tensor:
        flat = np.empty(origin[name].size)
        for index in range(flat.size):
            values = []
            for offset in (-2e-3, -1e-3, 1e-3, 2e-3):
                moved = origin[name].copy()
                moved.reshape(-1)[index] += offset
                values.append(numpy_loss(origin | {name: moved}))
            flat[index] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / 12e-3
        return torch.tensor(flat.reshape(origin[name].shape))

    return {name: differences(name) for name in origin}


def relative_errors(found: Gradients, truth: Gradients) -> dict[str, float]:
    """Return the norm of each error over the norm of the true gradient."""
    assert found.keys() == truth.keys()
    return {name: float((found[name] - truth[name]).norm() / truth[name].norm()) for name in truth}
