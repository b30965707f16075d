"""The initial value problem that a trained ODE-Net solves for some images, in double precision."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from suite import solve
from suite.gradients import Checkpointed
from suite.models import ImageClassifier, ODEBlock

RECORDED_STEPS = 16
"""Steps of the reference whose graph is held at once: bounds its memory at any number of steps."""


@dataclass(frozen=True, eq=False)
class TrainedProblem:
    """``dz/dt = field(t, z)`` from 0 to 1, and the loss of its end.

    Attributes:
        field: The trained vector field.
        head: From final state to class scores.
        z0: The initial state, what the stem makes of the images: ``[images, channels, h, w]``.
        labels: Classes, shape ``[images]``.
    """

    field: nn.Module
    head: nn.Module
    z0: Tensor
    labels: Tensor

    @classmethod
    def of(cls, classifier: ImageClassifier, images: Tensor, labels: Tensor) -> TrainedProblem:
        """Return the problem of some images, ``[images, channels, height, width]``.

        Args:
            classifier: A trained classifier in double precision, from :func:`in_double_precision`.
            images: The images, in any precision.
            labels: Their classes.
        """
        body = classifier.body
        if not isinstance(body, ODEBlock):
            raise TypeError(f"the body of the classifier is an ODEBlock, not {type(body).__name__}")
        field = body.counted.vector_field
        if not isinstance(field, nn.Module):
            raise TypeError("the field of a trained ODE-Net is a module")
        with torch.no_grad():
            z0 = classifier.stem(images.double())
        return cls(field, classifier.head, z0, labels)

    @property
    def times(self) -> Tensor:
        """The start and the end, on the host, where solvers read times."""
        return torch.tensor([0.0, 1.0], dtype=torch.float64)

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        """The parameters of the field."""
        return tuple(self.field.parameters())

    def loss(self, z1: Tensor) -> Tensor:
        """Return the mean cross-entropy of the images in nats, of shape ``[]``."""
        return functional.cross_entropy(self.head(z1), self.labels)

    def gradient(self, z1: Tensor, scale: float = 1.0) -> Tensor:
        """Return the gradient of ``scale`` times the loss by the field's parameters, as one vector, divided by it.

        Args:
            z1: The final state, with a way back to the parameters.
            scale: A number that changes nothing in exact arithmetic; a reverse solve sees its cotangent scaled.
        """
        gradients = torch.autograd.grad(scale * self.loss(z1), self.parameters)
        return torch.cat([each.reshape(-1) for each in gradients]) / scale


def in_double_precision(model: nn.Module) -> ImageClassifier:
    """Return a copy of a trained classifier in double precision, so that rounding is far below every tolerance."""
    if not isinstance(model, ImageClassifier):
        raise TypeError(f"an image classifier is needed, not {type(model).__name__}")
    return copy.deepcopy(model).double().eval()


@dataclass(frozen=True, eq=False)
class Reference:
    """What the solutions at a tolerance are compared with.

    Attributes:
        z1: The final state.
        gradient: Gradient of the loss by the field's parameters as one vector, or None where it was not asked for.
    """

    z1: Tensor
    gradient: Tensor | None


def reference(problem: TrainedProblem, steps: int, *, with_gradient: bool) -> Reference:
    """Solve by many equal steps of the Runge-Kutta method of order 4, and backpropagate through them.

    ReLU makes the field only piecewise smooth, and its Jacobian jumps. A step across a jump has an error of order 1 in
    the gradient whatever the method's order, so that small steps are worth more than high order; equal ones are as
    small where an adaptive method would not look.

    Args:
        problem: The problem.
        steps: How many steps.
        with_gradient: Whether the gradient is wanted as well, by direct backpropagation.
    """
    way = Checkpointed(every=RECORDED_STEPS, parameters=problem.parameters) if with_gradient else None
    with torch.set_grad_enabled(with_gradient):
        solution = solve(
            problem.field,
            problem.z0,
            problem.times,
            method="rk4",
            options={"step_size": 1 / steps},
            gradient=way,
        )
        z1 = final_state(solution.states)
        gradient = problem.gradient(z1) if with_gradient else None
    return Reference(z1.detach(), gradient)


def final_state(states: object) -> Tensor:
    """Return the last of the states of a solve whose state is one tensor."""
    if not isinstance(states, Tensor):
        raise TypeError("the state of an ODE-Net is one tensor")
    return states[-1]
