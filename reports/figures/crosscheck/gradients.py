"""Gradient error against tolerance, and what the gradients cost in evaluations of the vector field."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.curves import legend_below, lines
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH, text_colour

AXES = ("problem", "method", "tolerance")
TRUTH = "finite-differences"


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw a panel of errors and one of evaluations for every problem and method."""
    errors = _against_truth(evidence.metric("gradient_error", *AXES))
    evaluations = evidence.metric("nfe_backward", *AXES)
    drawings: dict[str, Drawing] = {}
    for name, title, rows in _panels(errors):
        drawings[f"error-{name}"] = _error(evidence, f"Gradient error: {title}", rows)
    for name, title, rows in _panels(evaluations):
        drawings[f"nfe-{name}"] = _evaluations(evidence, f"Backward evaluations: {title}", rows)
    if errors.empty:
        drawings["error"] = Drawing.missing("Gradient error against tolerance", "gradient_error")
    if evaluations.empty:
        drawings["nfe"] = Drawing.missing("Backward evaluations against tolerance", "nfe_backward")
    return drawings


def _against_truth(errors: pd.DataFrame) -> pd.DataFrame:
    return errors[errors["reference"] == TRUTH] if "reference" in errors else errors


def _panels(rows: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    groups = rows.groupby(["problem", "method"]) if not rows.empty else ()
    return [(f"{problem}-{method}", f"{problem}, {method}", panel) for (problem, method), panel in groups]


def _error(evidence: Evidence, title: str, rows: pd.DataFrame) -> Drawing:
    worst = rows.groupby(["variant", "seed", "tolerance"])["value"].max().reset_index()
    figure, axes, names = _figure(evidence, worst)
    ends = [worst["tolerance"].min(), worst["tolerance"].max()]
    axes.plot(ends, ends, color=text_colour(), linestyle="--", linewidth=1.2, label="error = tolerance", zorder=1)
    axes.set(yscale="log", ylabel="largest relative error")
    legend_below(figure, axes, columns=2)
    return Drawing(
        title,
        figure,
        "The largest relative error over the gradients by initial state, parameters and times, against finite "
        "differences in float64; the dashed line is error = tolerance.",
        f"Largest relative gradient error at the tightest tolerance. {_tightest(worst, names)}.",
    )


def _evaluations(evidence: Evidence, title: str, rows: pd.DataFrame) -> Drawing:
    mean = rows.groupby(["variant", "seed", "tolerance"])["value"].mean().reset_index()
    figure, axes, names = _figure(evidence, mean)
    axes.set(ylabel="NFE of the backward pass")
    axes.set_ylim(bottom=0)
    legend_below(figure, axes, columns=2)
    return Drawing(
        title,
        figure,
        "Evaluations of the vector field that the backward pass makes.",
        f"Backward evaluations at the tightest tolerance. {_tightest(mean, names)}.",
    )


def _figure(evidence: Evidence, rows: pd.DataFrame) -> tuple[Figure, Axes, list[str]]:
    names = evidence.present(rows)
    figure = Figure(figsize=(WIDTH, 4.0))
    axes = figure.subplots()
    lines(axes, rows, "tolerance", evidence)
    axes.set(xscale="log", xlabel="tolerance, relative and absolute")
    axes.invert_xaxis()
    return figure, axes, names


def _tightest(rows: pd.DataFrame, names: list[str]) -> str:
    at = rows[rows["tolerance"] == rows["tolerance"].min()].groupby("variant")["value"].mean()
    return "; ".join(f"{name}: {at[name]:.3g}" for name in names if name in at)
