"""The image classifiers of Poli et al. 2020: an input layer, a Neural ODE without time, and a linear layer."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from suite.models.augmentation import InputLayer
from suite.models.augmented_classifier import AugmentedClassifier, DepthInvariantField
from suite.models.ode_block import ODEBlock

CLASSES = 10


@dataclass(frozen=True)
class ImageFlowSize:
    """Sizes of a classifier.

    Attributes:
        image_channels: Channels of the images.
        channels: Channels of the state.
        hidden: Channels between the convolutions of the field.
        keep_image: Whether the image itself is part of the state, beside what the input layer makes of it.
        head_grid: Rows and columns of patches whose means the last layer sees.
    """

    image_channels: int
    channels: int
    hidden: int
    keep_image: bool
    head_grid: int


def image_classifier(size: ImageFlowSize, tolerance: float) -> AugmentedClassifier:
    """Return an untrained classifier whose state is solved by dopri5 from 0 to 1, with the continuous adjoint.

    Its ``augmentation`` maps images ``[n, image_channels, h, w]`` to states ``[n, channels, h, w]``, its ``body`` is
    an ``ODEBlock``, and its ``head`` maps states to class scores ``[n, 10]``.
    """
    added = size.channels - size.image_channels if size.keep_image else size.channels
    augmentation = nn.Sequential(
        nn.BatchNorm2d(size.image_channels),
        InputLayer(nn.Conv2d(size.image_channels, added, 3, padding=1), keep_input=size.keep_image),
    )
    body = ODEBlock(steady_convolutions(size.channels, size.hidden), rtol=tolerance, atol=tolerance)
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(size.head_grid), nn.Flatten(), nn.Linear(size.channels * size.head_grid**2, CLASSES)
    )
    return AugmentedClassifier(augmentation, body, head)


def steady_convolutions(channels: int, hidden: int) -> DepthInvariantField:
    """Return the field ``f(z)``: three 3 x 3 convolutions, ``channels`` to ``hidden`` and back, softplus between."""
    return DepthInvariantField(
        nn.Sequential(
            nn.Conv2d(channels, hidden, 3, padding=1),
            nn.Softplus(),
            nn.Conv2d(hidden, hidden, 3, padding=1),
            nn.Softplus(),
            nn.Conv2d(hidden, channels, 3, padding=1),
        )
    )
