"""Curves on logarithmic axes in panels side by side or below each other, one for each value of an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.curves import MANY_POINTS
from reports.figures.drawing import Evidence
from reports.figures.theme import WIDTH, colours, dashes, markers


@dataclass(frozen=True)
class Curve:
    """One curve: its label, and rows that hold its abscissae and a ``value``, several seeds of each."""

    label: str
    rows: pd.DataFrame


def panels(
    curves: Mapping[str, Sequence[Curve]],
    axis: str,
    *,
    x: str,
    y: str,
    known: Sequence[str],
    falling: bool = False,
    linear_x: bool = False,
    linear_y: bool = False,
    columns: int = 3,
) -> Figure:
    """Draw one panel below the other, each with its curves: the mean over seeds with their range as a band.

    Args:
        curves: The curves of each panel, by its title.
        axis: Which axis lies along x.
        x: Label of x, with its unit.
        y: Label of y, with its unit.
        known: All labels, which fix colours, markers and dashes.
        falling: Whether the abscissa falls from left to right.
        linear_x: Whether x is not logarithmic.
        linear_y: Whether y is not logarithmic.
        columns: Of the legend; fewer where names are long.
    """
    figure = Figure(figsize=(WIDTH, 0.9 + 2.3 * len(curves)))
    found = figure.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (title, several) in zip(found, curves.items(), strict=True):
        for curve in several:
            _draw(axes, curve, axis, known)
        axes.set(ylabel=y, title=title, xscale="linear" if linear_x else "log", yscale="linear" if linear_y else "log")
    found[-1].set(xlabel=x)
    if falling:
        found[-1].invert_xaxis()
    handles = {label: handle for axes in found for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    order = [name for name in known if name in handles] + [name for name in handles if name not in known]
    figure.legend([handles[name] for name in order], order, loc="outside lower center", ncols=columns)
    return figure


def _draw(axes: Axes, curve: Curve, axis: str, known: Sequence[str]) -> None:
    by_axis = curve.rows.groupby(axis)["value"]
    mean, low, high = by_axis.mean(), by_axis.min(), by_axis.max()
    names = list(known)
    colour, pattern = colours(names)[curve.label], dashes(names)[curve.label]
    marker = markers(names)[curve.label] if len(mean) <= MANY_POINTS else ""
    axes.plot(mean.index, mean, color=colour, label=curve.label, marker=marker, dashes=pattern or (None, None))
    axes.fill_between(mean.index, low, high, color=colour, alpha=0.2, linewidth=0)


def by_variant(evidence: Evidence, rows: pd.DataFrame) -> list[Curve]:
    """Return a curve of each variant found in rows."""
    return [Curve(name, rows[rows["variant"] == name]) for name in evidence.present(rows)]


def by_effort(rows: pd.DataFrame, axis: str) -> pd.DataFrame:
    """Return rows whose abscissae are means over seeds, since those of an adaptive method differ between them."""
    # Stable, so that efforts with as many evaluations are those of the same tolerance in every seed.
    ordered = rows.sort_values(axis, kind="stable").copy()
    ordered["effort"] = ordered.groupby(["variant", "seed"]).cumcount()
    ordered[axis] = ordered.groupby(["variant", "effort"])[axis].transform("mean")
    return ordered


def name_ticks(axes: Axes, names: Mapping[float, str]) -> None:
    """Mark these places of a logarithmic abscissa by these names, and no others."""
    axes.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    axes.set_xticks(list(names), list(names.values()))


def ends_in_words(curves: Mapping[str, Sequence[Curve]], axis: str) -> str:
    """Return the first and the last value of every curve, for readers who do not see the figure."""
    sentences = []
    for title, several in curves.items():
        for curve in several:
            mean = curve.rows.groupby(axis)["value"].mean()
            sentences.append(
                f"{title}, {curve.label}: {mean.iloc[0]:.3g} at {mean.index[0]:.3g}, "
                f"{mean.iloc[-1]:.3g} at {mean.index[-1]:.3g}"
            )
    return "; ".join(sentences) + "."
