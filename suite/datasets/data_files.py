"""Files that a data set is read from: which they are, where they may lie, and whether they are intact."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pooch

DATA_VARIABLE = "DEPTHMARK_DATA"
"""The environment variable that names a folder of data files, laid out as ``--data-dir`` is."""


class DamagedFileError(ValueError):
    """A data file is there but is not what was published; nothing of it is used."""


class DataNotFoundError(FileNotFoundError):
    """A data set is neither in the places looked at nor on its mirrors; the message says how to give it."""


@dataclass(frozen=True)
class DataFile:
    """One published file: its name and the SHA-256 of its bytes."""

    name: str
    sha256: str

    def state_in(self, folder: Path) -> FileState:
        """Compare the file of this name in a folder with the published bytes."""
        path = folder / self.name
        if not path.is_file():
            return FileState(self.name, path, "missing")
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        return FileState(self.name, path, "intact" if found == self.sha256 else "damaged", found)


@dataclass(frozen=True)
class FileState:
    """One file as it was found on this machine."""

    name: str
    path: Path
    state: Literal["intact", "missing", "damaged"]
    sha256: str = ""


@dataclass(frozen=True)
class FileGroup:
    """The files of one data set, which are only ever used together.

    Attributes:
        name: Name of the data set, and of its folder in a data folder and in the cache.
        files: Every file, in a fixed order.
    """

    name: str
    files: tuple[DataFile, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over the names and digests of all files."""
        lines = "".join(f"{file.sha256}  {file.name}\n" for file in self.files)
        return hashlib.sha256(lines.encode()).hexdigest()

    @property
    def cache(self) -> Path:
        """Folder that downloads go to."""
        return Path(pooch.os_cache("depthmark")) / self.name

    def states_in(self, folder: Path) -> list[FileState]:
        """Return the state of every file in one folder."""
        return [file.state_in(folder) for file in self.files]

    def folders(self, data_dir: Path | None) -> Iterator[Path]:
        """Yield the folders that may hold the files, in the order of preference.

        Raises:
            NotADirectoryError: When a folder was named that does not exist.
        """
        variable = os.environ.get(DATA_VARIABLE)
        for origin, root in (("--data-dir", data_dir), (DATA_VARIABLE, Path(variable) if variable else None)):
            if root is None:
                continue
            if not root.is_dir():
                raise NotADirectoryError(f"{origin} names {root}, which is not a folder")
            yield root / self.name
            yield root
        yield self.cache

    def states(self, data_dir: Path | None) -> list[FileState]:
        """Return the states in the first folder that holds any of the files, or in the cache when none does."""
        states: list[FileState] = []
        for folder in self.folders(data_dir):
            states = self.states_in(folder)
            if any(state.state != "missing" for state in states):
                break
        return states

    def find(self, data_dir: Path | None) -> Path | None:
        """Return the folder that holds all files intact, or None where no place holds any of them.

        Raises:
            DamagedFileError: When a file differs from the published one, or only some of the files are there.
        """
        states = self.states(data_dir)
        if all(state.state == "missing" for state in states):
            return None
        refuse_damaged(states)
        return states[0].path.parent


def refuse_damaged(states: Sequence[FileState]) -> None:
    """Raise DamagedFileError when any of a group's files is damaged or missing, naming it."""
    for state in states:
        if state.state == "damaged":
            raise DamagedFileError(
                f"{state.path} is damaged: its SHA-256 is {state.sha256}, not the published one; delete or replace it"
            )
    missing = [state.name for state in states if state.state == "missing"]
    if missing:
        raise DamagedFileError(f"{states[0].path.parent} lacks {', '.join(missing)}; the files are used together")
