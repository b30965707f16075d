"""Fig. 6 of Massaroli et al. 2020: states before the flow, the paths behind, and linear probes."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.curves import curve, legend_below
from reports.figures.drawing import Drawing, Evidence
from reports.figures.massaroli2020.planar_panels import class_colours, class_legend, draw_paths, panels
from reports.figures.strip import strip
from reports.figures.theme import WIDTH
from reports.figures.variants import by_variant

PROBES = {
    "untrained_probe_accuracy": "before the flow, untrained",
    "probe_accuracy": "before the flow",
    "final_probe_accuracy": "after the flow",
}


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    return {
        "states": _states(evidence),
        "probes": _probes(evidence),
        "error": by_variant(evidence, "Fresh points in the wrong class", "test_error", label="wrong labels [%]"),
        "displacement": by_variant(
            evidence,
            "How far the flow moves points",
            "relative_displacement",
            label="mean displacement / spread of the states\nat s = 0 [1]",
        ),
        "straightness": by_variant(
            evidence,
            "How straight the paths are",
            "straightness",
            label="mean displacement / mean length of a path [1]",
        ),
        "training": curve(
            evidence,
            "Mean squared error during training",
            "train_mse",
            "iteration",
            x="iteration",
            y="mean squared error [1]",
            log_y=True,
        ),
    }


def _states(evidence: Evidence) -> Drawing:
    """Draw test points as the flow receives them, and paths of points on both circles from there."""
    title = "States before the flow, and the paths behind"
    states = evidence.metric("state", "first", "label")
    if states.empty:
        return Drawing.missing(title, "state")
    paths = evidence.metric("path", "point", "depth", "first", "label")
    names = evidence.present(states)
    figure, found = panels(names, "z₁ [length]", "z₂ [length]")
    palette = class_colours()
    for axes, name in zip(found, names, strict=True):
        mine = _first_seed(states[states["variant"] == name])
        for label, colour in palette.items():
            rows = mine[mine["label"] == label]
            axes.plot(
                rows["first"].astype(float), rows["value"].astype(float), ".", color=colour, markersize=3,
                alpha=0.5,
            )  # fmt: skip
        behind = paths[paths["variant"] == name]
        if not behind.empty:
            draw_paths(axes, _first_seed(behind))
    class_legend(figure, "lines")
    accuracies = evidence.metric("probe_accuracy")
    words = "; ".join(
        f"{name}: a line separates {accuracies.loc[accuracies['variant'] == name, 'value'].mean():.4g} % of them"
        for name in names
    )
    return Drawing(
        title,
        figure,
        "Seed 0. Dots are fresh points as the input network hands them on; lines are paths of points on both circles "
        "from there, hollow at depth 0 and full at depth 1.",
        f"States before the flow. {words}.",
    )


def _first_seed(rows: pd.DataFrame) -> pd.DataFrame:
    first: pd.DataFrame = rows[rows["seed"] == rows["seed"].min()]
    return first


def _probes(evidence: Evidence) -> Drawing:
    title = "What a line can tell apart"
    found = [evidence.metric(metric).assign(where=words) for metric, words in PROBES.items()]
    rows = pd.concat([each for each in found if not each.empty] or found[:1])
    if rows.empty:
        return Drawing.missing(title, "probe_accuracy")
    names, shown = evidence.present(rows), list(rows["where"].drop_duplicates())
    figure = Figure(figsize=(WIDTH, 1.6 + 0.5 * len(names)))
    axes = figure.subplots()
    strip(axes, rows, band="variant", bands=names, group="where", groups=shown)
    axes.set(xlabel="accuracy of a logistic regression [%]", ylabel="", xlim=(45, 102))
    legend_below(figure, axes, columns=1)
    words = "; ".join(
        f"{name}, {where}: {rows.loc[(rows['variant'] == name) & (rows['where'] == where), 'value'].mean():.4g}"
        for name in names
        for where in shown
    )
    return Drawing(
        title,
        figure,
        "Each point is a seed. Fitted on some fresh points, scored on others. An affine map of the annuli allows "
        "66.7 % at best.",
        f"Accuracy of a linear probe in percent. {words}.",
    )
