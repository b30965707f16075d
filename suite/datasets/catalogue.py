"""The data sets that experiments can name, and the policy by which one is found or replaced by its stand-in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from suite.datasets.cifar10 import CIFAR10, CIFAR10_SPLIT
from suite.datasets.colour_digits import COLOUR_DIGITS
from suite.datasets.data_files import DataNotFoundError, FileState
from suite.datasets.data_set import DataSet
from suite.datasets.digits import DIGITS
from suite.datasets.mnist import MNIST
from suite.declarations import DataVersion

DATA_SETS: dict[str, DataSet] = {
    data_set.name: data_set for data_set in (MNIST, DIGITS, CIFAR10, CIFAR10_SPLIT, COLOUR_DIGITS)
}
"""Every data set by its name."""


def resolve(name: str, data_dir: Path | None = None, *, download: bool, stand_in: bool) -> DataVersion:
    """Find which bytes a cell would see, without decoding them.

    The places are, in this order: ``data_dir`` (its sub-folder of the data set's name, or itself), the folder that the
    environment variable ``DEPTHMARK_DATA`` names, the cache, and the public mirrors.

    Args:
        name: Name of a data set.
        data_dir: Folder to look into first.
        download: Whether the mirrors may be asked.
        stand_in: Whether the data set's stand-in may take its place. With ``download`` it does so when the data cannot
            be had; without ``download`` it always does, so that a run is the same on every machine.

    Raises:
        ValueError: For an unknown name.
        DamagedFileError: When a file in one of the places is not the published one: no stand-in hides that.
        DataNotFoundError: When the data cannot be had and no stand-in may take its place.
    """
    data_set = _named(name)
    may_stand_in = stand_in and bool(data_set.stand_in)
    if may_stand_in and not download:
        return _stand_in_version(data_set)
    try:
        return data_set.find(data_dir, download=download)
    except DataNotFoundError:
        if not may_stand_in:
            raise
        return _stand_in_version(data_set)


def load(version: DataVersion, data_dir: Path | None = None) -> object:
    """Decode a data set, as its module describes it.

    Args:
        version: What :func:`resolve` found.
        data_dir: Folder to look into first.

    Raises:
        DamagedFileError: When the bytes are not those of the version.
        DataNotFoundError: When they cannot be had on this machine.
    """
    return _named(version.name).load(version, data_dir)


def check(name: str, data_dir: Path | None = None) -> list[FileState]:
    """Return the state of each file of a data set where it would be read from; empty when it needs none."""
    return _named(name).check(data_dir)


def fetch(name: str) -> list[FileState]:
    """Download the files of a data set into the cache and return their states; empty when it needs none.

    Raises:
        DataNotFoundError: When no mirror gives the published bytes.
    """
    return _named(name).fetch()


def _named(name: str) -> DataSet:
    if name not in DATA_SETS:
        raise ValueError(f"unknown data set {name!r}; the data sets are {', '.join(DATA_SETS)}")
    return DATA_SETS[name]


def _stand_in_version(data_set: DataSet) -> DataVersion:
    version = _named(data_set.stand_in).find(None, download=False)
    return replace(version, stand_in_for=data_set.name)
