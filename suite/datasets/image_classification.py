"""Labelled images, split into a training set and a test set."""

from __future__ import annotations

from dataclasses import dataclass

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
