"""Every registered experiment as a benchmark: one of its cells, run once, and the numbers followed across commits.

The cell is the first seed of the last variant, where experiments put the method they are about: at smoke size on a CPU,
at quick size on CUDA.
"""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from suite.declarations import Cell, DeviceClass, Profile
from suite.harness import plan, registry, runner, schema

from .cases import CaseUnavailableError, require_device

PROFILES: dict[DeviceClass, Profile] = {"cpu": "smoke", "cuda": "quick"}
"""The size at which each device runs an experiment."""


@dataclass(frozen=True)
class Outcome:
    """What is followed of one cell.

    Attributes:
        seconds: Wall time of the cell.
        peak_memory: Bytes: the process's peak on a CPU, what the allocator took of the device on CUDA.
        headline: The experiment's headline metric, the last value recorded.
    """

    seconds: float
    peak_memory: float
    headline: float


def identifiers() -> list[str]:
    """Return the id of every registered experiment."""
    return list(registry.experiments())


def cell_of(identifier: str, device: DeviceClass) -> Cell:
    """Return the cell that stands for an experiment.

    Raises:
        CaseUnavailableError: When the device is missing, or this version lacks the experiment or its profile.
    """
    require_device(device)
    experiment = registry.experiments().get(identifier)
    if experiment is None:
        raise CaseUnavailableError(f"no experiment {identifier} in this version")
    if PROFILES[device] not in experiment.profiles:
        raise CaseUnavailableError(f"{identifier} has no profile {PROFILES[device]}")
    cells = plan.plan([identifier], PROFILES[device], device, seeds=1)
    return next(cell for cell in cells if (cell.experiment, cell.variant) == (identifier, experiment.variants[-1]))


def measure(identifier: str, device: DeviceClass, folder: Path) -> Outcome:
    """Return the outcome of an experiment's cell, which runs once for each ``folder``; later calls read it there.

    Raises:
        CaseUnavailableError: As :func:`cell_of`.
        RuntimeError: When the cell did not finish.
    """
    cell = cell_of(identifier, device)
    kept = folder / f"{cell.key}.json"
    if not kept.is_file():
        seconds, headline = read(runner.run_cell(cell, folder / "records"))
        kept.write_text(json.dumps(asdict(Outcome(seconds, _peak_memory(device), headline))))
    return Outcome(**json.loads(kept.read_text()))


def read(record: Path) -> tuple[float, float]:
    """Return the seconds and the last value of the headline metric in a record.

    Raises:
        RuntimeError: When the cell did not finish, with its error; or recorded no headline.
    """
    header, rows = schema.parse(record)
    identifier = header["cell"]["experiment"]
    if header["status"] != "finished":
        raise RuntimeError(
            f"{identifier} {header['status']}: {header['error']['message']}\n{header['error']['traceback']}"
        )
    metric = registry.experiments()[identifier].headline
    values = [row["value"] for row in rows if row["metric"] == metric]
    if not values:
        raise RuntimeError(f"{identifier} recorded no {metric!r}, which it declares as its headline")
    return header["seconds"], float(values[-1])


def _peak_memory(device: DeviceClass) -> float:
    if device == "cuda":
        # Not the allocator's own peak: experiments reset that counter when they measure their memory.
        return float(torch.cuda.memory_reserved())
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
