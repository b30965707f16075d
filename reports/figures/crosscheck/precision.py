"""Convolutional networks in several precisions: what training gives, and how accurate and costly their solves are."""

from __future__ import annotations

import pandas as pd

from reports.figures.curves import curve, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.tolerance import against_tolerance, at_the_tightest

AXES = ["variant", "seed", "tolerance"]


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw errors and evaluations in training, then errors and evaluations of solves against float32's."""
    return {
        "error": curve(
            evidence, "Test error in training", "test_error", "epoch", x="epoch", y="test error [%]", columns=2
        ),
        "nfe": curve(
            evidence,
            "Evaluations in training",
            "nfe_forward",
            "epoch",
            x="epoch",
            y="evaluations in a forward solve",
            columns=2,
        ),
        "accuracy": _accuracy(evidence),
        "evaluations": _relative_evaluations(evidence),
    }


def _accuracy(evidence: Evidence) -> Drawing:
    title = "Accuracy of a solve against its tolerance"
    rows = evidence.metric("solve_error", "tolerance")
    rows = rows[rows["value"] > 0]
    if rows.empty:
        return Drawing.missing(title, "solve_error")
    label = "error of the state over its change"
    return Drawing(
        title,
        against_tolerance(evidence, rows, y=label, height=3.8, columns=2),
        "Each network at its own weights, against the exact solution at these. Where a curve turns flat, rounding "
        f"decides the error and not the tolerance. {seeds_in_words(rows)}",
        f"{label}, at the tightest tolerance: {at_the_tightest(evidence, rows)}.",
    )


def _relative_evaluations(evidence: Evidence) -> Drawing:
    """Draw the evaluations of a solve over those that float32 takes at the same weights and tolerance."""
    title = "Evaluations of a solve over those in float32"
    own, exact = (evidence.metric(name, "tolerance") for name in ("solve_nfe", "float32_nfe"))
    if own.empty or exact.empty:
        return Drawing.missing(title, "solve_nfe")
    pairs = own.merge(exact[[*AXES, "value"]], on=AXES, suffixes=("", "_float32"))
    rows = pd.DataFrame({**pairs[AXES], "value": pairs["value"] / pairs["value_float32"]})
    rows["metric"], rows["unit"], rows["stand_in_for"] = "relative_nfe", "1", ""
    plain = Evidence(evidence.experiment, evidence.variants, evidence.headline, rows, evidence.published)
    drawing = curve(
        plain,
        title,
        "relative_nfe",
        "tolerance",
        x="tolerance, relative and absolute",
        y="evaluations over those in float32",
        columns=2,
    )
    if drawing.figure is not None:
        (axes,) = drawing.figure.axes
        axes.set(xscale="log")
        axes.invert_xaxis()
    return drawing
