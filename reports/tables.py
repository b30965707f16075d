"""Tables of an experiment's measurements: a row for each variant, or for each point of the axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from reports.estimates import interval_of, written
from reports.numerals import number
from suite.harness.records import axes_of

EPOCH = "epoch"
MOST_POINTS = 300
"""A metric with more points is a curve or a picture: it is drawn, and its numbers are in the file beside the page."""
Column = tuple[str, pd.DataFrame]
"""The head of a column and the rows it is computed from."""
NOTHING = "\N{EN DASH}"


@dataclass(frozen=True)
class Table:
    """A table as the templates show it.

    Attributes:
        title: Caption, which also names the box it scrolls in.
        columns: Column heads.
        rows: Written cells, as many in each row as there are columns.
        words: Indices of the columns that hold words rather than numbers.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: tuple[int, ...] = (0,)


def by_variant(rows: pd.DataFrame, variants: Sequence[str], headline: str) -> list[Table]:
    """Return one table, a row for each variant: the headline, other metrics without axes, the last epoch of others."""
    without_axes: list[Column] = []
    last_epoch: list[Column] = []
    for metric, of_metric in rows.groupby("metric", sort=False):
        axes = axes_of(of_metric)
        if not axes:
            without_axes.append((_head(str(metric), of_metric), of_metric))
        elif axes == [EPOCH]:
            last = of_metric[of_metric[EPOCH] == of_metric.groupby(["variant", "seed"])[EPOCH].transform("max")]
            last_epoch.append((_head(f"{metric}, last epoch", of_metric), last))
    without_axes.sort(key=lambda column: column[1]["metric"].iloc[0] != headline)
    columns = [*without_axes, *last_epoch]
    found = [name for name in variants if name in set(rows["variant"])]
    if not columns or not found:
        return []
    seeds = {name: rows.loc[rows["variant"] == name, "seed"].nunique() for name in found}
    return [
        Table(
            "Mean over seeds with its 95 % interval",
            ("variant", "seeds", *(head for head, _ in columns)),
            tuple((name, str(seeds[name]), *_cells(rows, columns, name)) for name in found),
        )
    ]


def by_axes(rows: pd.DataFrame, variants: Sequence[str]) -> list[Table]:
    """Return a table for each metric with axes beyond the epoch: a row for each point, a column for each variant.

    Metrics of more than ``MOST_POINTS`` points are left to :func:`without_table`.
    """
    sizes = {name: _test_sizes(rows, name) for name in variants}
    tables = []
    for metric, axes, of_metric in _with_axes(rows):
        if _points(of_metric, axes) > MOST_POINTS:
            continue
        found = [name for name in variants if name in set(of_metric["variant"])]
        points: dict[object, tuple[list[str], dict[str, str]]] = {}
        needed = of_metric[[*axes, "variant", "seed", "metric", "unit", "value"]]
        grouped = needed.groupby([needed.groupby(axes, dropna=False, sort=True).ngroup(), "variant"], sort=True)
        for (point, variant), here in grouped:
            coordinates = [_coordinate(value) for value in here[axes].iloc[0]]
            _, cells = points.setdefault(point, (coordinates, {}))
            if variant in sizes:
                cells[variant] = written(interval_of(here, sizes[variant]))
        lines = [(*place, *(cells.get(name, NOTHING) for name in found)) for place, cells in points.values()]
        tables.append(Table(_head(metric, of_metric), (*axes, *found), tuple(lines), words=tuple(range(len(axes)))))
    return tables


def without_table(rows: pd.DataFrame) -> list[str]:
    """Return the metrics, with the number of their points, that have too many for a table."""
    counts = ((metric, _points(of_metric, axes)) for metric, axes, of_metric in _with_axes(rows))
    return [f"{metric.replace('_', ' ')} ({number(count)} points)" for metric, count in counts if count > MOST_POINTS]


def _with_axes(rows: pd.DataFrame) -> Iterator[tuple[str, list[str], pd.DataFrame]]:
    """Yield the metrics that have axes beyond the epoch, with these and the rows."""
    for metric, of_metric in rows.groupby("metric", sort=False):
        axes = axes_of(of_metric)
        if axes and axes != [EPOCH]:
            yield str(metric), axes, of_metric


def _points(rows: pd.DataFrame, axes: list[str]) -> int:
    return len(rows[axes].drop_duplicates())


def _cells(rows: pd.DataFrame, columns: Sequence[Column], variant: str) -> Iterator[str]:
    sizes = _test_sizes(rows, variant)
    for _, of_metric in columns:
        here = of_metric[of_metric["variant"] == variant]
        yield NOTHING if here.empty else written(interval_of(here, sizes))


def _test_sizes(rows: pd.DataFrame, variant: str) -> pd.Series[float]:
    return rows.loc[(rows["metric"] == "test_size") & (rows["variant"] == variant), "value"]


def _head(metric: str, rows: pd.DataFrame) -> str:
    unit = str(rows["unit"].iloc[0])
    words = metric.replace("_", " ")
    return words if unit == "1" else f"{words} [{unit}]"


def _coordinate(value: object) -> str:
    if isinstance(value, int | float):
        return NOTHING if math.isnan(value) else number(float(value))
    return str(value)
