"""Gradient error against tolerance or steps, the drift of the initial state, and backward evaluations."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.crosscheck.ways import PANELS, in_panel, legend_under
from reports.figures.curves import legend_below, lines
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH, colours, dashes, markers, text_colour

AXES = ("problem", "method", "tolerance")
TRUTH = "finite-differences"
REFERENCES = {TRUTH: "against finite differences", "direct": "against backpropagation"}
DRIFT_METHOD = "dopri5"
DIAGONAL = "error = tolerance"

SMALLEST = 1e-17
"""No error at all is drawn here, as logarithms have no zero."""


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw errors, evaluations and drift for every problem and method, and the reversible methods by problem."""
    errors = _against_truth(evidence.metric("gradient_error", *AXES))
    evaluations = evidence.metric("nfe_backward", *AXES)
    drawings: dict[str, Drawing] = {}
    for name, title, rows in _panels(errors):
        drawings[f"error-{name}"] = _error(evidence, f"Gradient error: {title}", rows)
    for name, title, rows in _panels(evaluations):
        drawings[f"nfe-{name}"] = _evaluations(evidence, f"Backward evaluations: {title}", rows)
    drift = evidence.metric("reconstruction_error", *AXES)
    for name, title, rows in _panels(drift[drift["method"] == DRIFT_METHOD] if not drift.empty else drift):
        drawings[f"drift-{name}"] = _drift(evidence, f"Reconstructed initial state: {title}", rows)
    stepped = evidence.metric("gradient_error", "problem", "method", "steps", "reference", "wrt")
    for problem, rows in stepped.groupby("problem") if not stepped.empty else ():
        drawings[f"reversible-{problem}"] = _reversible(f"Reversible methods: {problem}", rows)
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
    figure = _figure(evidence, worst, "largest relative error", diagonal=True)
    return Drawing(
        title,
        figure,
        "The largest relative error over the gradients by initial state, parameters and times, against finite "
        "differences in float64; the dashed line is error = tolerance.",
        f"Largest relative gradient error at the tightest tolerance. {_tightest(evidence, worst)}.",
    )


def _evaluations(evidence: Evidence, title: str, rows: pd.DataFrame) -> Drawing:
    mean = rows.groupby(["variant", "seed", "tolerance"])["value"].mean().reset_index()
    figure = _figure(evidence, mean, "NFE of the backward pass")
    return Drawing(
        title,
        figure,
        "Evaluations of the vector field that the backward pass makes.",
        f"Backward evaluations at the tightest tolerance. {_tightest(evidence, mean)}.",
    )


def _drift(evidence: Evidence, title: str, rows: pd.DataFrame) -> Drawing:
    shown = rows.assign(value=rows["value"].clip(lower=SMALLEST))
    figure = _figure(evidence, shown, "relative error of y(0)", diagonal=True)
    return Drawing(
        title,
        figure,
        "Distance of the initial state that the backward pass uses from the true one: solved back from the end for the "
        f"continuous adjoints, seen in the backward pass for the others; {SMALLEST:g} stands for none.",
        f"Reconstruction error at the tightest tolerance. {_tightest(evidence, rows)}.",
    )


def _reversible(title: str, rows: pd.DataFrame) -> Drawing:
    """Draw the errors of the methods whose steps have a fixed size: against the truth, and against autograd."""
    states = rows[rows["wrt"] != "times"]  # by times they are of another order
    worst = states.groupby(["method", "reference", "seed", "steps"])["value"].max().clip(lower=SMALLEST).reset_index()
    figure = Figure(figsize=(WIDTH, 4.0))
    axes = figure.subplots()
    curves = [f"{method}, {REFERENCES[reference]}" for method, reference in _pairs(worst)]
    looks = colours(curves), markers(curves), dashes(curves)
    words = []
    for name, (method, reference) in zip(curves, _pairs(worst), strict=True):
        mean = worst[(worst["method"] == method) & (worst["reference"] == reference)].groupby("steps")["value"].mean()
        colour, marker, stroke = (look[name] for look in looks)
        words.append(
            f"{name}: {mean.iloc[0]:.3g} with {mean.index[0]:g} steps, {mean.iloc[-1]:.3g} with {mean.index[-1]:g}"
        )
        axes.plot(
            mean.index, mean, color=colour, marker=marker, linestyle=(0, stroke) if stroke else "-", label=name,
            markeredgewidth=0,
        )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="steps", ylabel="largest relative error")
    legend_below(figure, axes, columns=1)
    return Drawing(
        title,
        figure,
        "The larger relative error of the gradients by initial state and by parameters: against finite "
        "differences it is that of the method, against backpropagation through the same steps it is rounding.",
        f"Relative gradient error of reversible methods. {'; '.join(words)}.",
    )


def _pairs(rows: pd.DataFrame) -> list[tuple[str, str]]:
    pairs = rows[["method", "reference"]].drop_duplicates().sort_values(["method", "reference"])
    return list(pairs.itertuples(index=False, name=None))


def _figure(evidence: Evidence, rows: pd.DataFrame, label: str, *, diagonal: bool = False) -> Figure:
    """Draw a panel of the ways through the discretised solution and one of the continuous adjoints."""
    figure = Figure(figsize=(WIDTH, 8.0))
    ends = [rows["tolerance"].min(), rows["tolerance"].max()]
    for axes, (name, continuous) in zip(figure.subplots(len(PANELS), 1, sharey=True), PANELS.items(), strict=True):
        shown = rows[[in_panel(variant, continuous) for variant in rows["variant"]]]
        if not shown.empty:
            lines(axes, shown, "tolerance", evidence)
        if diagonal:
            axes.plot(ends, ends, color=text_colour(), linestyle="--", linewidth=1.2, label=DIAGONAL, zorder=1)
            axes.set(yscale="log")
        else:
            axes.set_ylim(bottom=0)
        axes.set(xscale="log", xlabel="tolerance, relative and absolute", ylabel=label, title=name)
        axes.invert_xaxis()
        legend_under(axes)
    return figure


def _tightest(evidence: Evidence, rows: pd.DataFrame) -> str:
    at = rows[rows["tolerance"] == rows["tolerance"].min()].groupby("variant")["value"].mean()
    return "; ".join(f"{name}: {at[name]:.3g}" for name in evidence.present(rows) if name in at)
