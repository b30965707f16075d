"""Appendices B.1 and B.3 of Massaroli et al. 2020: augmented states, and what regularisers cost and save."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.curves import curve, legend_below, lines, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.massaroli2020.panels_of_cases import panels_of_cases
from reports.figures.theme import WIDTH, colours, markers
from reports.figures.variants import by_variant


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    return {
        "error": by_variant(evidence, "Test error with and without augmentation", "test_error", label="test error [%]"),
        "nfe": _evaluations(evidence),
        "accuracy": _against_weight(
            evidence, "Accuracy against the weight", "accuracy", "accuracy on held-out points [%]"
        ),
        "evaluations": _relative_evaluations(evidence),
        "trade": _trade(evidence),
        "kinetic": _against_weight(
            evidence, "Kinetic energy of held-out paths", "kinetic", "∫|f|² over depth [length²]", scale="log"
        ),
        "jacobian": _against_weight(
            evidence,
            "Jacobian norm along held-out paths",
            "squared_jacobian",
            "∫‖∂f/∂z‖² over depth, exact",
            scale="log",
        ),
        "parameters": by_variant(evidence, "Parameters", "parameters", label="parameters"),
    }


def _evaluations(evidence: Evidence) -> Drawing:
    rows = evidence.metric("nfe_at", "tolerance")
    known = "weight" in rows
    rows = rows[rows["weight"].isna()] if known else rows
    plain = Evidence(evidence.experiment, evidence.variants, evidence.headline, rows, evidence.published)
    drawing = curve(
        plain,
        "Evaluations with and without augmentation",
        "nfe_at",
        "tolerance",
        x="tolerance, relative and absolute",
        y="evaluations in a forward solve",
    )
    if drawing.figure is not None:
        axes = drawing.figure.axes[0]
        axes.set(xscale="log")
        axes.invert_xaxis()
    return drawing


def _against_weight(evidence: Evidence, title: str, metric: str, label: str, scale: str = "linear") -> Drawing:
    rows = evidence.metric(metric, "weight")
    if rows.empty:
        return Drawing.missing(title, metric)
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.subplots()
    lines(axes, rows, "weight", evidence)
    axes.set(xlabel="weight of the regulariser", ylabel=label, yscale=scale)
    axes.set_xscale("symlog", linthresh=_least(rows))
    axes.set_xlim(left=0)
    legend_below(figure, axes)
    means = rows.groupby(["variant", "weight"])["value"].mean()
    words = "; ".join(
        f"{name}: " + ", ".join(f"{value:.4g} at {weight:g}" for weight, value in means[name].items())
        for name in evidence.present(rows)
    )
    return Drawing(
        title,
        figure,
        f"{seeds_in_words(rows)} The axis is linear up to the smallest weight." + evidence.not_finite(metric),
        f"{label} against the weight. {words}.",
    )


def _least(rows: pd.DataFrame) -> float:
    positive = rows.loc[rows["weight"] > 0, "weight"].astype(float)
    return 1.0 if positive.empty else float(positive.min())


def _relative_evaluations(evidence: Evidence) -> Drawing:
    """Draw evaluations over those without a regulariser, a panel for each tolerance."""
    rows = evidence.metric("relative_nfe", "weight", "tolerance")
    named = rows.assign(tolerance=[f"tolerance {each:g}" for each in rows["tolerance"]]) if len(rows) else rows
    drawing = panels_of_cases(
        evidence,
        "Evaluations saved",
        named,
        "relative_nfe",
        "weight",
        "tolerance",
        x="weight of the regulariser",
        y="NFE / NFE at 0",
        caption="The axis is linear up to the smallest weight.",
    )
    if drawing.figure is not None:
        for axes in drawing.figure.axes:
            axes.set_xscale("symlog", linthresh=_least(rows))
            axes.set_xlim(left=0)
            axes.set_ylim(bottom=0)
    return drawing


def _trade(evidence: Evidence) -> Drawing:
    """Draw accuracy against evaluations, one point for each weight, joined in their order."""
    title = "What accuracy costs"
    accuracy, nfe = evidence.metric("accuracy", "weight"), evidence.metric("nfe_at", "weight", "tolerance")
    if accuracy.empty or nfe.empty:
        return Drawing.missing(title, "accuracy")
    tolerance = nfe["tolerance"].min()
    nfe = nfe[nfe["tolerance"] == tolerance]
    keys = ["variant", "weight"]
    table = pd.DataFrame(
        {"nfe": nfe.groupby(keys)["value"].mean(), "accuracy": accuracy.groupby(keys)["value"].mean()}
    ).dropna()
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.subplots()
    palette, shapes = colours(evidence.known), markers(evidence.known)
    shown = evidence.present(table.reset_index())
    for name in shown:
        own = table.loc[name]
        axes.plot(own["nfe"], own["accuracy"], color=palette[name], marker=shapes[name], label=name)
        for weight, point in own.iterrows():
            axes.annotate(f" {weight:g}", (point["nfe"], point["accuracy"]), fontsize=8, va="bottom")
    axes.set(xlabel=f"evaluations at a tolerance of {tolerance:g}", ylabel="accuracy on held-out points [%]")
    legend_below(figure, axes)
    return Drawing(
        title,
        figure,
        "Means over seeds; the number beside a point is the weight of the regulariser.",
        f"Accuracy against evaluations for the weights of {', '.join(shown)}.",
    )
