"""MNIST (LeCun, Cortes and Burges): 60,000 training and 10,000 test images of digits, 28 x 28 pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from suite.datasets.data_files import (
    DATA_VARIABLE,
    DamagedFileError,
    DataFile,
    DataNotFoundError,
    FileGroup,
    FileState,
    refuse_damaged,
)
from suite.datasets.data_set import DataSet
from suite.datasets.download import download
from suite.datasets.idx import read_idx
from suite.datasets.image_classification import ImageClassification
from suite.declarations import DataVersion

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
FILES = FileGroup(
    "mnist",
    (
        DataFile("train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        DataFile("train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        DataFile("t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        DataFile("t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
)
"""Training images and labels, then test images and labels, in the published bytes."""


@dataclass(frozen=True)
class IdxImages(DataSet):
    """Grey images with labels in four IDX files: training images and labels, test images and labels."""

    group: FileGroup
    mirrors: tuple[str, ...]
    name: str
    stand_in: str = ""

    def find(self, data_dir: Path | None, *, download: bool) -> DataVersion:
        """Look for the four files, and download them when that is wanted and they are nowhere."""
        self._folder(data_dir, may_download=download)
        return DataVersion(self.name, self.group.digest)

    def load(self, version: DataVersion, data_dir: Path | None) -> ImageClassification:
        """Read the four files; they are downloaded when this machine lacks them, as their bytes are known."""
        if version.digest != self.group.digest:
            raise DamagedFileError(f"{self.name!r} has digest {self.group.digest}, not {version.digest} as asked")
        folder = self._folder(data_dir, may_download=True)
        train_images, train_labels, test_images, test_labels = (folder / file.name for file in self.group.files)
        return ImageClassification(
            *_read_split(train_images, train_labels), *_read_split(test_images, test_labels), version
        )

    def check(self, data_dir: Path | None) -> list[FileState]:
        """Return the state of the four files."""
        return self.group.states(data_dir)

    def fetch(self) -> list[FileState]:
        """Download the four files into the cache."""
        download(self.group, self.mirrors)
        return self.group.states_in(self.group.cache)

    def _folder(self, data_dir: Path | None, *, may_download: bool) -> Path:
        states = self.group.states(data_dir)
        in_cache = states[0].path.parent == self.group.cache
        if may_download and in_cache and any(state.state != "intact" for state in states):
            try:
                self.fetch()
            except DataNotFoundError:
                # A damaged file must be named, not hidden behind the missing network and then behind a stand-in.
                if any(state.state == "damaged" for state in states):
                    refuse_damaged(states)
                raise
        folder = self.group.find(data_dir)
        if folder is None:
            raise DataNotFoundError(
                f"{self.name!r} is nowhere on this machine; name a folder that holds its files with --data-dir "
                f"or {DATA_VARIABLE}"
            )
        return folder


def _read_split(images: Path, labels: Path) -> tuple[Tensor, Tensor]:
    """Return images as ``[n, 1, height, width]`` in 0..1 and labels as ``[n]``."""
    pixels = read_idx(images, dimensions=3)
    classes = read_idx(labels, dimensions=1)
    if len(pixels) != len(classes):
        raise DamagedFileError(f"{images} holds {len(pixels)} images but {labels} holds {len(classes)} labels")
    scaled = torch.from_numpy(pixels.astype(np.float32)).div_(255).unsqueeze(1)
    return scaled, torch.from_numpy(classes.astype(np.int64))


MNIST = IdxImages(FILES, MIRRORS, name="mnist", stand_in="digits")
