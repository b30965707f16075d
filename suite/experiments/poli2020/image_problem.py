"""The problem that methods solve on images: a trained field, states to start from, and where they end exactly."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn

from suite.datasets import ImageClassification
from suite.experiments.poli2020.image_settings import ImageSettings
from suite.models import ODEBlock
from suite.models.augmented_classifier import AugmentedClassifier
from suite.models.hypersolvers import NominalTrajectories, nominal_trajectories
from suite.solvers import solve
from suite.solvers.graphs.choice import GraphChoice
from suite.solvers.methods import MethodName


@dataclass(frozen=True)
class ImageProblem:
    """Test images as states of a trained Neural ODE.

    Attributes:
        field: ``f(s, z)`` of states ``[n, channels, h, w]``; its weights do not change.
        augmentation: From images to states.
        head: From states to class scores.
        starts: States of the test images, in single precision, shape ``[n, channels, h, w]``.
        labels: Their classes.
        ends: Where they are at depth 1, solved in double precision far more accurately than by any method that is
            measured; in double precision.
        path: Exact states of the first images at equal depths.
        batch_size: How many images are solved at once.
    """

    field: nn.Module
    augmentation: nn.Module
    head: nn.Module
    starts: Tensor
    labels: Tensor
    ends: Tensor
    path: NominalTrajectories
    batch_size: int

    def first(self, count: int) -> ImageProblem:
        """Return the same problem with some of its images, repeated where there are too few."""
        index = torch.arange(count, device=self.starts.device) % len(self.starts)
        return replace(self, starts=self.starts[index], labels=self.labels[index], ends=self.ends[index])

    @torch.no_grad()
    def solved(self, method: MethodName, steps: int) -> Tensor:
        """Return the states at depth 1 by a method on equal steps, in single precision."""
        times = torch.tensor([0.0, 1.0], dtype=torch.float64)
        parts = [_states(self.field, part, times, method, 1 / steps)[-1] for part in self.starts.split(self.batch_size)]
        return torch.cat(parts)

    @torch.no_grad()
    def stepped(self, method: MethodName) -> Tensor:
        """Return the states of the path's images after each of its intervals as one step, with the starts."""
        count = self.path.states.shape[1]
        times = torch.tensor(self.path.times, dtype=torch.float64)
        return _states(self.field, self.starts[:count], times, method, 1 / (len(times) - 1))


def ends_of(field: nn.Module, starts: Tensor, method: MethodName, steps: int, graph: GraphChoice = "auto") -> Tensor:
    """Return the states at depth 1 from those at depth 0 by a method on equal steps."""
    return _states(field, starts, torch.tensor([0.0, 1.0], dtype=torch.float64), method, 1 / steps, graph)[-1]


def _states(
    field: nn.Module, starts: Tensor, times: Tensor, method: MethodName, step: float, graph: GraphChoice = "auto"
) -> Tensor:
    states = solve(field, starts, times, method=method, options={"step_size": step}, graph=graph).states
    return cast(Tensor, states)


@torch.no_grad()
def image_problem(model: nn.Module, data: ImageClassification, settings: ImageSettings) -> ImageProblem:
    """Return the problem of classifying test images, the same for every method.

    Args:
        model: A trained classifier.
        data: Images as the classifier takes them.
        settings: Say how accurately the exact solution is computed, and at how many depths.
    """
    classifier, field = parts_of(model)
    starts = torch.cat([classifier.augmentation(part) for part in data.test_images.split(settings.test_batch_size)])
    double = deepcopy(field).double()

    def exact(states: Tensor, depths: Sequence[float]) -> NominalTrajectories:
        # Of eighth order, as convolutions in double precision are slow on a CPU.
        tolerance = settings.reference_tolerance
        return nominal_trajectories(double, states.double(), depths, method="dopri8", tolerance=tolerance)

    ends = torch.cat([exact(part, (0.0, 1.0)).states[-1] for part in starts.split(settings.test_batch_size)])
    path = exact(
        starts[: settings.mapped_images], [step / settings.map_steps for step in range(settings.map_steps + 1)]
    )
    return ImageProblem(
        field,
        classifier.augmentation,
        classifier.head,
        starts,
        data.test_labels,
        ends,
        path,
        settings.test_batch_size,
    )


def parts_of(model: nn.Module) -> tuple[AugmentedClassifier, nn.Module]:
    """Return a trained classifier, in evaluation mode with fixed weights, and its field.

    Raises:
        TypeError: When the model is no classifier with a Neural ODE.
    """
    if not isinstance(model, AugmentedClassifier) or not isinstance(model.body, ODEBlock):
        raise TypeError(f"a classifier with a Neural ODE is needed, not {type(model).__name__}")
    model.eval().requires_grad_(requires_grad=False)
    return model, cast(nn.Module, model.body.counted.vector_field)
