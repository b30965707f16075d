"""Scikit-learn's 1,797 real 8 x 8 images of handwritten digits, enlarged to MNIST's 28 x 28 pixels.

The images are the test part of the UCI "Optical Recognition of Handwritten Digits" data (Alpaydin and Kaynak, 1998).
They come with scikit-learn, so they need neither files nor a network, and stand in for MNIST where it cannot be had.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from suite.datasets.data_files import DamagedFileError
from suite.datasets.data_set import DataSet
from suite.datasets.image_classification import ImageClassification
from suite.declarations import DataVersion

SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
"""SHA-256 of the images and then the labels, one byte each, as scikit-learn has shipped them since 2010."""
TEST_EVERY = 5
"""Within each class every fifth image, in the order of the file, is a test image."""
SIZE = 28
"""Height and width in pixels after bilinear enlargement."""
BRIGHTEST = 16
"""Largest value of a pixel in the file."""


class Digits(DataSet):
    """The enlarged digits: 1,442 training and 355 test images, the classes in equal proportion."""

    name = "digits"

    def find(self, data_dir: Path | None, *, download: bool) -> DataVersion:
        """Return the one version there is."""
        del data_dir, download
        return DataVersion(self.name, SHA256)

    def load(self, version: DataVersion, data_dir: Path | None) -> ImageClassification:
        """Read the images from scikit-learn, enlarge and split them."""
        del data_dir
        from sklearn.datasets import load_digits

        pixels, labels = load_digits(return_X_y=True)
        found = hashlib.sha256(pixels.astype(np.uint8).tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
        if not found == SHA256 == version.digest:
            raise DamagedFileError(f"scikit-learn's digits have digest {found}, not {version.digest} as asked")
        images = torch.from_numpy(pixels.astype(np.float32)).reshape(-1, 1, 8, 8) / BRIGHTEST
        images = functional.interpolate(images, size=(SIZE, SIZE), mode="bilinear", align_corners=False)
        classes = torch.from_numpy(labels.astype(np.int64))
        test = _is_test(classes)
        return ImageClassification(images[~test], classes[~test], images[test], classes[test], version)


def _is_test(classes: Tensor) -> Tensor:
    """Mark every fifth image of each class; shape ``[n]``, boolean."""
    one_hot = functional.one_hot(classes)
    place_in_class = (one_hot.cumsum(dim=0) * one_hot).sum(dim=1)
    return place_in_class % TEST_EVERY == 0


DIGITS = Digits()
