"""A digest of the code that a cell's numbers depend on, computed from the sources, without git.

It covers the modules that the experiment imports, directly or not, within ``suite``, ``reference`` and the experiment's
own package; those of the experiments whose models any of its variants needs; its data sets; and what the
harness adds to every number (meters and seeds). Comments, docstrings, layout and the version of Python do not count:
the digest is over the normal form of the syntax trees.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache

from suite.datasets import DATA_SETS
from suite.declarations import Cell, DeviceClass, Experiment, Profile
from suite.harness.import_closure import import_closure
from suite.harness.normal_form import normal_form

_BEHIND_EVERY_NUMBER = ("suite.harness.meters", "suite.harness.seeds")


def cell_code(cell: Cell, registered: Mapping[str, Experiment]) -> str:
    """Return the digest of the code behind a cell, 64 hexadecimal digits.

    It is computed once per process, which keeps running the code it has imported.
    """
    return _cached_digest(tuple(sorted(_starting_modules(cell, registered))))


def experiment_code(
    experiment: Experiment, profile: Profile, device: DeviceClass, registered: Mapping[str, Experiment]
) -> str:
    """Return the digest of the present code behind all cells of an experiment at a profile on a class of device."""
    cell = Cell(experiment.id, experiment.variants[0], 0, profile, experiment.profiles[profile], device)
    return cell_code(cell, registered)


def code_digest(modules: Iterable[str]) -> str:
    """Return the digest of the import closure of some modules.

    Raises:
        ModuleNotFoundError: When one of them has no source file.
    """
    digest = hashlib.sha256()
    for name, tree in sorted(import_closure(modules).items()):
        digest.update(f"{name}\n{_written_out(tree)}\n".encode())
    return digest.hexdigest()


_cached_digest = cache(code_digest)
_written_out = cache(normal_form)  # of one tree, which is shared by the closures of many experiments


def _starting_modules(cell: Cell, registered: Mapping[str, Experiment]) -> set[str]:
    """Return the modules that an experiment starts from.

    Needs count of every variant, so that all cells of an experiment have one digest, and are judged and shown together.
    """
    modules = set(_BEHIND_EVERY_NUMBER)
    waiting, seen = [cell], {cell.experiment}
    while waiting:
        cell = waiting.pop()
        experiment = registered[cell.experiment]
        modules.add(type(experiment).__module__)
        for data_set in (DATA_SETS[name] for name in experiment.datasets if name in DATA_SETS):
            modules |= {type(each).__module__ for each in (data_set, DATA_SETS.get(data_set.stand_in, data_set))}
        needs = [spec for variant in experiment.variants for spec in experiment.needs(replace(cell, variant=variant))]
        for spec in needs:
            needed = registered.get(spec.experiment)
            if needed is None or spec.experiment in seen:
                continue
            seen.add(spec.experiment)
            settings = needed.profiles.get(cell.profile, cell.settings)
            waiting.append(replace(cell, experiment=spec.experiment, variant=spec.variant, settings=settings, data=()))
    return modules
