"""Downloading published files from their public mirrors, checked and cached by pooch."""

from __future__ import annotations

from collections.abc import Sequence

import pooch

from suite.datasets.data_files import DATA_VARIABLE, DataFile, DataNotFoundError, FileGroup

TIMEOUT = (5.0, 30.0)
"""Seconds to wait for a connection, and between two packets."""


def download(group: FileGroup, mirrors: Sequence[str]) -> None:
    """Download what the cache lacks of a group of files; a damaged file in the cache is replaced.

    Args:
        group: The files.
        mirrors: Addresses of folders that hold the files, each ending in a slash; tried in this order.

    Raises:
        DataNotFoundError: When no mirror gives a file with the published bytes.
    """
    for file in group.files:
        _download_file(file, group, mirrors)


def _download_file(file: DataFile, group: FileGroup, mirrors: Sequence[str]) -> None:
    causes = []
    for mirror in mirrors:
        try:
            pooch.retrieve(
                mirror + file.name,
                known_hash=f"sha256:{file.sha256}",
                fname=file.name,
                path=group.cache,
                downloader=pooch.HTTPDownloader(timeout=TIMEOUT),
            )
        except (OSError, ValueError) as error:  # no connection or an HTTP error; bytes that are not the published ones
            causes.append(error)
        else:
            return
    raise DataNotFoundError(
        f"{file.name} of {group.name!r} could not be downloaded from {' or '.join(mirrors)} "
        f"({type(causes[-1]).__name__}); name a folder that holds the files with --data-dir or {DATA_VARIABLE}"
    ) from causes[-1]
