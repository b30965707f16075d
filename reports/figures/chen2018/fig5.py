"""Fig. 5 of Chen et al. 2018: densities and samples on their way, likelihoods, and what lies between base and data."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from reports.figures.curves import curve, lines, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH, text_colour
from reports.figures.variants import by_variant

DATA_SETS = {"circles": "two circles", "moons": "two moons"}
SHARES = (5, 20, 40, 60, 80, 100)
"""Columns of the published figure, in percent of the way; fewer are drawn when fewer were measured."""
HALF_WIDTH = 2.2
"""Of the window that is shown; the pictures are recorded in cells of this window."""


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    seeds = partial(by_variant, evidence)
    return {
        **{f"way-{name}": _way(evidence, name) for name in DATA_SETS},
        "training": _training(evidence),
        "excess": seeds(
            "Held-out likelihood", "excess_nll", label="held-out NLL above that of the true density [nats]"
        ),
        "distance": _distance(evidence),
        "spread": _spread(evidence),
        "angle": seeds(
            "Angle that particles turn by", "angular_displacement", label="mean absolute angle about the origin [rad]"
        ),
        "directions": seeds(
            "Angle that planar directions turn by", "direction_turn", label="mean absolute angle of w(t) [rad]"
        ),
        "round-trip": _round_trip(evidence),
        "nfe": curve(
            evidence,
            "Evaluations during training",
            "nfe_forward",
            "iteration",
            x="iteration",
            y="evaluations in a forward solve",
        ),
    }


def _way(evidence: Evidence, name: str) -> Drawing:
    """Draw one data set as the paper does: density and samples of the CNF, density of the NF, column by column."""
    title = f"From base to data: {DATA_SETS[name]}"
    densities = evidence.metric("density", "share", "row", "column")
    samples = evidence.metric("sample", "share", "x")
    densities = densities[densities["variant"].str.startswith(name)]
    if densities.empty:
        return Drawing.missing(title, "density")
    truth = evidence.metric("true_density", "row", "column")
    sides = evidence.metric("picture_side")["value"]
    if sides.empty:
        return Drawing.missing(title, "picture_side")
    cells = int(sides.max())
    layout = ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.01, wspace=0.02, hspace=0.02)
    figure = Figure(figsize=(WIDTH, 3.3), layout=layout)
    rows = (
        ("CNF\ndensity", "cnf", True),
        ("CNF\nsamples", "cnf", False),
        ("NF\ndensity", "nf", True),
        ("NF\nsamples", "nf", False),
    )
    panels = np.asarray(figure.subplots(len(rows), len(SHARES) + 1))
    for line, (label, kind, is_density) in zip(panels, rows, strict=True):
        found = densities if is_density else samples
        mine = found[found["variant"] == f"{name}-{kind}"]
        for axes, share in zip(line, SHARES, strict=False):
            at = mine[mine["share"] == share]
            _picture(axes, at, cells) if is_density else _points(axes, at)
        _picture(line[-1], truth[truth["variant"] == f"{name}-cnf"] if is_density else truth.iloc[:0], cells)
        line[0].set_ylabel(label, fontsize=8, rotation=0, ha="right", va="center")
    for axes in panels.flat:
        axes.set(xticks=[], yticks=[], xlim=(-HALF_WIDTH, HALF_WIDTH), ylim=(-HALF_WIDTH, HALF_WIDTH), aspect="equal")
        axes.grid(visible=False)
        for side in axes.spines.values():
            side.set_visible(False)
    for axes, words in zip(panels[0], [*(f"{share} %" for share in SHARES), "true"], strict=True):
        axes.set_title(words, fontsize=8)
    return Drawing(
        title,
        figure,
        "Seed 0. Columns are the part of the integration time, and for the normalizing flow of its layers, counted "
        f"from the base; last the true density. The window is {2 * HALF_WIDTH:g} wide; each picture is scaled to its "
        "maximum.",
        f"Densities and samples of the CNF and of the normalizing flow on {DATA_SETS[name]}, at "
        f"{', '.join(str(share) for share in SHARES)} percent of the way, and the true density.",
    )


def _picture(axes: Axes, rows: pd.DataFrame, cells: int) -> None:
    image: npt.NDArray[np.float64] = np.zeros((cells, cells))
    if not rows.empty:
        image[rows["row"].astype(int), rows["column"].astype(int)] = rows["value"]
        extent = (-HALF_WIDTH, HALF_WIDTH, -HALF_WIDTH, HALF_WIDTH)
        axes.imshow(image, origin="lower", extent=extent, cmap="viridis", interpolation="nearest")


def _points(axes: Axes, rows: pd.DataFrame) -> None:
    if not rows.empty:
        axes.plot(rows["x"], rows["value"], linestyle="", marker=".", markersize=1.5, markeredgewidth=0)


def _training(evidence: Evidence) -> Drawing:
    title, metric = "Held-out likelihood during training", "nll_during_training"
    rows = evidence.metric(metric, "iteration")
    if rows.empty:
        return Drawing.missing(title, metric)
    figure, panels = _two_panels(rows, "iteration", evidence)
    for axes, name in zip(panels, DATA_SETS, strict=True):
        truth = evidence.metric("nll_of_truth")
        level = truth.loc[truth["variant"].str.startswith(name), "value"].mean()
        if np.isfinite(level):
            axes.axhline(level, color=text_colour(), linestyle="--", linewidth=1.2)
        axes.set(xscale="log", xlabel="iteration", ylabel="held-out NLL [nats]", title=DATA_SETS[name])
    _legend(figure, panels, "true density")
    return Drawing(
        title,
        figure,
        f"{seeds_in_words(rows)} The dashed line is the negative log-likelihood of the true density, the least "
        "possible." + evidence.not_finite(metric),
        "Held-out negative log-likelihood against iterations. " + _last_values(evidence, rows, "iteration"),
    )


def _spread(evidence: Evidence) -> Drawing:
    title, metric = "Shape of the density on its way", "spread_ratio"
    rows = evidence.metric(metric, "share")
    if rows.empty:
        return Drawing.missing(title, metric)
    figure, panels = _two_panels(rows, "share", evidence)
    for axes, name in zip(panels, DATA_SETS, strict=True):
        axes.axvspan(20, 60, color=text_colour(), alpha=0.08, linewidth=0)
        axes.set(
            ylim=(0, 1.05), xlabel="part of the way [%]", ylabel="narrowest / widest\nspread", title=DATA_SETS[name]
        )
    _legend(figure, panels)
    return Drawing(
        title,
        figure,
        f"{seeds_in_words(rows)} Ratio of the standard deviations of samples along their narrowest and widest "
        "direction: 1 is round, 0 a line. Shaded is the part in which the published normalizing flow is almost a line.",
        "Ratio of narrowest to widest spread along the way. " + _last_values(evidence, rows, "share"),
    )


def _distance(evidence: Evidence) -> Drawing:
    drawing = by_variant(
        evidence,
        "Distance of samples from data",
        "relative_sliced_wasserstein",
        label="sliced Wasserstein distance / spread of the data",
    )
    floor = evidence.metric("relative_sliced_wasserstein_of_data")
    if drawing.figure is None or floor.empty:
        return drawing
    axes = drawing.figure.axes[0]
    for position, name in enumerate(evidence.present(evidence.metric("relative_sliced_wasserstein"))):
        level = floor.loc[floor["variant"] == name, "value"].mean()
        axes.plot([level] * 2, [position - 0.4, position + 0.4], color=text_colour(), linestyle="--", linewidth=1.4)
    line = Line2D([], [], color=text_colour(), linestyle="--", linewidth=1.4)
    drawing.figure.legend([line], ["two samples of the data"], loc="outside lower center")
    return drawing


def _round_trip(evidence: Evidence) -> Drawing:
    title, metric = "Data to base and back", "round_trip_rms"
    rows = evidence.metric(metric, "tolerance")
    if rows.empty:
        return Drawing.missing(title, metric)
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.subplots()
    lines(axes, rows, "tolerance", evidence)
    ends = [rows["tolerance"].min(), rows["tolerance"].max()]
    axes.plot(ends, ends, color=text_colour(), linestyle="--", linewidth=1.2)
    axes.set(xscale="log", yscale="log", xlabel="tolerance, relative and absolute", ylabel="RMS distance [length]")
    axes.invert_xaxis()
    _legend(figure, [axes], "the tolerance")
    return Drawing(
        title,
        figure,
        f"{seeds_in_words(rows)} Distance of held-out points from where they started, in double precision."
        + evidence.not_finite(metric),
        "Round-trip error against tolerance. " + _last_values(evidence, rows, "tolerance"),
    )


def _two_panels(rows: pd.DataFrame, axis: str, evidence: Evidence) -> tuple[Figure, list[Axes]]:
    """Draw the curves of each data set in a panel of its own."""
    figure = Figure(figsize=(WIDTH, 5.4))
    panels = list(figure.subplots(2, 1))
    for axes, name in zip(panels, DATA_SETS, strict=True):
        mine = rows[rows["variant"].str.startswith(name)]
        if not mine.empty:
            lines(axes, mine, axis, evidence)
    return figure, panels


def _legend(figure: Figure, panels: list[Axes], dashed: str = "") -> None:
    """Put one legend for all panels below them."""
    found: dict[str, Artist] = {}
    for axes in panels:
        handles, labels = axes.get_legend_handles_labels()
        found.update(zip(labels, handles, strict=True))
        if (legend := axes.get_legend()) is not None:
            legend.remove()
    if dashed:
        found[dashed] = Line2D([], [], color=text_colour(), linestyle="--", linewidth=1.2)
    figure.legend(list(found.values()), list(found), loc="outside lower center", ncols=2)


def _last_values(evidence: Evidence, rows: pd.DataFrame, axis: str) -> str:
    words = []
    for name in evidence.present(rows):
        mine = rows[rows["variant"] == name]
        last = mine[axis].max()
        words.append(f"{name}: {mine.loc[mine[axis] == last, 'value'].mean():.4g} at {axis} {last:g}")
    return "; ".join(words) + "."
