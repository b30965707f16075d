"""Fig. 4 of Chen et al. 2018: losses against K and M beside the published heights, and the densities."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reports.figures.curves import legend_below, lines
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH, colours, markers, text_colour
from suite.datasets.rezende_mohamed import ENERGIES, WINDOW, grid

SIZE = "depth K or width M"
KINDS = {"nf-rmsprop": "nf", "cnf": "cnf"}
"""The variants of the published comparison, as its numbers name them."""
PICTURED = {"nf-rmsprop": "NF", "cnf": "CNF"}


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    drawings = {
        "loss": _by_size(evidence, "loss", "Loss against K and M", "loss [nats]"),
        "published": _beside_published(evidence),
        "divergence": _by_size(
            evidence, "window_divergence", "Divergence in the window", "KL divergence in the window [nats]"
        ),
    }
    for target in ENERGIES:
        drawings[f"densities-{target}"] = _densities(evidence, target)
    drawings["training"] = _training(evidence)
    drawings["cost"] = _cost(evidence)
    return drawings


def _targets(rows: pd.DataFrame) -> list[str]:
    return sorted(rows["target"].unique())


def _size_axis(axes: Axes, rows: pd.DataFrame) -> None:
    sizes = sorted(rows["size"].unique())
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axes.minorticks_off()


def _panels(count: int, height: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(WIDTH, 0.8 + height * count))
    return figure, [row[0] for row in figure.subplots(count, 1, sharex=True, squeeze=False)]


def _by_size(evidence: Evidence, metric: str, title: str, label: str) -> Drawing:
    """Draw a metric against the size, one panel for each target: the median over seeds with their range."""
    rows = evidence.metric(metric, "target", "size")
    if rows.empty:
        return Drawing.missing(title, metric)
    targets = _targets(rows)
    figure, panels = _panels(len(targets), 1.9)
    for axes, target in zip(panels, targets, strict=True):
        mine = rows[rows["target"] == target]
        _median_lines(axes, mine, evidence)
        floor = evidence.published.get(f"{evidence.experiment}/floor/{target}")
        if metric == "loss" and floor is not None and floor.value is not None:
            axes.axhline(floor.value, color=text_colour(), linewidth=1, linestyle=":", label="floor for |z1| <= 4")
        axes.set(title=target.upper(), xlabel="", ylabel="nats")
        _size_axis(axes, rows)
    panels[-1].set_xlabel(SIZE)
    legend_below(figure, panels[0], columns=2)
    medians = rows.groupby(["target", "variant", "size"])["value"].median()
    words = [
        f"{target.upper()}, {name}: {', '.join(f'{value:.3f}' for value in medians[target, name])}"
        for target in targets
        for name in evidence.present(rows[rows["target"] == target])
    ]
    seeds = rows["seed"].nunique()
    return Drawing(
        title,
        figure,
        f"Ordinate: {label}, on held-out base samples. "
        + ("One seed." if seeds == 1 else f"Median of {seeds} seeds; the band spans them.")
        + evidence.not_finite(metric),
        f"{label} at sizes {', '.join(f'{size:g}' for size in sorted(rows['size'].unique()))}. {'; '.join(words)}.",
    )


def _median_lines(axes: Axes, rows: pd.DataFrame, evidence: Evidence) -> None:
    """Draw medians as :func:`lines` draws means, with the range of the seeds."""
    medians = rows.groupby(["variant", "size"])["value"].median().reset_index().assign(seed=0)
    lines(axes, medians, "size", evidence)
    if (legend := axes.get_legend()) is not None:
        legend.remove()  # one for all panels stands below them
    palette = colours(evidence.known)
    for name, mine in rows.groupby("variant"):
        spread = mine.groupby("size")["value"].agg(["min", "max"])
        axes.fill_between(spread.index, spread["min"], spread["max"], color=palette[str(name)], alpha=0.2, linewidth=0)


def _beside_published(evidence: Evidence) -> Drawing:
    """Draw the published heights and ours on one scale: in each row the lowest point is 0 and the highest 1."""
    title = "Beside the published heights"
    rows = evidence.metric("loss", "target", "size")
    rows = rows[rows["variant"].isin(list(KINDS))]
    if rows.empty:
        return Drawing.missing(title, "loss")
    targets = _targets(rows)
    figure = Figure(figsize=(WIDTH, 0.8 + 1.7 * len(targets)))
    panels = figure.subplots(len(targets), 2, sharex=True, sharey=True, squeeze=False)
    palette, signs = colours(evidence.known), markers(evidence.known)
    words = []
    for (left, right), target in zip(panels, targets, strict=True):
        own = {
            name: rows[(rows["variant"] == name) & (rows["target"] == target)].groupby("size")["value"].median()
            for name in KINDS
        }
        for axes, curves, source in ((left, _published(evidence, target), "published"), (right, own, "measured")):
            for name, heights in _relative(curves).items():
                axes.plot(heights.index, heights, color=palette[name], marker=signs[name], label=name)
                words.append(f"{target.upper()}, {name}, {source}: {', '.join(f'{y:.2f}' for y in heights)}")
            _size_axis(axes, rows)
        left.set_ylabel(f"{target.upper()}: relative loss")
    panels[0][0].set_title("published")
    panels[0][1].set_title("measured")
    for axes in panels[-1]:
        axes.set_xlabel("K or M")
    legend_below(figure, panels[0][1], columns=2)
    return Drawing(
        title,
        figure,
        "Fig. 4d has no tick labels, so both sides are scaled alike: in each row the lowest point of both flows is 0 "
        "and the highest 1. Published heights are digitised. Measured are medians over seeds.",
        f"Relative losses from the smallest to the largest size. {'; '.join(words)}.",
    )


def _published(evidence: Evidence, target: str) -> dict[str, pd.Series[float]]:
    found = {name: evidence.published.get(f"{evidence.experiment}/d/{target}/{kind}") for name, kind in KINDS.items()}
    return {name: pd.Series(number.y, index=number.x) for name, number in found.items() if number is not None}


def _relative(curves: Mapping[str, pd.Series[float]]) -> dict[str, pd.Series[float]]:
    values = np.concatenate([curve.to_numpy(dtype=float) for curve in curves.values()] or [np.zeros(1)])
    low, span = values.min(), np.ptp(values) or 1.0
    return {name: (curve - low) / span for name, curve in curves.items() if not curve.empty}


def _densities(evidence: Evidence, target: str) -> Drawing:
    """Draw the target and the densities of both flows in the window, as Fig. 4 does."""
    title = f"Densities on {target.upper()}"
    rows = evidence.metric("density", "target", "size", "z1", "z2")
    rows = rows if rows.empty else rows[rows["target"] == target]
    if rows.empty:
        return Drawing.missing(title, "density")
    sizes, names = sorted(rows["size"].unique()), [name for name in PICTURED if name in set(rows["variant"])]
    figure = Figure(figsize=(WIDTH, 0.4 + 1.25 * len(names)))
    panels = figure.subplots(len(names), 1 + len(sizes), squeeze=False)
    for row, name in zip(panels, names, strict=True):
        _picture(row[0], _target_density(target), "target")
        row[0].set_visible(name == names[0])
        for axes, size in zip(row[1:], sizes, strict=True):
            mine = rows[(rows["variant"] == name) & (rows["size"] == size)]
            letter = "K" if name.startswith("nf") else "M"
            _picture(axes, _on_grid(mine), f"{PICTURED[name]}, {letter} = {size:g}")
    return Drawing(
        title,
        figure,
        f"Window [-{WINDOW:g}, {WINDOW:g}] squared, z1 to the right and z2 upwards; one seed. Each picture has its own "
        "scale from zero to its highest density.",
        f"Pictures of the target density and of {', '.join(names)}, sizes {', '.join(f'{size:g}' for size in sizes)}.",
    )


def _picture(axes: Axes, density: NDArray[np.float64], title: str) -> None:
    axes.imshow(density.T, origin="lower", extent=(-WINDOW, WINDOW, -WINDOW, WINDOW), cmap="viridis", vmin=0)
    axes.set_title(title, fontsize=8)
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)


def _target_density(target: str, points: int = 64) -> NDArray[np.float64]:
    centres, _ = grid(points)
    density: NDArray[np.float64] = (-ENERGIES[target](centres)).exp().view(points, points).numpy()
    return density


def _on_grid(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return the recorded cells as a picture ``[z1, z2]``; cells that are too faint to be recorded are 0."""
    one_seed = rows[rows["seed"] == rows["seed"].min()]
    steps = np.diff(np.unique(one_seed[["z1", "z2"]].to_numpy(dtype=float)))
    points = round(2 * WINDOW / steps[steps > 1e-6].min()) if steps.size else 1
    picture = np.zeros((points, points))
    cells = ((one_seed[["z1", "z2"]].to_numpy(dtype=float) + WINDOW) / (2 * WINDOW) * points).astype(int)
    picture[cells[:, 0], cells[:, 1]] = one_seed["value"].to_numpy(dtype=float)
    return picture


def _training(evidence: Evidence) -> Drawing:
    """Draw the losses along the training of the largest models, one panel for each target."""
    title = "Losses along the training"
    rows = evidence.metric("training_loss", "target", "size", "iteration")
    if rows.empty:
        return Drawing.missing(title, "training_loss")
    largest = rows["size"].max()
    rows = rows[rows["size"] == largest]
    targets = _targets(rows)
    figure, panels = _panels(len(targets), 1.9)
    palette = colours(evidence.known)
    for axes, target in zip(panels, targets, strict=True):
        for name in evidence.present(rows):
            mine = rows[(rows["target"] == target) & (rows["variant"] == name)]
            for _, run in mine.groupby("seed"):
                label = name if run["seed"].iloc[0] == mine["seed"].min() else "_"
                axes.plot(run["iteration"], run["value"], color=palette[name], linewidth=1.1, label=label)
        axes.set(title=f"{target.upper()}, K = M = {largest:g}", ylabel="loss [nats]", xscale="log")
        shown = rows.loc[rows["target"] == target, "value"]
        axes.set_ylim(shown.min() - 0.1, min(shown.max(), shown.min() + 3) + 0.1)
    panels[-1].set_xlabel("updates")
    legend_below(figure, panels[0], columns=2)
    last = rows.loc[rows.groupby(["variant", "target", "seed"])["iteration"].idxmax()]
    means = last.groupby(["target", "variant"])["value"].mean()
    words = "; ".join(f"{target.upper()}, {name}: {value:.3f}" for (target, name), value in means.items())
    return Drawing(
        title,
        figure,
        "Means over twentieths of the training; one line for each seed. The ordinate is cut 3 nats above its lowest.",
        f"Training losses against updates. At the end, {words}.",
    )


def _cost(evidence: Evidence) -> Drawing:
    title = "Time of one update"
    rows = evidence.metric("fastest_update_seconds", "size")
    if rows.empty:
        return Drawing.missing(title, "fastest_update_seconds")
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.subplots()
    lines(axes, rows.assign(value=1e3 * rows["value"]), "size", evidence)
    axes.set(xlabel=SIZE, ylabel="time [ms]", yscale="log")
    _size_axis(axes, rows)
    legend_below(figure, axes, columns=2)
    largest = rows["size"].max()
    means = rows[rows["size"] == largest].groupby("variant")["value"].mean()
    words = "; ".join(f"{name}: {1e3 * means[name]:.3g} ms" for name in evidence.present(rows) if name in means)
    return Drawing(
        title,
        figure,
        "One model alone, the fastest of repeated updates, at the start of the training.",
        f"Time of an update against the size. At {largest:g}, {words}.",
    )
