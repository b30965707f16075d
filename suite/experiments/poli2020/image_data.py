"""Images of the hypersolver experiments: the first of a data set, pooled, normalised, and rotated for training."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from suite.datasets import ImageClassification
from suite.declarations import Meter
from suite.experiments.normalised_images import pooled_and_normalised
from suite.experiments.poli2020.image_settings import ImageSettings


def prepared(data: ImageClassification, settings: ImageSettings, meter: Meter) -> ImageClassification:
    """Return as many of the first images as the settings ask for and there are, ready for a network of theirs."""

    def ready(images: Tensor) -> Tensor:
        return pooled_and_normalised(images, settings.pooling, settings.pixel_means, settings.pixel_deviations)

    some = data.first(settings.train_images, settings.test_images, meter.device)
    turned = rotated(some.train_images, settings.rotation, meter.generator("rotations"))
    return replace(some, train_images=turned).with_images(ready)


def rotated(images: Tensor, degrees: float, generator: torch.Generator) -> Tensor:
    """Return images ``[n, channels, h, w]``, each turned about its middle by an angle of up to so many degrees.

    Pixels are interpolated linearly; what comes from outside of the image is zero.
    """
    if degrees == 0:
        return images
    angle = torch.deg2rad((2 * torch.rand(len(images), generator=generator) - 1) * degrees).to(images)
    rows, columns = images.shape[2:]
    # The grid counts half heights and half widths, which differ unless the image is a square.
    matrix = torch.zeros(len(images), 2, 3).to(images)
    matrix[:, 0, 0] = matrix[:, 1, 1] = angle.cos()
    matrix[:, 0, 1] = -angle.sin() * rows / columns
    matrix[:, 1, 0] = angle.sin() * columns / rows
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)
