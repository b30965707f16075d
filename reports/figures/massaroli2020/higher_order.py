"""Higher orders in Massaroli et al. 2020: accuracy, cost, the classes of spirals, and the oscillator."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.figures.curves import legend_below, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.massaroli2020.by_case import by_case
from reports.figures.massaroli2020.grid_pictures import bare_panels, picture
from reports.figures.massaroli2020.panels_of_cases import panels_of_cases
from reports.figures.theme import WIDTH, colours, dashes, text_colour
from reports.figures.tolerance import against_tolerance, at_the_tightest
from reports.figures.variants import by_variant


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    return {
        "accuracy": by_case(
            evidence,
            "Test accuracy",
            "test_accuracy",
            "task",
            label="accuracy on held-out points [%]",
            caption="Order ten is on spirals alone, the wider kinds of the tutorial on spheres alone.",
        ),
        "evaluations": by_case(
            evidence,
            "Evaluations of the trained flow",
            "nfe",
            "task",
            label="evaluations in a forward solve",
            caption="At the tolerance of training, for one batch of test points.",
        ),
        "parameters": by_case(
            evidence,
            "Parameters",
            "parameters",
            "task",
            label="parameters",
            caption="The authors' tutorials print 460 for second order on spirals and 657 on spheres.",
        ),
        "classes": _classes(evidence),
        "tolerance": panels_of_cases(
            evidence,
            "Evaluations against the tolerance",
            evidence.metric("nfe_at", "task", "tolerance"),
            "nfe_at",
            "tolerance",
            "task",
            x="tolerance, relative and absolute",
            y="evaluations",
            x_scale="log",
        ),
        "training": panels_of_cases(
            evidence,
            "Loss during training",
            evidence.metric("train_loss", "task", "epoch"),
            "train_loss",
            "epoch",
            "task",
            x="epoch",
            y="loss [nats]",
            y_scale="log",
            caption="Cross-entropy, with the weighted magnitude of the field at order ten.",
        ),
        "oscillator": _oscillator(evidence),
        "oscillator-error": by_case(
            evidence,
            "Error of the learned oscillator",
            "oscillator_mse",
            "part",
            label="mean squared error of the position [length²]",
            caption="Learned from positions over one period, from rest. A field of first order on the position alone "
            "is monotone, whatever its parameters.",
            scale="log",
        ),
        "energy": by_variant(
            evidence,
            "Energy of the learned oscillator",
            "energy_drift",
            label="largest change of energy over two periods / energy",
        ),
        "exact": _exact(evidence),
    }


def _classes(evidence: Evidence) -> Drawing:
    """Draw where each kind says which class of spirals a point has."""
    title = "Classes of the spirals"
    rows = evidence.metric("probability", "row", "column")
    half_widths = evidence.metric("picture_half_width")["value"]
    if rows.empty or half_widths.empty:
        return Drawing.missing(title, "probability")
    shown, columns = evidence.present(rows), 3
    lines_of_panels = -(-len(shown) // columns)
    figure, panels = bare_panels(lines_of_panels, columns, 0.2 + 1.65 * lines_of_panels)
    flat = [axes for line in panels for axes in line]
    half_width, side = float(half_widths.max()), int(rows[["row", "column"]].max().max()) + 1
    for axes, variant in zip(flat, shown, strict=False):
        mine = rows[(rows["variant"] == variant) & (rows["seed"] == rows["seed"].min())]
        picture(axes, mine, half_width, side, (0.0, 1.0))
        axes.set_title(variant, fontsize=9)
    for axes in flat[len(shown) :]:
        axes.set_visible(False)
    return Drawing(
        title,
        figure,
        f"Probability of the second class, from dark (0) to bright (1); seed 0. The window is {2 * half_width:.3g} "
        "wide and the spirals reach to 27.2.",
        f"Pictures of the classes by {', '.join(shown)}.",
    )


def _oscillator(evidence: Evidence) -> Drawing:
    """Draw learned positions of one start over two periods, over the true ones."""
    title = "The learned oscillator"
    rows = evidence.metric("position", "sample", "t", "start")
    if rows.empty:
        return Drawing.missing(title, "position")
    rows = rows[(rows["seed"] == rows["seed"].min()) & (rows["sample"] == rows["sample"].min())].sort_values("t")
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.subplots()
    palette, patterns = colours(evidence.known), dashes(evidence.known)
    shown = evidence.present(rows)
    for variant in shown:
        own = rows[rows["variant"] == variant]
        pattern = patterns[variant] or (None, None)
        axes.plot(own["t"], own["value"], color=palette[variant], dashes=pattern, label=variant)
    truth = _cosine(rows)
    axes.plot(truth["t"], truth["value"], color=text_colour(), linewidth=4, alpha=0.3, label="truth")
    axes.axvspan(float(rows["t"].max()) / 2, float(rows["t"].max()), color=text_colour(), alpha=0.08, linewidth=0)
    axes.set(xlabel="time", ylabel="position [length]")
    legend_below(figure, axes, columns=4)
    return Drawing(
        title,
        figure,
        "One start at rest that was not trained on, seed 0. The shaded period was never seen.",
        f"Position against time of {', '.join(shown)} and the true one.",
    )


def _cosine(rows: pd.DataFrame) -> pd.DataFrame:
    times = np.linspace(0.0, float(rows["t"].max()), 200)
    return pd.DataFrame({"t": times, "value": float(rows["start"].iloc[0]) * np.cos(times)})


def _exact(evidence: Evidence) -> Drawing:
    title, metric = "The known oscillator as a system of order 2 and 10", "scaled_error"
    rows = evidence.metric(metric, "tolerance")
    rows = rows[rows["value"] > 0]
    if rows.empty:
        return Drawing.missing(title, metric)
    return Drawing(
        title,
        against_tolerance(evidence, rows, y="error / growth of perturbations"),
        f"{seeds_in_words(rows)} Five periods at order 2, one at order 10, where other solutions grow 394-fold: the "
        "error is over that growth.",
        f"Error at the tightest tolerance: {at_the_tightest(evidence, rows)}.",
    )
