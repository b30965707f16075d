"""What a data set offers: which bytes it would use, the data itself, and the state of its files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from suite.datasets.data_files import FileState
from suite.declarations import DataVersion


class DataSet(ABC):
    """One data set that an experiment can name.

    Attributes:
        name: The name that experiments declare.
        stand_in: Name of the data set that takes its place where it cannot be had, or empty.
    """

    name: str
    stand_in: str = ""

    @abstractmethod
    def find(self, data_dir: Path | None, *, download: bool) -> DataVersion:
        """Say which bytes would be used, without decoding them.

        Args:
            data_dir: Folder looked into before all others.
            download: Whether to download what is nowhere on this machine.

        Raises:
            DamagedFileError: When a file is there but is not the published one.
            DataNotFoundError: When it cannot be had.
        """

    @abstractmethod
    def load(self, version: DataVersion, data_dir: Path | None) -> object:
        """Decode the data of a version, as :meth:`find` gave it.

        Raises:
            DamagedFileError: When the bytes are not those of the version.
        """

    def check(self, data_dir: Path | None) -> list[FileState]:
        """Return the state of each of its files on this machine; empty for a data set that needs none."""
        del data_dir
        return []

    def fetch(self) -> list[FileState]:
        """Download its files into the cache and return their states; empty for a data set that needs none."""
        return []
