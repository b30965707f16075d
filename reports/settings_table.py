"""The settings of an experiment at each profile, each with its source or with the reason for our choice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reports.numerals import number
from reports.tables import Table
from suite.declarations import PROFILES, Experiment


@dataclass(frozen=True)
class Choice:
    """A setting that the paper leaves open: its published-size value and why it is what it is."""

    name: str
    value: str
    ours: str


def settings_table(experiment: Experiment) -> Table:
    """Return the settings of all profiles side by side, the smallest profile first.

    Smaller profiles may lack a setting of the largest, as those of a card: they have its default.
    """
    profiles = [profile for profile in PROFILES if profile in experiment.profiles]
    values = [experiment.profiles[profile].values() for profile in profiles]
    notes = list(experiment.profiles[profiles[-1]].notes())
    return Table(
        "Value at each profile, and where it comes from",
        ("setting", *profiles, "source"),
        tuple(
            (
                note.name,
                *(written_setting(settings.get(note.name, "default")) for settings in values),
                note.source or f"our choice: {note.ours}",
            )
            for note in notes
        ),
        words=tuple(range(len(profiles) + 2)),
    )


def open_choices(experiment: Experiment) -> Iterator[Choice]:
    """Yield the settings that the paper leaves open, at the largest profile."""
    settings = experiment.profiles[[profile for profile in PROFILES if profile in experiment.profiles][-1]]
    for note in settings.notes():
        if note.ours:
            yield Choice(note.name, written_setting(settings.values()[note.name]), note.ours)


def changed_settings(recorded: str, experiment: Experiment, profile: str) -> str:
    """Say which settings of a cell differ from those of its profile; nothing when none does.

    Args:
        recorded: The cell's settings as JSON.
        experiment: Its experiment.
        profile: Its profile.
    """
    declared = {name: settings for name, settings in experiment.profiles.items() if name == profile}
    usual = {name: json.loads(json.dumps(value)) for one in declared.values() for name, value in one.values().items()}
    changes = json.loads(recorded).items()
    return ", ".join(f"{name} = {written_setting(value)}" for name, value in changes if usual.get(name) != value)


def written_setting(value: Any) -> str:
    """Write the value of a setting."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ", ".join(written_setting(one) for one in value)
    if isinstance(value, int | float):
        return number(float(value), 6)
    return str(value)
