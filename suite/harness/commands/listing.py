"""``python -m suite list``: the registered experiments."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

from suite.declarations import Experiment
from suite.harness.commands.arguments import EXIT_FINISHED
from suite.harness.registry import experiments

DESCRIPTION = "Lists every registered experiment with its variants and profiles."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--json", action="store_true", help="Prints a JSON array with one object per experiment.")


def execute(arguments: argparse.Namespace, packages: Sequence[str]) -> int:
    """Print the experiments."""
    registered = experiments(packages)
    if arguments.json:
        print(json.dumps([_described(entry) for entry in registered.values()], indent=2))
    else:
        _print_text(registered)
    return EXIT_FINISHED


def _described(experiment: Experiment) -> dict[str, Any]:
    return {
        "id": experiment.id,
        "title": experiment.title,
        "variants": list(experiment.variants),
        "profiles": {profile: settings.values() for profile, settings in experiment.profiles.items()},
        "seeds": {profile: experiment.seeds.get(profile, 1) for profile in experiment.profiles},
        "datasets": list(experiment.datasets),
        "headline": experiment.headline,
        "alone": list(experiment.alone),
        "paper_cost": experiment.paper_cost,
        "revision": experiment.revision,
    }


def _print_text(registered: Mapping[str, Experiment]) -> None:
    for experiment in registered.values():
        print(f"{experiment.id}: {experiment.title}")
        print(f"    variants: {', '.join(experiment.variants)}")
        print(f"    profiles: {', '.join(experiment.profiles)}; at the paper's size: {experiment.paper_cost}")
    if not registered:
        print("No experiment is registered.")
