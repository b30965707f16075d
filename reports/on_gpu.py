"""On which graphics card an experiment was measured, if on any."""

from __future__ import annotations

import pandas as pd

from suite.declarations import PROFILES, Experiment

NOT_YET = "not measured on a GPU yet"


def on_gpu(experiment: Experiment, cells: pd.DataFrame) -> str:
    """Say on which cards cells of an experiment finished, with their profiles and how many of its variants.

    Args:
        experiment: The experiment.
        cells: Records, also those of others.
    """
    mine = (cells["experiment"] == experiment.id) & (cells["device"] == "cuda") & (cells["status"] == "finished")
    cards = [_of_card(str(name), group, experiment) for name, group in cells[mine].groupby("device_name", sort=True)]
    return f"measured on {'; '.join(cards)}" if cards else NOT_YET


def _of_card(name: str, cells: pd.DataFrame, experiment: Experiment) -> str:
    profiles = ", ".join(profile for profile in PROFILES if (cells["profile"] == profile).any())
    found = len(set(experiment.variants) & set(cells["variant"]))
    every = len(experiment.variants)
    variants = "" if found == every else f", {found} of {every} variants"
    return f"{name} (profile {profiles}{variants})"
