"""Real series: errors of every method at held-out times, and one window of each series with its predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.curves import legend_below
from reports.figures.drawing import Drawing, Evidence
from reports.figures.strip import strip
from reports.figures.theme import WIDTH, colours, dashes, text_colour

DESCRIBED = {
    "co2": "Weekly CO2 at Mauna Loa, with missing weeks that are real",
    "elnino": "Monthly sea surface temperature, regular",
    "sunspots": "Yearly number of sunspots, regular",
}
TASKS = ("forecast", "interpolation")
SCORES = {
    "rmse": ("Root mean squared error", "RMSE [standard deviations of the training part]"),
    "nll": ("Negative log density", "mean of a value [nats]"),
}
PER_PANEL = 3  # methods in a panel of predictions, so that they can be told apart


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw the errors of each task, and the predictions for a window of each series."""
    drawings = {}
    for metric, (title, label) in SCORES.items():
        for task in TASKS:
            drawings[f"{metric}-{task}"] = _scores(evidence, metric, task, f"{title}, {task}", label)
    rows = evidence.metric("predicted", "series", "t")
    if rows.empty:
        return {**drawings, "window": Drawing.missing("Predictions for the last window", "predicted")}
    windows = {f"window-{name}": _window(evidence, rows, str(name)) for name in rows["series"].drop_duplicates()}
    return {**drawings, **windows}


def _scores(evidence: Evidence, metric: str, task: str, title: str, label: str) -> Drawing:
    rows = evidence.metric(metric, "series", "task")
    rows = rows[rows["task"] == task] if not rows.empty else rows
    if rows.empty:
        return Drawing.missing(title, metric)
    names, shown = list(rows["series"].drop_duplicates()), evidence.present(rows)
    figure = Figure(figsize=(WIDTH, 1.6 + 0.22 * len(names) * len(shown)))
    axes = figure.subplots()
    strip(axes, rows, band="series", bands=names, group="variant", groups=shown, known=evidence.known)
    axes.set(xlabel=label, ylabel="")
    if metric == "rmse":
        axes.set_xlim(left=0)
    legend_below(figure, axes)
    words = "; ".join(f"{name}, {variant}: {_mean(rows, name, variant)}" for name in names for variant in shown)
    asked = (
        "values after the context" if task == "forecast" else "values of the context held out at random (artificial)"
    )
    return Drawing(
        title,
        figure,
        f"Each point is a seed, scored on {asked}. {_gaps_in_words(evidence, names)}" + evidence.not_finite(metric),
        f"{label}. {words}.",
    )


def _mean(rows: pd.DataFrame, series: str, variant: str) -> str:
    values = rows.loc[(rows["series"] == series) & (rows["variant"] == variant), "value"]
    return f"{values.mean():.4g}" if len(values) else "none"


def _gaps_in_words(evidence: Evidence, names: Sequence[str]) -> str:
    rows = evidence.metric("steps_missing", "series", "part")
    if rows.empty:
        return ""
    one = rows[rows["seed"] == rows["seed"].min()].drop_duplicates(["series", "part"])
    words = []
    for name in names:
        missing = one[one["series"] == name].set_index("part")["value"]
        tested = f" ({missing.get('test', 0):.0f} in the test part)" if missing.sum() else ""
        words.append(f"{name} {missing.sum():.0f}{tested}")
    return f"Values that are really missing: {', '.join(words)}."


def _window(evidence: Evidence, rows: pd.DataFrame, name: str) -> Drawing:
    """Draw what was read, what was asked for, and the predictions, a few methods in each panel."""
    rows = rows[rows["series"] == name]
    seed = rows["seed"].min()
    rows = rows[rows["seed"] == seed]
    shown = evidence.present(rows)
    groups = [shown[start : start + PER_PANEL] for start in range(0, len(shown), PER_PANEL)]
    figure = Figure(figsize=(WIDTH, 0.8 + 2.6 * len(groups)))
    panels = figure.subplots(len(groups), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    data = evidence.metric("observed", "series", "t", "kind")
    if not data.empty:
        data = data[(data["series"] == name) & (data["seed"] == seed)]
    palette, patterns = colours(evidence.known), dashes(evidence.known)
    for axes, group in zip(panels, groups, strict=True):
        for kind, marker, face in (
            ("read", "o", text_colour()),
            ("forecast", "o", "none"),
            ("interpolation", "x", "none"),
        ):
            own = data[data["kind"] == kind] if not data.empty else data
            if not own.empty:
                axes.plot(
                    own["t"].astype(float), own["value"].astype(float), marker, color=text_colour(), markersize=3,
                    alpha=0.6, markeredgewidth=0.7, label=_KINDS[kind],
                    markerfacecolor=face,
                )  # fmt: skip
        for variant in group:
            own = rows[rows["variant"] == variant].sort_values("t")
            axes.plot(
                own["t"].astype(float), own["value"].astype(float), color=palette[variant],
                dashes=patterns[variant] or (None, None), label=variant,
            )  # fmt: skip
        axes.set(ylabel="standard deviations")
    panels[-1].set(xlabel="time [periods of the series]")
    handles: dict[str, Any] = {}
    for axes in panels:
        found, labels = axes.get_legend_handles_labels()
        handles |= dict(zip(labels, found, strict=True))
    figure.legend(handles=list(handles.values()), labels=list(handles), loc="outside lower center", ncols=3)
    return Drawing(
        f"Predictions for the last window of {name}",
        figure,
        f"{DESCRIBED.get(name, name)}; one seed. All methods read the same values.",
        f"Predictions of {', '.join(shown)} for one window of {name}, with its values.",
    )


_KINDS = {"read": "read", "forecast": "to forecast", "interpolation": "held out"}
