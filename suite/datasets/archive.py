"""Data files that are published together in one archive."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Sequence

from suite.datasets.data_files import DamagedFileError, DataFile, FileGroup, refuse_damaged
from suite.datasets.download import download


def download_archive(group: FileGroup, archive: DataFile, folder: str, mirrors: Sequence[str]) -> None:
    """Download an archive and unpack a group of files into the group's cache; the archive is deleted afterwards.

    Nothing is done when the cache holds all files intact already.

    Args:
        group: The files.
        archive: The tar file that holds them.
        folder: Their folder inside it.
        mirrors: Addresses of folders that hold the archive, each ending in a slash; tried in this order.

    Raises:
        DataNotFoundError: When no mirror gives the archive with its published bytes.
        DamagedFileError: When a file is not in it, or is not the published one.
    """
    if all(state.state == "intact" for state in group.states_in(group.cache)):
        return
    download(FileGroup(group.name, (archive,)), mirrors)
    path = group.cache / archive.name
    with tarfile.open(path) as members:
        for file in group.files:
            try:
                stream = members.extractfile(f"{folder}/{file.name}")
            except KeyError:
                stream = None
            if stream is None:
                raise DamagedFileError(f"{path} does not hold {folder}/{file.name}")
            # Renamed into place when it is complete, so that no reader ever sees half a file.
            part = group.cache / f"{file.name}.{os.getpid()}.part"
            with stream:
                part.write_bytes(stream.read())
            part.replace(group.cache / file.name)
    refuse_damaged(group.states_in(group.cache))
    path.unlink()
