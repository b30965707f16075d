"""Bytes of a training step against its number of steps, and against tolerance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.figures.crosscheck.ways import PANELS, in_panel, legend_under
from reports.figures.curves import lines
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH

KIB = 1024

BYTES = {
    "kept": ("kept_bytes", "Kept for the backward pass", "tensors that live at the end of the forward pass [KiB]"),
    "saved": ("saved_bytes", "Saved by autograd", "tensors that autograd saves [KiB]"),
    "peak": ("peak_bytes", "Peak of both passes", "tensors that live at once [KiB]"),
    "device": ("device_peak_bytes", "Peak of the device's allocator", "allocated on the device [KiB]"),
}
AGAINST = {
    "steps": "steps of a fixed size, or residual blocks",
    "tolerance": "tolerance, relative and absolute",
}


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every kind of bytes against steps and against tolerance."""
    drawings: dict[str, Drawing] = {}
    for name, (metric, title, label) in BYTES.items():
        for axis in AGAINST:
            rows = evidence.metric(metric, axis)
            if not rows.empty:
                drawings[f"{name}-{axis}"] = _panels(evidence, rows, axis, f"{title}, against {axis}", label)
    if not drawings:
        drawings["kept-steps"] = Drawing.missing("Kept for the backward pass, against steps", "kept_bytes")
    return drawings


def _panels(evidence: Evidence, rows: pd.DataFrame, axis: str, title: str, label: str) -> Drawing:
    # A variant of several methods shows the largest.
    worst = rows.groupby(["variant", "seed", axis])["value"].max().reset_index()
    worst["value"] /= KIB
    figure = Figure(figsize=(WIDTH, 7.6))
    panels = list(figure.subplots(len(PANELS), 1, sharey=True))
    for axes, (name, continuous) in zip(panels, PANELS.items(), strict=True):
        shown = worst[[in_panel(variant, continuous) for variant in worst["variant"]]]
        if not shown.empty:
            lines(axes, shown, axis, evidence)
        axes.set(xscale="log", yscale="log", xlabel=AGAINST[axis], ylabel="KiB", title=name)
        if axis == "tolerance":
            axes.invert_xaxis()
        legend_under(axes)
    words = "; ".join(_growth(worst[worst["variant"] == name], name, axis) for name in evidence.present(worst))
    return Drawing(
        title,
        figure,
        f"Ordinate: {label}. Parameters are left out.",
        f"{label} from the first to the last {axis}. {words}.",
    )


def _growth(rows: pd.DataFrame, name: str, axis: str) -> str:
    """Say how a curve goes from its first to its last abscissa; tolerances get tighter."""
    mean = rows.groupby(axis)["value"].mean().sort_index(ascending=axis != "tolerance")
    x, y = np.asarray(mean.index, dtype=float), mean.to_numpy(dtype=float)
    return f"{name}: {y[0]:.4g} at {x[0]:g}, {y[-1]:.4g} at {x[-1]:g}"
