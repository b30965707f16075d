"""Ways to model the densities of several classes with continuous flows, asked the same questions whatever the way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from suite.models.conditional_flow.conditional_flow import ConditionalFlow
from suite.models.flows import ContinuousFlow

FlowMaker = Callable[[int], ConditionalFlow]
"""A new flow with a condition of that many dimensions."""


class ClassDensities(nn.Module, ABC):
    """Densities of some classes in the plane."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    @abstractmethod
    def flow(self, label: int, x: Tensor) -> ContinuousFlow:
        """Return the flow that data ``x [n, 2]`` of a class go through."""

    @abstractmethod
    def solves(self, x: Tensor) -> Iterator[tuple[ContinuousFlow, Tensor]]:
        """Yield the solves that the likelihood of points of all classes takes, ``x [classes, n, 2]``.

        Yields:
            Each flow, and its points ``[m, 2]``.
        """

    def forward(self, x: Tensor) -> Tensor:
        """Return the negative log-likelihood of points ``[classes, n, 2]``, the mean over all of them, in nats."""
        logs = [flow.log_prob(points).sum() for flow, points in self.solves(x)]
        return -torch.stack(logs).sum() / x.shape[:2].numel()

    def log_density(self, label: int, x: Tensor) -> Tensor:
        """Return the log-density of a class at ``x [n, 2]``, shape ``[n]``, in nats."""
        return self.flow(label, x).log_prob(x)

    def set_tolerance(self, tolerance: float) -> None:
        """Set the relative and absolute tolerance of all flows."""
        for module in self.modules():
            if isinstance(module, ConditionalFlow):
                module.tolerance = tolerance


class ConditionalDensities(ClassDensities):
    """One flow for all classes, controlled by the class: the condition is its one-hot vector."""

    def __init__(self, classes: int, new_flow: FlowMaker) -> None:
        super().__init__(classes)
        self.conditional = new_flow(classes)

    def flow(self, label: int, x: Tensor) -> ContinuousFlow:
        """Return the flow of a class."""
        return self.conditional.given(self._one_hot(x)[label : label + 1])

    def solves(self, x: Tensor) -> Iterator[tuple[ContinuousFlow, Tensor]]:
        """Yield one solve of all points."""
        yield self.conditional.given(self._one_hot(x).repeat_interleave(x.shape[1], dim=0)), x.flatten(0, 1)

    def _one_hot(self, like: Tensor) -> Tensor:
        return torch.eye(self.classes, dtype=like.dtype, device=like.device)


class SeparateDensities(ClassDensities):
    """A flow of its own for every class."""

    def __init__(self, classes: int, new_flow: FlowMaker) -> None:
        super().__init__(classes)
        self.separate = nn.ModuleList(new_flow(0) for _ in range(classes))

    def flow(self, label: int, x: Tensor) -> ContinuousFlow:
        """Return the flow of a class."""
        return _unconditional(self.separate[label], x)

    def solves(self, x: Tensor) -> Iterator[tuple[ContinuousFlow, Tensor]]:
        """Yield a solve for each class."""
        for label, points in enumerate(x):
            yield self.flow(label, points), points


class MixtureDensity(ClassDensities):
    """One flow that is not told the class: it can only learn the density of all classes together."""

    def __init__(self, classes: int, new_flow: FlowMaker) -> None:
        super().__init__(classes)
        self.mixture = new_flow(0)

    def flow(self, label: int, x: Tensor) -> ContinuousFlow:
        """Return the flow, the same whatever the class."""
        del label
        return _unconditional(self.mixture, x)

    def solves(self, x: Tensor) -> Iterator[tuple[ContinuousFlow, Tensor]]:
        """Yield one solve of all points."""
        yield self.flow(0, x[0]), x.flatten(0, 1)


class SelfControlledDensity(ClassDensities):
    """A flow controlled by the sample itself: a trap, since its likelihood is none.

    The authors' CNF benchmark controls the way from ``x`` to the base by ``u = x``. The map ``x -> z`` then moves with
    ``x`` in two ways, ``dz(1)/dx`` has a part from ``df/du``, and the integral of ``tr(df/dz)`` is not its
    log-determinant. It is here to be measured.
    """

    def __init__(self, classes: int, new_flow: FlowMaker) -> None:
        super().__init__(classes)
        self.controlled = new_flow(2)

    def flow(self, label: int, x: Tensor) -> ContinuousFlow:
        """Return the flow controlled by these very points, whatever the class."""
        del label
        return self.controlled.given(x)

    def solves(self, x: Tensor) -> Iterator[tuple[ContinuousFlow, Tensor]]:
        """Yield one solve of all points."""
        points = x.flatten(0, 1)
        yield self.flow(0, points), points


def _unconditional(flow: nn.Module, x: Tensor) -> ContinuousFlow:
    if not isinstance(flow, ConditionalFlow):
        raise TypeError(f"a class has a ConditionalFlow, not a {type(flow).__name__}")
    return flow.given(x.new_zeros(1, 0))
