"""Fig. 1 of Chen et al. 2018: jumps beside a vector field, the limit of many layers, and paths that cross."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.figures.curves import seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH, colours, markers, text_colour

NETWORKS = {"residual": "residual network", "ode": "ODE network"}


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw the picture in every field, then distance and crossings against the number of layers."""
    paths = evidence.metric("path", "steepness", "depth", "start")
    drawings = {
        f"picture-{steepness:g}": _picture(evidence, paths, steepness)
        for steepness in sorted(paths["steepness"].unique() if len(paths) else [])
    }
    if not drawings:
        drawings["picture"] = Drawing.missing("Jumps and vector field", "path")
    return {
        **drawings,
        "limit": _against_layers(
            evidence, "sup_distance", "Distance of the residual network from the ODE", "largest distance of states"
        ),
        "crossings": _against_layers(
            evidence, "crossings", "Paths of the residual network that cross", "neighbours out of order"
        ),
    }


def _picture(evidence: Evidence, paths: pd.DataFrame, steepness: float) -> Drawing:
    """Draw both networks in one field side by side, depth upwards, as the paper does."""
    figure = Figure(figsize=(WIDTH, 4.6))
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    ink, grid = text_colour(), str(mpl.rcParams["grid.color"])
    sentences = []
    for axes, (variant, name) in zip(panels, NETWORKS.items(), strict=True):
        mine = paths[(paths["variant"] == variant) & (paths["steepness"] == steepness)]
        axes.set(title=name, xlabel="state", xlim=(-7, 7), xticks=(-5, 0, 5))
        axes.grid(visible=False)
        if mine.empty:
            axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center")
            continue
        _arrows(axes, evidence, variant, steepness, grid)
        jumps = variant == "residual"
        for _, path in mine.sort_values("depth").groupby("start"):
            axes.plot(
                path["value"], path["depth"], color=colours(evidence.known)[variant], linewidth=1.1,
                marker=".", markersize=5 if jumps else 0,
            )  # fmt: skip
        visited = evidence.metric("evaluation", "steepness", "depth")
        visited = visited[(visited["variant"] == variant) & (visited["steepness"] == steepness)]
        axes.scatter(visited["value"], visited["depth"], s=7, facecolor="none", edgecolor=ink, linewidth=0.6, zorder=3)
        ends = mine[mine["depth"] == mine["depth"].max()].sort_values("start")["value"]
        sentences.append(f"the {name} ends at {', '.join(f'{end:.2f}' for end in ends)}")
    panels[0].set(ylabel="depth")
    colour = colours(evidence.known)
    handles = [
        Line2D([], [], color=colour.get("residual", ink), marker=".", label="path, by layers"),
        Line2D([], [], color=colour.get("ode", ink), label="path of the ODE"),
        Line2D([], [], color=ink, marker="o", markersize=3, markerfacecolor="none", linestyle="", label="evaluation"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return Drawing(
        f"Jumps and vector field, steepest convergence {steepness:g} per unit of depth",
        figure,
        "Arrows: on the left what a layer adds to the state, on the right the direction of the field. Circles: where "
        "an adaptive solver evaluates the field. A random field, seed 0.",
        f"Paths from evenly spaced states at depth 0: {'; '.join(sentences)}.",
    )


def _arrows(axes: Axes, evidence: Evidence, variant: str, steepness: float, colour: str) -> None:
    """Draw what a layer adds, to scale; or the direction of the field, of equal lengths on the page."""
    arrows = evidence.metric("arrow", "steepness", "depth", "state")
    arrows = arrows[(arrows["variant"] == variant) & (arrows["steepness"] == steepness)]
    if arrows.empty:
        return
    state, depth, change = (arrows[name].to_numpy(dtype=float) for name in ("state", "depth", "value"))
    if variant == "residual":
        layers = np.unique(depth)
        rise = np.full_like(change, layers[1] - layers[0] if len(layers) > 1 else 1.0)
        scale = 1.0
    else:
        length = np.hypot(change, 1.0)
        change, rise = change / length, 1.0 / length
        scale = 3.0
    axes.quiver(
        state, depth, change, rise, color=colour, angles="xy", scale_units="xy", width=0.006, headwidth=4, scale=scale
    )  # fmt: skip


def _against_layers(evidence: Evidence, metric: str, title: str, label: str) -> Drawing:
    rows = evidence.metric(metric, "layers", "steepness")
    rows = rows[rows["variant"] == "residual"]
    if rows.empty:
        return Drawing.missing(title, metric)
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.subplots()
    names = [f"{value:g}" for value in sorted(rows["steepness"].unique())]
    sentences = []
    for name in names:
        mine = rows[rows["steepness"] == float(name)].groupby("layers")["value"]
        mean = mine.mean()
        colour = colours(names)[name]
        axes.plot(mean.index, mean, label=f"steepest convergence {name}", color=colour, marker=markers(names)[name])
        axes.fill_between(mean.index, mine.min(), mine.max(), color=colour, alpha=0.2, linewidth=0)
        sentences.append(f"{name}: {mean.iloc[0]:.4g} at {mean.index[0]:g}, {mean.iloc[-1]:.4g} at {mean.index[-1]:g}")
    axes.set(xscale="log", xlabel="residual layers", ylabel=label)
    if metric == "sup_distance":
        axes.set_yscale("log")
        layers = np.array([rows["layers"].min(), rows["layers"].max()], dtype=float)
        middle = rows.loc[rows["layers"] == rows["layers"].max(), "value"].mean()
        axes.plot(layers, middle * layers[1] / layers, color=text_colour(), linestyle="--", label="1 / layers")
    figure.legend(loc="outside lower center", ncols=2)
    return Drawing(title, figure, seeds_in_words(rows), f"{label} against residual layers. {'; '.join(sentences)}.")
