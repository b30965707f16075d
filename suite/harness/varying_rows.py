"""Which measurements differ from run to run of the same code: times, and what an experiment declares beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suite.declarations import Experiment, Varying

TIME_UNITS = frozenset({"s", "ms", "min"})
"""Units of measured times."""


def is_varying(experiment: Experiment | None, variant: str, row: Mapping[str, Any]) -> bool:
    """Return whether a measurement of a variant differs from run to run.

    Args:
        experiment: What declares it; of an experiment that is not known, times alone vary.
        variant: The variant.
        row: ``metric``, ``unit`` and any axes.
    """
    varying = experiment.varying if experiment is not None else Varying()
    return (
        row["unit"] in TIME_UNITS
        or row["metric"] in varying.metrics
        or variant in varying.variants
        or any(row.get(axis) == level for axis, level in varying.levels)
    )
