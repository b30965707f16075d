"""Which cells run together as one batched model: those that differ by their seed alone, where their experiment can."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from suite.declarations import Cell, Experiment

Together = Literal["auto", "always", "never"]
"""When cells run together: on a CUDA device, where launches cost more than arithmetic; on any; on none."""

TOGETHER: tuple[Together, ...] = typing.get_args(Together)


def grouped(cells: Iterable[Cell], registered: Mapping[str, Experiment], together: Together) -> list[tuple[Cell, ...]]:
    """Return cells in groups that run together, each at the place of its first cell; most groups are of one.

    A variant that claims of time or memory rest on runs by itself.
    """
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        experiment = registered[cell.experiment]
        wanted = together == "always" or (together == "auto" and cell.device == "cuda")
        joins = wanted and cell.variant not in experiment.alone and experiment.goes_together(cell)
        groups.setdefault(replace(cell, seed=0).key if joins else f"{cell.key} by itself", []).append(cell)
    return [tuple(group) for group in groups.values()]
