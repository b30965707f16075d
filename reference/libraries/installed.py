"""Which version of a library is installed, or how to get it."""

from __future__ import annotations

from importlib import metadata

from suite.declarations import LibraryMissingError


def installed_version(distribution: str) -> str:
    """Return the installed version of a distribution of the Python package index.

    Raises:
        LibraryMissingError: When it is not installed.
    """
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        raise LibraryMissingError(f"{distribution} is not installed; pip install {distribution}") from None
