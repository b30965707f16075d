"""Images of the hypersolver experiments: the first of a data set, pooled, normalised, and rotated for training."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from suite.datasets import ImageClassification
from suite.declarations import Meter
from suite.experiments.poli2020.image_settings import ImageSettings


def prepared(data: ImageClassification, settings: ImageSettings, meter: Meter) -> ImageClassification:
    """Return as many of the first images as the settings ask for and there are, ready for a network of theirs."""
    means, deviations = (
        torch.tensor(values, device=meter.device).reshape(1, -1, 1, 1)
        for values in (settings.pixel_means, settings.pixel_deviations)
    )

    def ready(images: Tensor) -> Tensor:
        return (functional.avg_pool2d(images.to(meter.device), settings.pooling) - means) / deviations

    train = data.train_images[: settings.train_images].to(meter.device)  # to be rotated there
    return ImageClassification(
        ready(rotated(train, settings.rotation, meter.generator("rotations"))),
        data.train_labels[: settings.train_images].to(meter.device),
        ready(data.test_images[: settings.test_images]),
        data.test_labels[: settings.test_images].to(meter.device),
        data.version,
    )


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
