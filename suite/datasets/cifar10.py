"""CIFAR-10 (Krizhevsky 2009): 50,000 training and 10,000 test images of ten classes, 32 x 32 pixels in colour.

The files are those of the canonical binary version. Where a folder holds the five training batches without the test
batch, a fixed split of the training images stands in for the data set, under a name of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from suite.datasets.archive import download_archive
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
from suite.datasets.image_classification import ImageClassification
from suite.declarations import DataVersion

MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)
ARCHIVE = DataFile("cifar-10-binary.tar.gz", "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd")
FOLDER = "cifar-10-batches-bin"
"""The folder of the files inside the archive."""
TRAINING_FILES = FileGroup(
    "cifar10",
    (
        DataFile("data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
        DataFile("data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"),
        DataFile("data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"),
        DataFile("data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"),
        DataFile("data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"),
    ),
)
FILES = FileGroup(
    "cifar10",
    (
        *TRAINING_FILES.files,
        DataFile("test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
    ),
)
"""The training batches and then the test batch, in the published bytes."""
SHAPE = (3, 32, 32)
"""Red, green and blue plane, rows and columns of an image."""
RECORD = 1 + 3 * 32 * 32
"""Bytes of one image: its class, then its planes."""
HELD_OUT = 5_000
"""Images at the end of the training batches that stand in for the test set where the test batch is missing."""


@dataclass(frozen=True)
class BinaryImages(DataSet):
    """Colour images with labels in the canonical binary files: five training batches and a test batch.

    Attributes:
        group: All six files.
        split: The data set that is made of the training batches alone.
    """

    group: FileGroup
    split: TrainingSplit
    name: str = "cifar10"
    stand_in: str = "colour-digits"

    def find(self, data_dir: Path | None, *, download: bool) -> DataVersion:
        """Look for the six files, and download them when that is wanted and they are nowhere.

        Where only the test batch is missing the version is that of :class:`TrainingSplit`, which says what it stands
        in for. That needs nobody's leave, since the images are the real ones and the record names the split.
        """
        states = self._states(data_dir, may_download=download)
        if states[-1].state == "missing" and _intact(states[:-1]):
            return replace(self.split.version, stand_in_for=self.name)
        refuse_damaged(states)
        return DataVersion(self.name, self.group.digest)

    def load(self, version: DataVersion, data_dir: Path | None) -> ImageClassification:
        """Read the six files; they are downloaded when this machine lacks them, as their bytes are known."""
        if version.digest != self.group.digest:
            raise DamagedFileError(f"{self.name!r} has digest {self.group.digest}, not {version.digest} as asked")
        states = self._states(data_dir, may_download=True)
        refuse_damaged(states)
        *training, test = (state.path for state in states)
        return ImageClassification(*read_batches(training), *read_batches([test]), version)

    def check(self, data_dir: Path | None) -> list[FileState]:
        """Return the state of the six files."""
        return self.group.states(data_dir)

    def fetch(self) -> list[FileState]:
        """Download the archive and unpack the six files into the cache."""
        download_archive(self.group, ARCHIVE, FOLDER, MIRRORS)
        return self.group.states_in(self.group.cache)

    def _states(self, data_dir: Path | None, *, may_download: bool) -> list[FileState]:
        """Return the states of the files, of which at least one is there."""
        states = self.group.states(data_dir)
        in_cache = states[0].path.parent == self.group.cache
        if may_download and in_cache and not _intact(states):
            try:
                return self.fetch()
            except DataNotFoundError:
                if all(state.state == "missing" for state in states):
                    raise
        if all(state.state == "missing" for state in states):
            raise _not_found(self.name)
        return states


@dataclass(frozen=True)
class TrainingSplit(DataSet):
    """The five training batches of CIFAR-10: the last images are the test set, the others the training set.

    Attributes:
        group: The five files.
        held_out: How many images the test set has; the training set has 45,000 where it is 5,000.
    """

    group: FileGroup
    held_out: int = HELD_OUT
    name: str = "cifar10-split"
    stand_in: str = ""

    @property
    def version(self) -> DataVersion:
        """The one version there is."""
        return DataVersion(self.name, self.group.digest)

    def find(self, data_dir: Path | None, *, download: bool) -> DataVersion:
        """Look for the five files, and download all of CIFAR-10 when that is wanted and they are nowhere."""
        self._folder(data_dir, may_download=download)
        return self.version

    def load(self, version: DataVersion, data_dir: Path | None) -> ImageClassification:
        """Read the five files, downloading them when this machine lacks them, and split their images."""
        if version.digest != self.group.digest:
            raise DamagedFileError(f"{self.name!r} has digest {self.group.digest}, not {version.digest} as asked")
        folder = self._folder(data_dir, may_download=True)
        images, labels = read_batches([folder / file.name for file in self.group.files])
        kept = len(labels) - self.held_out
        return ImageClassification(images[:kept], labels[:kept], images[kept:], labels[kept:], version)

    def check(self, data_dir: Path | None) -> list[FileState]:
        """Return the state of the five files."""
        return self.group.states(data_dir)

    def fetch(self) -> list[FileState]:
        """Download the archive of CIFAR-10, which holds the five files among others, into the cache."""
        download_archive(FILES, ARCHIVE, FOLDER, MIRRORS)
        return self.group.states_in(self.group.cache)

    def _folder(self, data_dir: Path | None, *, may_download: bool) -> Path:
        folder = self.group.find(data_dir)
        if folder is None and may_download:
            self.fetch()
            folder = self.group.find(data_dir)
        if folder is None:
            raise _not_found(self.name)
        return folder


def read_batches(paths: list[Path]) -> tuple[Tensor, Tensor]:
    """Read files of the binary version one after another.

    Args:
        paths: The files.

    Returns:
        Images as float32 in 0..1, shape ``[n, 3, 32, 32]``, and classes as int64, shape ``[n]``.

    Raises:
        DamagedFileError: When a file is no whole number of images, or names a class above 9.
    """
    images, labels = [], []
    for path in paths:
        content = np.fromfile(path, dtype=np.uint8)
        if content.size % RECORD:
            raise DamagedFileError(f"{path} holds {content.size} bytes, no multiple of the {RECORD} of an image")
        records = content.reshape(-1, RECORD)
        if len(records) and records[:, 0].max() > 9:
            raise DamagedFileError(f"{path} names class {records[:, 0].max()}; the classes are 0 to 9")
        images.append(torch.from_numpy(records[:, 1:]).reshape(-1, *SHAPE).float().div_(255))
        labels.append(torch.from_numpy(records[:, 0]).long())
    return torch.cat(images), torch.cat(labels)


def _intact(states: list[FileState]) -> bool:
    return all(state.state == "intact" for state in states)


def _not_found(name: str) -> DataNotFoundError:
    return DataNotFoundError(
        f"{name!r} is nowhere on this machine; name a folder that holds its files with --data-dir or {DATA_VARIABLE}"
    )


CIFAR10_SPLIT = TrainingSplit(TRAINING_FILES)
CIFAR10 = BinaryImages(FILES, CIFAR10_SPLIT)
