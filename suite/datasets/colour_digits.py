"""Scikit-learn's digits in colour, 32 x 32 pixels: what stands in for CIFAR-10 where no file of it can be had.

Each digit is drawn in one colour on a background of another. The colours are drawn once and say nothing of the class,
so that a network has to find the shape. It is a much easier task than CIFAR-10, and takes the place of its form alone.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from suite.datasets.data_files import DamagedFileError
from suite.datasets.data_set import DataSet
from suite.datasets.digits import DIGITS
from suite.datasets.image_classification import ImageClassification
from suite.declarations import DataVersion

SIZE = 32
"""Height and width in pixels after bilinear enlargement."""
SEED = 20200207
"""Of the colours, which are part of the data set."""


class ColourDigits(DataSet):
    """The digits in colour: 1,442 training and 355 test images, the same split as of :class:`Digits`."""

    name = "colour-digits"

    def find(self, data_dir: Path | None, *, download: bool) -> DataVersion:
        """Return the one version there is."""
        grey = DIGITS.find(data_dir, download=download)
        return DataVersion(self.name, hashlib.sha256(f"{grey.digest} {SIZE} {SEED}".encode()).hexdigest())

    def load(self, version: DataVersion, data_dir: Path | None) -> ImageClassification:
        """Read the grey digits, enlarge and colour them."""
        found = self.find(data_dir, download=False)
        if found.digest != version.digest:
            raise DamagedFileError(f"{self.name!r} has digest {found.digest}, not {version.digest} as asked")
        grey = DIGITS.load(DIGITS.find(data_dir, download=False), data_dir)
        generator = torch.Generator().manual_seed(SEED)
        train, test = (coloured(images, generator) for images in (grey.train_images, grey.test_images))
        return ImageClassification(train, grey.train_labels, test, grey.test_labels, version)


def coloured(images: Tensor, generator: torch.Generator) -> Tensor:
    """Enlarge grey images and blend from one random colour where they are dark to another where they are bright.

    Args:
        images: In 0..1, shape ``[n, 1, height, width]``.
        generator: Draws the colours, of the background in 0..0.5 and of the digit in 0.5..1.

    Returns:
        In 0..1, shape ``[n, 3, 32, 32]``.
    """
    brightness = functional.interpolate(images, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
    background, foreground = torch.rand(2, len(images), 3, 1, 1, generator=generator) / 2
    return torch.lerp(background, foreground + 0.5, brightness)


COLOUR_DIGITS = ColourDigits()
