"""From rows of records to samples: one value for each seed, pairs, and points of a curve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from suite.harness.records import ROW_COLUMNS

RECORD_COLUMNS = frozenset(ROW_COLUMNS)
"""Columns that every row has; the others are the axes of its measurement."""


@dataclass(frozen=True)
class Seeds:
    """One value for each seed, in the order of the seeds."""

    values: dict[int, float]
    unit: str


@dataclass(frozen=True)
class Points:
    """Points of a curve: abscissae, ordinates, and the label of the case each belongs to."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    cases: tuple[tuple[object, ...], ...]
    unit: str


def where(rows: pd.DataFrame, axes: Mapping[str, object]) -> pd.DataFrame:
    """Return the rows with these values on these axes; numbers match within rounding, a list matches any of its own.

    Raises:
        ValueError: When no row has such an axis.
    """
    for axis, wanted in axes.items():
        _known(rows, axis)
        if isinstance(wanted, int | float):
            column = pd.to_numeric(rows[axis], errors="coerce")
            rows = rows[(column - wanted).abs() <= 1e-9 * abs(wanted)]
        else:
            rows = rows[rows[axis].isin(wanted if isinstance(wanted, list) else [wanted])]
    return rows


def measured(rows: pd.DataFrame, metric: str, variant: str) -> pd.DataFrame:
    """Return the rows of one metric of one variant, without the axes it does not have.

    Raises:
        ValueError: When there is none, its unit is not the same everywhere, or a value is not finite.
    """
    found = rows[(rows["metric"] == metric) & (rows["variant"] == variant)]
    if found.empty:
        raise ValueError(f"no {metric} of {variant}")
    if found["unit"].nunique() != 1:
        raise ValueError(f"{metric} of {variant} has several units: {', '.join(sorted(found['unit'].unique()))}")
    if not all(math.isfinite(value) for value in found["value"].astype(float)):
        raise ValueError(f"{metric} of {variant} has a value that is not finite")
    return found.dropna(axis="columns", how="all")


def axes_of(rows: pd.DataFrame) -> list[str]:
    """Return the axes along which the rows differ."""
    return [str(name) for name in rows.columns if name not in RECORD_COLUMNS and rows[name].nunique(dropna=False) > 1]


def by_seed(rows: pd.DataFrame, metric: str, variant: str, over: Sequence[str] = ()) -> Seeds:
    """Return one value for each seed: the mean of its raw samples, and over the axes named.

    Raises:
        ValueError: When the rows still differ along an axis that is neither fixed nor averaged over.
    """
    found = measured(rows, metric, variant)
    if open_axes := [axis for axis in axes_of(found) if axis not in over]:
        raise ValueError(f"{metric} of {variant} differs along {', '.join(open_axes)}, which the claim leaves open")
    means = found.groupby("seed")["value"].mean()
    return Seeds({int(str(seed)): float(value) for seed, value in means.items()}, unit_of(found))


def paired(one: Seeds, other: Seeds) -> tuple[list[float], list[float]]:
    """Return the values of both sides for the seeds that both have, in the same order.

    Raises:
        ValueError: When they share no seed.
    """
    seeds = sorted(one.values.keys() & other.values.keys())
    if not seeds:
        raise ValueError("the two sides share no seed")
    return [one.values[seed] for seed in seeds], [other.values[seed] for seed in seeds]


def curve(
    rows: pd.DataFrame,
    metric: str,
    against: str,
    variant: str,
    cases: Sequence[str] = (),
    smallest_over: Sequence[str] = (),
) -> Points:
    """Return a metric against an axis, or against another metric of the same seed and axes.

    Args:
        rows: Rows of records.
        metric: The ordinate.
        against: An axis of it, or another metric.
        variant: The variant to take.
        cases: Axes whose values, with the seed, name the case a point belongs to.
        smallest_over: Axes along which the smallest value is taken, such as the repeats of a time.

    Raises:
        ValueError: When either is missing.
    """
    found = measured(rows, metric, variant)
    unit = unit_of(found)
    for axis in smallest_over:
        _known(found, axis)
    if smallest_over:
        kept = ["seed", *(name for name in found.columns if name not in (*RECORD_COLUMNS, *smallest_over))]
        found = found.loc[found.groupby(kept, dropna=False)["value"].idxmin()]
    if against in found.columns and against not in RECORD_COLUMNS:
        found = found.dropna(subset=[against])
        abscissae = found[against]
    else:
        other = measured(rows, against, variant)
        keys = ["seed", *[axis for axis in found.columns if axis in other.columns and axis not in RECORD_COLUMNS]]
        found = found.merge(other[[*keys, "value"]], on=keys, suffixes=("", "_abscissa"))
        abscissae = found["value_abscissa"]
    for case in cases:
        _known(found, case)
    return Points(
        x=tuple(float(value) for value in abscissae),
        y=tuple(float(value) for value in found["value"]),
        cases=tuple(found[["seed", *cases]].itertuples(index=False, name=None)),
        unit=unit,
    )


def unit_of(rows: pd.DataFrame) -> str:
    """Return the unit of the rows of one metric."""
    return str(rows["unit"].iloc[0])


def _known(rows: pd.DataFrame, axis: str) -> None:
    if axis not in rows.columns or axis in RECORD_COLUMNS:
        raise ValueError(f"no measurement has an axis {axis!r}")
