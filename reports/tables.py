"""Tables of an experiment's measurements: a row for each variant, or for each point of the axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from reference.statistics.samples import RECORD_COLUMNS
from reports.estimates import interval_of, written
from reports.numerals import number

EPOCH = "epoch"
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


def axes_of(rows: pd.DataFrame) -> list[str]:
    """Return the axes that the rows of one metric have."""
    return [str(name) for name in rows.columns if name not in RECORD_COLUMNS and rows[name].notna().any()]


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
    """Return a table for each metric with axes beyond the epoch: a row for each point, a column for each variant."""
    return list(_by_axes(rows, variants))


def _by_axes(rows: pd.DataFrame, variants: Sequence[str]) -> Iterator[Table]:
    for metric, of_metric in rows.groupby("metric", sort=False):
        axes = axes_of(of_metric)
        if not axes or axes == [EPOCH]:
            continue
        found = [name for name in variants if name in set(of_metric["variant"])]
        lines = []
        for point, here in of_metric.groupby(axes, dropna=False, sort=True):
            cells = [_cell(rows, here[here["variant"] == name], name) for name in found]
            lines.append((*(_coordinate(value) for value in point), *cells))
        yield Table(_head(str(metric), of_metric), (*axes, *found), tuple(lines), words=tuple(range(len(axes))))


def _cells(rows: pd.DataFrame, columns: Sequence[Column], variant: str) -> Iterator[str]:
    for _, of_metric in columns:
        yield _cell(rows, of_metric[of_metric["variant"] == variant], variant)


def _cell(rows: pd.DataFrame, here: pd.DataFrame, variant: str) -> str:
    if here.empty:
        return NOTHING
    sizes = rows.loc[(rows["metric"] == "test_size") & (rows["variant"] == variant), "value"]
    return written(interval_of(here, sizes))


def _head(metric: str, rows: pd.DataFrame) -> str:
    unit = str(rows["unit"].iloc[0])
    words = metric.replace("_", " ")
    return words if unit == "1" else f"{words} [{unit}]"


def _coordinate(value: object) -> str:
    if isinstance(value, int | float):
        return NOTHING if math.isnan(value) else number(float(value))
    return str(value)
