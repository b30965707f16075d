"""A classifier whose exact solution is known, and a meter that remembers."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from suite.declarations import Axis
from suite.models import ODEBlock
from suite.models.augmented_classifier import AugmentedClassifier


class Decay(nn.Module):
    """``z' = -z``."""

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        """Return the derivative."""
        return -z


def decaying(tolerance: float = 1e-3) -> AugmentedClassifier:
    """Return a classifier of images of 2 channels whose states decay to a fraction ``1 / e``."""
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 10))
    return AugmentedClassifier(nn.Identity(), ODEBlock(Decay(), rtol=tolerance, atol=tolerance), head)


class Remembered:
    """What was recorded, by metric."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def record(self, metric: str, value: float, unit: str, **axes: Axis) -> None:
        """Remember a row."""
        self.rows.append({"metric": metric, "value": value, "unit": unit, **axes})
