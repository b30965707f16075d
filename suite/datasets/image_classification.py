"""Labelled images, split into a training set and a test set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from suite.declarations import DataVersion


@dataclass(frozen=True)
class ImageClassification:
    """Images with class labels.

    Attributes:
        train_images: float32 in 0..1, shape ``[n_train, channels, height, width]``.
        train_labels: int64 in 0..classes-1, shape ``[n_train]``.
        test_images: float32 in 0..1, shape ``[n_test, channels, height, width]``.
        test_labels: int64 in 0..classes-1, shape ``[n_test]``.
        version: Which bytes these are, and what they stand in for, if anything.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    version: DataVersion

    def first(self, train: int, test: int, device: torch.device) -> ImageClassification:
        """Return so many of the first images of each part, or as many as there are, on a device."""
        return ImageClassification(
            self.train_images[:train].to(device),
            self.train_labels[:train].to(device),
            self.test_images[:test].to(device),
            self.test_labels[:test].to(device),
            self.version,
        )

    def with_images(self, change: Callable[[Tensor], Tensor]) -> ImageClassification:
        """Return the same classes with the images of both parts changed."""
        return replace(self, train_images=change(self.train_images), test_images=change(self.test_images))
