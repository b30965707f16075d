"""An error against the tolerance that a solver was given, beside the tolerance itself."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.curves import legend_below, lines
from reports.figures.drawing import Evidence
from reports.figures.theme import WIDTH, text_colour


def against_tolerance(
    evidence: Evidence, rows: pd.DataFrame, *, y: str, height: float = 3.4, columns: int = 3
) -> Figure:
    """Draw one curve for each variant over ``tolerance``, tightening to the right, with a dashed line where they agree.

    Args:
        evidence: What the rows are of.
        rows: Positive errors, with the axis ``tolerance``.
        y: Label of the errors, with their unit.
        height: Of the figure, in inches.
        columns: Of the legend; fewer where names are long.
    """
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.subplots()
    lines(axes, rows, "tolerance", evidence)
    ends = [rows["tolerance"].min(), rows["tolerance"].max()]
    axes.plot(ends, ends, color=text_colour(), linestyle="--", linewidth=1.2, label="the tolerance")
    axes.set(xscale="log", yscale="log", xlabel="tolerance, relative and absolute", ylabel=y)
    axes.invert_xaxis()
    legend_below(figure, axes, columns)
    return figure


def at_the_tightest(evidence: Evidence, rows: pd.DataFrame) -> str:
    """Say the mean error of each variant at the tightest tolerance."""
    last = rows[rows["tolerance"] == rows["tolerance"].min()].groupby("variant")["value"].mean()
    return ", ".join(f"{name} {last[name]:.4g}" for name in evidence.present(rows) if name in last)
