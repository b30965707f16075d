"""HyperMidpoint over the second-order family: errors beside the released curves, and residuals beside predictions."""

from __future__ import annotations

import pandas as pd

from reports.figures.curves import seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.poli2020.log_curves import Curve, by_variant, ends_in_words, name_ticks, panels

RELEASED = "base, last sample subtracted"
DIGITISED = "hyper-midpoint, digitised"
DIGITISED_BASE = "base, digitised"
MEASURED, PREDICTED, BOUND = "measured", "predicted", "predicted bound"
SHOWN_ALPHAS = (0.1, 0.5, 1.0)


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    return {
        "error": _errors(evidence),
        "released": _released(evidence),
        "delta": _deltas(evidence),
        "residual": _residuals(evidence),
        "discrepancy": _discrepancies(evidence),
    }


def _errors(evidence: Evidence) -> Drawing:
    title = "Error at depth 1 over the family"
    rows = evidence.metric("relative_error", "alpha")
    if rows.empty:
        return Drawing.missing(title, "relative_error")
    curves = {"": by_variant(evidence, rows)}
    figure = panels(curves, "alpha", x="alpha", y="relative error", known=evidence.known, linear_x=True)
    return Drawing(
        title,
        figure,
        f"Mean over test images, channels and pixels, against every sample's own solution. {seeds_in_words(rows)}",
        ends_in_words({"error": curves[""]}, "alpha"),
    )


def _released(evidence: Evidence) -> Drawing:
    title = "The same beside the released curves"
    rows = evidence.metric("relative_error", "alpha")
    subtracted = evidence.metric("released_error", "alpha")
    subtracted = subtracted[subtracted["variant"] == "base"]
    if rows.empty or subtracted.empty:
        return Drawing.missing(title, "released_error")
    curves = [*by_variant(evidence, rows), Curve(RELEASED, subtracted), *_digitised(evidence)]
    known = [*evidence.known, RELEASED, DIGITISED, DIGITISED_BASE]
    figure = panels({"": curves}, "alpha", x="alpha", y="relative error", known=known, linear_x=True, columns=2)
    return Drawing(
        title,
        figure,
        "For the base solver, the released code subtracts the last sample's solution from every sample's: it plots a "
        "distance between images. Digitised curves are of the full network, whose errors need not be those of a "
        f"smaller one. {seeds_in_words(rows)}",
        ends_in_words({"error": curves}, "alpha"),
    )


def _digitised(evidence: Evidence) -> list[Curve]:
    found = []
    hyper = evidence.published.get(f"{evidence.experiment}/error/hyper-midpoint")
    if hyper is not None:
        found.append(Curve(DIGITISED, pd.DataFrame({"alpha": hyper.x, "value": hyper.y})))
    base = evidence.published.get(f"{evidence.experiment}/error/base")
    if base is not None and base.low is not None and base.high is not None:
        level = (base.low + base.high) / 2
        found.append(Curve(DIGITISED_BASE, pd.DataFrame({"alpha": [0.01, 1.0], "value": [level, level]})))
    return found


def _deltas(evidence: Evidence) -> Drawing:
    title = "Error of the correction over the family"
    rows = evidence.metric("delta", "alpha")
    if rows.empty:
        return Drawing.missing(title, "delta")
    curves = {"": [Curve(MEASURED, rows), Curve(BOUND, evidence.metric("predicted_delta", "alpha"))]}
    known = (MEASURED, BOUND)
    figure = panels(curves, "alpha", x="alpha", y="||R - g||", known=known, linear_x=True, linear_y=True)
    return Drawing(
        title,
        figure,
        "Of a correction fitted at alpha = 1/2, on test images. The bound adds |alpha - 1/2| / 4 times "
        f"||f''(f, f)|| to the error at 1/2. {seeds_in_words(rows)}",
        ends_in_words({"||R - g||": curves[""]}, "alpha"),
    )


def _residuals(evidence: Evidence) -> Drawing:
    title = "Residuals of the family"
    rows = evidence.metric("residual_norm", "alpha", "step")
    if rows.empty:
        return Drawing.missing(title, "residual_norm")
    predicted = evidence.metric("predicted_residual_norm", "alpha", "step")
    curves = {
        f"step 1/{1 / step:.0f}": [
            Curve(MEASURED, rows[rows["step"] == step]),
            Curve(PREDICTED, predicted[predicted["step"] == step]),
        ]
        for step in (rows["step"].max(), rows["step"].min())
    }
    known = (MEASURED, PREDICTED)
    figure = panels(curves, "alpha", x="alpha", y="||R||", known=known, linear_x=True, linear_y=True)
    return Drawing(
        title,
        figure,
        "Scaled local errors without a correction on test images, and their leading term by exact directional "
        f"derivatives. {seeds_in_words(rows)}",
        ends_in_words(curves, "alpha"),
    )


def _discrepancies(evidence: Evidence) -> Drawing:
    title = "How far residuals are from the prediction"
    rows = evidence.metric("residual_discrepancy", "alpha", "step")
    if rows.empty:
        return Drawing.missing(title, "residual_discrepancy")
    names = {alpha: f"alpha = {alpha:g}" for alpha in SHOWN_ALPHAS if (rows["alpha"] == alpha).any()}
    curves = {"": [Curve(name, rows[rows["alpha"] == alpha]) for alpha, name in names.items()]}
    figure = panels(curves, "step", x="step", y="relative discrepancy", known=list(names.values()))
    (axes,) = figure.axes
    name_ticks(axes, {step: f"1/{1 / step:.0f}" for step in sorted(rows["step"].unique())})
    return Drawing(
        title,
        figure,
        f"It falls with the step, as a leading term's does. {seeds_in_words(rows)}",
        ends_in_words({"discrepancy": curves[""]}, "step"),
    )
