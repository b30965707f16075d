"""From what a user asks for to cells, each after the cells whose trained models it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from suite.data_by_variant import DataByVariant
from suite.declarations import Cell, DataVersion, DeviceClass, Experiment, ModelSpec, Profile, Settings
from suite.harness.data_versions import asked_names, data_versions
from suite.harness.errors import PlanError
from suite.harness.registry import EXPERIMENT_PACKAGES, experiments


def plan(
    patterns: Sequence[str],
    profile: Profile,
    device: DeviceClass,
    seeds: int | None = None,
    data_dir: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    *,
    variants: Sequence[str] = (),
    packages: Sequence[str] = EXPERIMENT_PACKAGES,
    download: bool = True,
) -> list[Cell]:
    """Return the cells of the chosen experiments and those they need, in an order in which they can run.

    Args:
        patterns: Ids or globs such as ``chen2018/*``; none means every experiment.
        profile: Profile of all cells. A glob leaves out experiments without it; an id does not.
        device: Class of device of all cells.
        seeds: How many seeds, counted from index 0; by default as many as each experiment declares.
        data_dir: Folder to look for data in first.
        overrides: Settings of the chosen experiments to replace, as text. Needed experiments that were not chosen, and
            models needed from another experiment, keep the settings of their profile.
        variants: Variants of the chosen experiments to take; none means every one.
        packages: Packages to find experiments in.
        download: Whether data that is missing may be downloaded now.

    Raises:
        PlanError: When an id, variant, profile, setting or data set cannot be had, naming those that can.
    """
    registered = experiments(packages)
    planner = _Planner(registered, data_dir, download)
    chosen = _chosen(patterns, profile, registered)
    _check_variants(variants, chosen)
    for experiment in chosen:
        try:
            settings = experiment.profiles[profile].override(overrides or {})
        except ValueError as error:
            raise PlanError(f"{experiment.id}: {error}") from error
        for seed in range(experiment.seeds.get(profile, 1) if seeds is None else seeds):
            for variant in (name for name in experiment.variants if not variants or name in variants):
                planner.add(planner.cell(experiment, variant, seed, profile, device, settings))
    return list(planner.ordered.values())


def needed_cell(
    cell: Cell,
    spec: ModelSpec,
    seed: int | None = None,
    *,
    data_dir: Path | None = None,
    packages: Sequence[str] = EXPERIMENT_PACKAGES,
) -> Cell:
    """Return the cell that trains a model which ``cell`` needs: of its seed, profile and device.

    Data that the cell itself sees is the data the model was trained on; nothing is downloaded.
    """
    planner = _Planner(experiments(packages), data_dir, download=False, versions=asked_names(cell.data))
    return planner.needed(cell, spec, seed)


def needed_cells(
    cell: Cell, *, data_dir: Path | None = None, packages: Sequence[str] = EXPERIMENT_PACKAGES
) -> list[Cell]:
    """Return the cells that train the models which ``cell`` needs."""
    specs = experiments(packages)[cell.experiment].needs(cell)
    return [needed_cell(cell, spec, data_dir=data_dir, packages=packages) for spec in specs]


@dataclass
class _Planner:
    registered: Mapping[str, Experiment]
    data_dir: Path | None
    download: bool
    versions: dict[str, DataVersion] = field(default_factory=dict)
    ordered: dict[str, Cell] = field(default_factory=dict)

    def cell(
        self, experiment: Experiment, variant: str, seed: int, profile: Profile, device: DeviceClass, settings: Settings
    ) -> Cell:
        names = experiment.reads(variant) if isinstance(experiment, DataByVariant) else experiment.datasets
        data = data_versions(names, profile, self.data_dir, download=self.download, known=self.versions)
        self.versions |= asked_names(data)
        return Cell(experiment.id, variant, seed, profile, settings, device, data, experiment.revision)

    def needed(self, cell: Cell, spec: ModelSpec, seed: int | None = None) -> Cell:
        experiment = self.registered.get(spec.experiment)
        if experiment is None:
            raise PlanError(f"{cell.experiment} needs a model of {spec.experiment!r}, which is not registered")
        if spec.variant not in experiment.variants:
            raise PlanError(f"{cell.experiment} needs {spec.variant!r} of {spec.experiment}, which has no such variant")
        if spec.experiment == cell.experiment:
            settings = cell.settings
        elif cell.profile in experiment.profiles:
            settings = experiment.profiles[cell.profile]
        else:
            raise PlanError(f"{cell.experiment} needs {spec.experiment}, which has no profile {cell.profile!r}")
        return self.cell(
            experiment, spec.variant, cell.seed if seed is None else seed, cell.profile, cell.device, settings
        )

    def add(self, cell: Cell, path: tuple[str, ...] = ()) -> None:
        """Add a cell after all that it needs."""
        if cell.key in self.ordered:
            return
        if cell.key in path:
            raise PlanError(f"{cell.name} needs its own trained model, directly or through others")
        for spec in self.registered[cell.experiment].needs(cell):
            self.add(self.needed(cell, spec), (*path, cell.key))
        self.ordered[cell.key] = cell


def _chosen(patterns: Iterable[str], profile: Profile, registered: Mapping[str, Experiment]) -> list[Experiment]:
    chosen: dict[str, Experiment] = {}
    for pattern in patterns or ("*",):
        matches = {name: entry for name, entry in registered.items() if fnmatchcase(name, pattern)}
        if not matches:
            kind = "matches" if any(sign in pattern for sign in "*?[") else "is called"
            raise PlanError(f"no experiment {kind} {pattern!r}; the experiments are {', '.join(registered) or 'none'}")
        if pattern in registered and profile not in registered[pattern].profiles:
            known = ", ".join(registered[pattern].profiles)
            raise PlanError(f"{pattern} has no profile {profile!r}; its profiles are {known}")
        chosen |= {name: entry for name, entry in matches.items() if profile in entry.profiles}
    return [chosen[name] for name in sorted(chosen)]


def _check_variants(variants: Iterable[str], chosen: Iterable[Experiment]) -> None:
    known = list(dict.fromkeys(name for experiment in chosen for name in experiment.variants))
    if unknown := [name for name in variants if name not in known]:
        raise PlanError(f"no chosen experiment has the variant {unknown[0]!r}; the variants are {', '.join(known)}")
