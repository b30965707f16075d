"""Problems on which gradients are compared: a vector field, a start, output times and a loss on every output."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class ReferenceSolve:
    """A solve by scipy, and the step of central differences that suits its error.

    Attributes:
        method: A method of ``scipy.integrate.solve_ivp``.
        tolerance: Absolute and relative.
        step: Length of the step along a direction of length one, in units of the norm of the point (at least one).
    """

    method: str
    tolerance: float
    step: float


# Rounding of 1e-13 / 1e-5 and truncation of order 1e-10 are both below 1e-7.
_SMOOTH = ReferenceSolve("DOP853", 1e-13, 1e-5)

# A field of ReLUs has a kink wherever a unit switches; high orders do not pay there, and its differences are less
# exact. Measured on an untrained field of 8 channels: right to about one part in a thousand.
_KINKED = ReferenceSolve("RK45", 1e-9, 3e-4)


@dataclass(frozen=True, eq=False)
class GradientProblem:
    """One initial value problem with a loss, in double precision.

    Attributes:
        name: How records name it.
        field: Vector field; its parameters are differentiated by.
        y0: Initial state.
        times: Output times, shape ``[outputs]``.
        weights: Weights of the loss ``sum(weights * states ** 2)``, of the shape of the outputs.
        reference: How its finite differences are solved.
    """

    name: str
    field: nn.Module
    y0: Tensor
    times: Tensor
    weights: Tensor
    reference: ReferenceSolve

    def loss(self, states: Tensor) -> Tensor:
        """Return the loss of outputs of shape ``[outputs, *y0.shape]``."""
        return (self.weights * states**2).sum()


class LinearField(nn.Module):
    """``dy/dt = A y`` with a damped rotation A: smooth, and its flow is known in closed form."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.tensor([[-0.1, 2.0, 0.3], [-2.0, -0.1, 0.0], [0.1, 0.2, -0.5]]))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        """Return the derivative of states of shape ``[..., 3]``."""
        del t
        return y @ self.matrix.T


class PerceptronField(nn.Module):
    """A tanh perceptron of the state and the time."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, width), nn.Tanh(), nn.Linear(width, 2))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        """Return the derivative of states of shape ``[batch, 2]``."""
        derivative: Tensor = self.layers(torch.cat([y, t.expand(len(y), 1)], dim=1))
        return derivative


class ContractingField(nn.Module):
    """``dy/dt = -rate y + sin y``: solved backwards, its errors grow by ``exp(rate)`` in a unit of time."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = nn.Parameter(torch.tensor(20.0))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        """Return the derivative of states of any shape."""
        del t
        return -self.rate * y + torch.sin(y)


class LatentField(nn.Module):
    """The decoder's dynamics of a latent ODE: a perceptron of two hidden layers on latent states, without time."""

    def __init__(self, latent: int = 4, width: int = 20) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(latent, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, latent)
        )

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        """Return the derivative of states of shape ``[batch, latent]``."""
        del t
        derivative: Tensor = self.layers(y)
        return derivative


def analytic_problems(outputs: int, latent_outputs: int, generator: torch.Generator) -> list[GradientProblem]:
    """Return the problems that need no trained model.

    Args:
        outputs: Output times.
        latent_outputs: Output times of the latent ODE, one for each observation of a series.
        generator: Of the fields' parameters, the starts and the losses' weights.
    """
    perceptron, latent = PerceptronField(), LatentField()
    for parameter in perceptron.parameters():
        # Uniform on +-1: a field whose solution bends without being stiff.
        parameter.data = 2 * torch.rand(parameter.shape, generator=generator) - 1
    start = torch.randn(4, 2, generator=generator)
    for parameter in latent.parameters():
        # A deviation of 1.5 / sqrt(inputs): a field whose solution oscillates.
        parameter.data = 1.5 * torch.randn(parameter.shape, generator=generator) / parameter.shape[-1] ** 0.5
    series = torch.randn(2, 4, generator=generator)
    return [
        # Long enough that even an eighth-order method takes several steps at every tolerance.
        _problem("linear", LinearField(), torch.tensor([1.0, 0.5, -0.7]), outputs, generator, end=6.0),
        _problem("perceptron", perceptron, start, outputs, generator, end=4.0),
        # To a quarter, where the state has shrunk by exp(5): beyond that an absolute tolerance resolves little of it.
        _problem("contracting", ContractingField(), torch.tensor([10.0, 5.0]), outputs, generator, end=0.25),
        _problem("latent", latent, series, latent_outputs, generator, end=3.0),
    ]


def model_problem(name: str, field: nn.Module, y0: Tensor, outputs: int, generator: torch.Generator) -> GradientProblem:
    """Return the problem of a trained field of ReLUs from a given state."""
    return _problem(name, field, y0, outputs, generator, _KINKED)


def _problem(
    name: str,
    field: nn.Module,
    y0: Tensor,
    outputs: int,
    generator: torch.Generator,
    reference: ReferenceSolve = _SMOOTH,
    end: float = 1.0,
) -> GradientProblem:
    weights = 0.5 + torch.rand(outputs, *y0.shape, generator=generator)
    times = torch.linspace(0, end, outputs, dtype=torch.float64)
    return GradientProblem(name, field.double(), y0.double(), times, weights.double(), reference)
