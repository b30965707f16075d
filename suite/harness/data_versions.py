"""Which bytes the cells of a profile see: the policy by which data is looked up, downloaded or replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from suite import datasets
from suite.declarations import DataVersion, Profile
from suite.harness.errors import PlanError

_MAY_DOWNLOAD: dict[Profile, bool] = {"smoke": False, "quick": True, "laptop": True, "paper": True}
_MAY_STAND_IN: dict[Profile, bool] = {"smoke": True, "quick": True, "laptop": False, "paper": False}


def data_versions(
    names: Iterable[str],
    profile: Profile,
    data_dir: Path | None,
    *,
    download: bool,
    known: Mapping[str, DataVersion] | None = None,
) -> tuple[DataVersion, ...]:
    """Return the version of each data set that a cell of the profile would see.

    Smoke cells always see the stand-in, so that their numbers are comparable across machines. Quick cells see it when
    the data cannot be had. Cells of the other profiles never do.

    Args:
        names: Names of data sets.
        profile: Profile of the cell.
        data_dir: Folder to look into first.
        download: Whether what is missing may be downloaded now, where the profile allows it.
        known: Versions found before, by the name of the data set that was asked for.

    Raises:
        PlanError: When a data set is unknown, damaged, or cannot be had; the message says how to give it.
    """
    known = known or {}
    try:
        return tuple(
            known[name] if name in known else _resolve(name, profile, data_dir, download=download) for name in names
        )
    except (ValueError, OSError) as error:
        raise PlanError(str(error)) from error


def asked_names(versions: Iterable[DataVersion]) -> dict[str, DataVersion]:
    """Return versions by the name of the data set that was asked for, which a stand-in carries beside its own."""
    return {version.stand_in_for or version.name: version for version in versions}


def _resolve(name: str, profile: Profile, data_dir: Path | None, *, download: bool) -> DataVersion:
    if not _MAY_DOWNLOAD[profile] or download:
        return datasets.resolve(name, data_dir, download=_MAY_DOWNLOAD[profile], stand_in=_MAY_STAND_IN[profile])
    try:
        return datasets.resolve(name, data_dir, download=False, stand_in=False)
    except datasets.DataNotFoundError:
        if not _MAY_STAND_IN[profile]:
            raise
        return datasets.resolve(name, data_dir, download=False, stand_in=True)
