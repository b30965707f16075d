"""Which libraries are installed, in which version, and how to get the others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from importlib import metadata

from suite.declarations import Library, LibraryMissingError, Meter


def installed_version(distribution: str) -> str:
    """Return the installed version of a distribution of the Python package index.

    Raises:
        LibraryMissingError: When it is not installed.
    """
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        raise LibraryMissingError(f"{distribution} is not installed; pip install {distribution}") from None


def those_installed(libraries: Iterable[Library], names: Collection[str], meter: Meter) -> Iterator[Library]:
    """Yield the libraries of some names that are installed; record of each its version, or how to get it."""
    for library in (each for each in libraries if each.name in names):
        try:
            meter.record("installed", 1.0, "1", library=library.name, version=library.version())
        except LibraryMissingError as missing:
            meter.record("installed", 0.0, "1", library=library.name, reason=str(missing))
        else:
            yield library
