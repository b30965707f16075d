"""Which records a claim is judged on: one profile, one code, one set of data and settings, never a mixture."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from suite.declarations import PROFILES, Experiment

SAME = ("machine", "same_code", "revision", "torch", "data", "stand_in_for", "settings")
"""Columns in which all records of a set agree. Code that gives the same numbers, by a replay, is one code."""

SAME_FOR_TIMES = ("code", "device_name", "threads")
"""Times have to come from one kind of device as well, and from exactly one code: no replay compares them."""


ProfileSettings = Mapping[tuple[str, str], str]
"""Settings that each experiment declares for each profile, as the records' ``settings`` column writes them."""


def profile_settings(experiments: Mapping[str, Experiment]) -> ProfileSettings:
    """Return the settings of every profile of every experiment."""
    return {
        (name, profile): json.dumps(settings.values(), sort_keys=True)
        for name, experiment in experiments.items()
        for profile, settings in experiment.profiles.items()
    }


def at_profile_settings(cells: pd.DataFrame, declared: ProfileSettings) -> pd.DataFrame:
    """Return the cells that ran at their profile's own settings.

    A run with a setting replaced is not what its profile promises, so no verdict rests on it. Cells of an experiment
    that is not registered here are taken as they are.
    """
    own = [
        declared.get((experiment, profile), settings) == settings
        for experiment, profile, settings in zip(cells["experiment"], cells["profile"], cells["settings"], strict=True)
    ]
    return cells[pd.Series(own, index=cells.index, dtype=bool)]


@dataclass(frozen=True)
class RecordSet:
    """The records of a claim's variants on one class of device, at one profile, of one code.

    Attributes:
        profile: Their profile.
        device: Their class of device.
        variants: The variants that the claim compares.
        cells: The latest record of each variant and seed, whatever its status.
        higher: A profile above this one that has records, but of too few seeds; empty when there is none.
    """

    profile: str
    device: str
    variants: tuple[str, ...]
    cells: pd.DataFrame
    higher: str = ""

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds with which every variant finished."""
        return _common_seeds(self.cells[self.cells["status"] == "finished"], self.variants)

    @property
    def used(self) -> pd.DataFrame:
        """The records that a judgement uses: finished, of the seeds that every variant has."""
        finished = self.cells["status"] == "finished"
        return self.cells[finished & self.cells["seed"].isin(self.seeds)]

    @property
    def unfinished(self) -> pd.DataFrame:
        """The records that failed or diverged."""
        return self.cells[self.cells["status"] != "finished"]

    @property
    def newest(self) -> pd.Timestamp:
        """When its last record was started."""
        return _starts(self.cells).max()


def select(
    cells: pd.DataFrame, variants: Sequence[str], seeds: int, device: str, *, times: bool = False
) -> RecordSet | None:
    """Return the set of records that a claim is judged on, or None when there is no record at all.

    It is the newest complete set of the highest profile that has one. A set is complete when every variant has the
    claim's seeds, the same ones; a cell that failed or diverged counts as run, so that a failure of the newest code is
    shown and not hidden behind older code that worked. Where no profile has a complete set, it is the set with the
    most seeds at the highest profile there is.

    Args:
        cells: Cells of one experiment, as ``suite.harness.records`` loads them.
        variants: The variants that the claim compares.
        seeds: How many seeds it needs.
        device: The class of device.
        times: Whether the claim is about times, which compare by one code on one kind of device only.
    """
    own = cells[(cells["device"] == device) & cells["variant"].isin(variants)]
    highest: RecordSet | None = None
    for profile in reversed(PROFILES):
        found = list(_sets(own[own["profile"] == profile], profile, device, tuple(variants), times))
        if complete := [each for each in found if _attempted(each) >= seeds]:
            newest = max(complete, key=lambda each: each.newest)
            return RecordSet(profile, device, newest.variants, newest.cells, highest.profile if highest else "")
        if found and highest is None:
            highest = max(found, key=lambda each: (_attempted(each), each.newest))
    return highest


def _sets(
    cells: pd.DataFrame, profile: str, device: str, variants: tuple[str, ...], times: bool
) -> Iterator[RecordSet]:
    for _, group in cells.groupby([*SAME, *(SAME_FOR_TIMES if times else ())], dropna=False):
        order = _starts(group).sort_values(kind="stable").index
        yield RecordSet(profile, device, variants, group.loc[order].drop_duplicates(["variant", "seed"], keep="last"))


def _attempted(records: RecordSet) -> int:
    return len(_common_seeds(records.cells, records.variants))


def _common_seeds(cells: pd.DataFrame, variants: Sequence[str]) -> tuple[int, ...]:
    of_each = [set(cells.loc[cells["variant"] == variant, "seed"].astype(int)) for variant in variants]
    return tuple(sorted(set.intersection(*of_each)))


def _starts(cells: pd.DataFrame) -> pd.Series[pd.Timestamp]:
    return pd.to_datetime(cells["start"], format="ISO8601", utc=True)
