"""Figure 3 of Chen et al. 2018: error, time and evaluations of a trained ODE-Net, beside the digitised medians."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reference.published import PublishedNumber
from reports.figures.curves import legend_below, lines
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import MARKERS, WIDTH, colours, dashes, text_colour

PAPERS_SOLVER = "vode_adams"
KEYS = ["variant", "seed", "tolerance", "per", "index"]
PUBLISHED = "published median"
TOLERANCE = "tolerance, relative and absolute"


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw the four panels, and what the paper does not show: loss scales, gradients, reconstruction."""
    return {
        "error": _error(evidence),
        "time": _time(evidence),
        "backward": _backward(evidence),
        "training": _training(evidence),
        "ratio": _against_tolerance(
            evidence, "Backward over forward evaluations, by solver", "nfe_ratio", "backward / forward evaluations",
            published="chen2018/fig3/c/ratio", guide=None, log=False,
        ),
        "error-tolerance": _against_tolerance(
            evidence, "Error against tolerance, by solver", "numerical_error", "numerical error of z(1)",
            published="chen2018/fig3/a/numerical-error", guide=1.0, log=True,
        ),
        "gradient-error": _against_tolerance(
            evidence, "Error of the gradient, by solver", "gradient_error", "relative error of the gradient",
            published="", guide=10.0, log=True,
        ),
        "reconstruction": _against_tolerance(
            evidence, "Error of the initial state solved back, by solver", "reconstruction_error",
            "largest error of z(0)", published="", guide=10.0, log=True,
        ),
        "loss-scale": _loss_scale(evidence),
    }  # fmt: skip


def _single_images(evidence: Evidence, metric: str) -> pd.DataFrame:
    """Return the rows of images solved one by one, at the loss as it is."""
    rows = evidence.metric(metric, "tolerance", "per")
    if rows.empty:
        return rows
    rows = rows[rows["per"] == "image"]
    if "loss_scale" in rows:
        rows = rows[rows["loss_scale"].isna() | (rows["loss_scale"] == 1)]
    return rows


def _pairs(evidence: Evidence, x: str, y: str) -> pd.DataFrame:
    """Return one row for each image of the paper's solver: both metrics at every tolerance."""
    one, other = _single_images(evidence, x), _single_images(evidence, y)
    if one.empty or other.empty:
        return one.iloc[:0]
    both = one[[*KEYS, "value"]].merge(other[[*KEYS, "value"]], on=KEYS, suffixes=("_x", "_y"))
    return both[both["variant"] == PAPERS_SOLVER]


def _error(evidence: Evidence) -> Drawing:
    title = "Panel a: error against evaluations"
    pairs = _pairs(evidence, "nfe_forward", "numerical_error")
    if pairs.empty:
        return Drawing.missing(title, "numerical_error")

    def guides(axes: Axes, tolerance: float, colour: str) -> None:
        axes.axhline(tolerance, color=colour, linestyle="--", linewidth=1)

    figure, axes = _scatter(
        pairs,
        guides,
        _curve(evidence, "chen2018/fig3/forward-nfe"),
        _curve(evidence, "chen2018/fig3/a/numerical-error"),
    )
    axes.set(xlabel="NFE forward", ylabel="numerical error", yscale="log")
    under = float((pairs["value_y"] <= pairs["tolerance"]).mean())
    return Drawing(
        title,
        figure,
        f"{PAPERS_SOLVER}, one point for each image, colours as in the legend; a dashed line is the tolerance of its "
        f"colour, and {100 * under:.0f} % of the points lie below theirs. The error is the root mean square over z(1). "
        "Large open markers are the medians of the published figure.",
        f"Numerical error against forward evaluations. {_medians(pairs)}.",
    )


def _time(evidence: Evidence) -> Drawing:
    title = "Panel b: time against evaluations"
    pairs = _pairs(evidence, "nfe_forward", "forward_seconds")
    if pairs.empty:
        return Drawing.missing(title, "forward_seconds")
    pairs = pairs.assign(value_y=pairs["value_y"] / pairs.groupby("seed")["value_y"].transform("max"))
    figure, axes = _scatter(
        pairs, None, _curve(evidence, "chen2018/fig3/forward-nfe"), _curve(evidence, "chen2018/fig3/b/relative-time")
    )
    axes.set(xlabel="NFE forward", ylabel="relative time", ylim=(0, 1.05))
    axes.set_xlim(left=0)
    return Drawing(
        title,
        figure,
        f"{PAPERS_SOLVER}, one point for each image: the smallest of several times, relative to the longest of its "
        "seed. Large open markers are the medians of the published figure.",
        f"Relative time of a forward solve against its evaluations. {_medians(pairs)}.",
    )


def _backward(evidence: Evidence) -> Drawing:
    title = "Panel c: backward against forward evaluations"
    pairs = _pairs(evidence, "nfe_forward", "nfe_backward")
    if pairs.empty:
        return Drawing.missing(title, "nfe_backward")
    figure, axes = _scatter(
        pairs, None, _curve(evidence, "chen2018/fig3/forward-nfe"), _curve(evidence, "chen2018/fig3/c/backward-nfe")
    )
    longest = float(max(pairs["value_x"].max(), 120))
    ink = text_colour()
    for slope, words in ((1.0, "equal"), (0.5, "half")):
        axes.plot([0, longest], [0, slope * longest], color=ink, linewidth=0.9, linestyle=":" if slope < 1 else "-")
        axes.annotate(words, (0.97 * longest, slope * 0.97 * longest), color=ink, fontsize=8, ha="right", va="bottom")
    axes.set(xlabel="NFE forward", ylabel="NFE backward", xlim=(0, None), ylim=(0, None))
    ratio = float((pairs["value_y"] / pairs["value_x"]).median())
    return Drawing(
        title,
        figure,
        f"{PAPERS_SOLVER}, one point for each image; the median of backward over forward evaluations is {ratio:.2f}. "
        "Large open markers are the medians of the published figure.",
        f"Backward against forward evaluations. {_medians(pairs)}.",
    )


def _scatter(
    pairs: pd.DataFrame,
    guides: Callable[[Axes, float, str], None] | None,
    published_x: dict[float, float],
    published_y: dict[float, float],
) -> tuple[Figure, Axes]:
    """Draw points by tolerance, and for each tolerance the published medians as a large open marker."""
    figure = Figure(figsize=(WIDTH, 4.0))
    axes = figure.subplots()
    tolerances = sorted(pairs["tolerance"].unique(), reverse=True)
    names = [f"{tolerance:.0e}" for tolerance in tolerances]
    palette = colours(names)
    for position, (tolerance, name) in enumerate(zip(tolerances, names, strict=True)):
        mine, marker = pairs[pairs["tolerance"] == tolerance], MARKERS[position % len(MARKERS)]
        axes.plot(
            mine["value_x"], mine["value_y"], linestyle="", marker=marker, markersize=4, alpha=0.7,
            color=palette[name], markeredgewidth=0, label=name,
        )  # fmt: skip
        if guides is not None:
            guides(axes, float(tolerance), palette[name])
        if tolerance in published_x and tolerance in published_y:
            axes.plot(
                [published_x[tolerance]], [published_y[tolerance]], linestyle="", marker=marker, markersize=10,
                markerfacecolor="none", markeredgecolor=palette[name], markeredgewidth=1.6,
            )  # fmt: skip
    if published_x and published_y:
        axes.plot(
            [],
            [],
            linestyle="",
            marker="o",
            markersize=10,
            markerfacecolor="none",
            color=text_colour(),
            label=PUBLISHED,
        )
    legend_below(figure, axes, columns=4)
    return figure, axes


def _training(evidence: Evidence) -> Drawing:
    title = "Panel d: forward evaluations during training"
    rows = evidence.metric("nfe_probe", "epoch", "tolerance", "method")
    if rows.empty:
        return Drawing.missing(title, "nfe_probe")
    figure = Figure(figsize=(WIDTH, 4.0))
    axes = figure.subplots()
    last = float(rows["epoch"].max())
    names = [f"{method}, {tolerance:.0e}" for method, tolerance in _combinations(rows)]
    palette, patterns, sentences = colours(names), dashes(names), []
    for name, (method, tolerance) in zip(names, _combinations(rows), strict=True):
        mine = rows[(rows["method"] == method) & (rows["tolerance"] == tolerance)]
        mean = mine.groupby("epoch")["value"].agg(["mean", "min", "max"])
        share = np.asarray(mean.index, dtype=float) / last
        axes.plot(share, mean["mean"], color=palette[name], dashes=patterns[name] or (None, None), label=name)
        axes.fill_between(share, mean["min"], mean["max"], color=palette[name], alpha=0.2, linewidth=0)
        sentences.append(f"{name}: {mean['mean'].iloc[0]:.4g} at first, {mean['mean'].iloc[-1]:.4g} at last")
    curve = _curve(evidence, "chen2018/fig3/d/forward-nfe")
    if curve:
        longest = max(curve)
        axes.plot(
            [x / longest for x in curve], list(curve.values()), color=text_colour(), marker="o", label="published"
        )
    axes.set(xlabel="share of the training", ylabel="NFE forward")
    axes.set_ylim(bottom=0)
    legend_below(figure, axes, columns=2)
    return Drawing(
        title,
        figure,
        f"Evaluations of one solve of held-out images while the network is trained by dopri5 for {last:g} epochs; the "
        "published curve ends at epoch 100, and its tolerance is not stated. The band spans the seeds.",
        f"Forward evaluations against the share of the training. {'; '.join(sentences)}.",
    )


def _against_tolerance(
    evidence: Evidence, title: str, metric: str, label: str, *, published: str, guide: float | None, log: bool
) -> Drawing:
    """Draw a metric of single images against tolerance: for each solver the median of each seed."""
    rows = _single_images(evidence, metric)
    if rows.empty:
        return Drawing.missing(title, metric)
    medians = rows.groupby(["variant", "seed", "tolerance"])["value"].median().reset_index()
    figure = Figure(figsize=(WIDTH, 4.0))
    axes = figure.subplots()
    lines(axes, medians, "tolerance", evidence)
    curve = _curve(evidence, published) if published else {}
    if curve:
        axes.plot(
            list(curve), list(curve.values()), linestyle="", marker="o", markersize=9, markerfacecolor="none",
            color=text_colour(), label=PUBLISHED,
        )  # fmt: skip
    if guide is not None:
        ends = np.array([medians["tolerance"].min(), medians["tolerance"].max()])
        words = "tolerance" if guide == 1 else f"{guide:g} tolerances"
        axes.plot(ends, guide * ends, color=text_colour(), linestyle=":", linewidth=1, label=words)
    axes.set(xscale="log", xlabel=TOLERANCE, ylabel=label)
    axes.invert_xaxis()
    if log:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    legend_below(figure, axes, columns=2)
    words = "; ".join(_ends(medians[medians["variant"] == name], name) for name in evidence.present(medians))
    return Drawing(
        title,
        figure,
        "Median over images solved one by one; the line is the mean over seeds and the band spans them."
        + evidence.not_finite(metric),
        f"{label} against tolerance. {words}.",
    )


def _loss_scale(evidence: Evidence) -> Drawing:
    title = "What a factor on the loss changes"
    rows = evidence.metric("gradient_error", "loss_scale", "tolerance")
    counts = evidence.metric("nfe_ratio", "loss_scale", "tolerance")
    if rows.empty or counts.empty or rows["loss_scale"].nunique() < 2:
        return Drawing.missing(title, "gradient_error at several loss scales")
    scaled = rows[rows["loss_scale"] > 1]
    tolerance = float(min(scaled["tolerance"].unique(), key=lambda each: abs(np.log10(each) + 3)))
    figure = Figure(figsize=(WIDTH, 6.0))
    upper, lower = figure.subplots(2, 1, sharex=True)
    sentences = []
    for axes, table, label in (
        (upper, counts, "backward / forward evaluations"),
        (lower, rows, "error of the gradient"),
    ):
        mine = table[(table["tolerance"] == tolerance) & (table["per"] == "image")]
        measured = mine[mine["index"].isin(scaled["index"].unique())]
        medians = measured.groupby(["variant", "seed", "loss_scale"])["value"].median().reset_index()
        lines(axes, medians, "loss_scale", evidence)
        axes.set(xscale="log", ylabel=label, xlabel="factor on the loss")
        handles, labels = axes.get_legend_handles_labels()
        axes.get_legend().remove()
        for name in evidence.present(medians):
            sentences.append(f"{label}, {_ends(medians[medians['variant'] == name], name, 'loss_scale')}")
    lower.set_yscale("log")
    upper.set_ylim(bottom=0)
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return Drawing(
        title,
        figure,
        f"At tolerance {tolerance:.0e}, medians over images. The factor rescales the gradient and no more in exact "
        "arithmetic; the reverse solve sees a larger adjoint against the same absolute tolerance.",
        f"{'; '.join(sentences)}.",
    )


def _combinations(rows: pd.DataFrame) -> list[tuple[str, float]]:
    found = rows[["method", "tolerance"]].drop_duplicates().sort_values(["method", "tolerance"])
    return [(str(method), float(tolerance)) for method, tolerance in found.itertuples(index=False, name=None)]


def _curve(evidence: Evidence, number: str) -> dict[float, float]:
    """Return a published curve as ordinates by abscissa; empty where there is none."""
    found: PublishedNumber | None = evidence.published.get(number)
    return {} if found is None else dict(zip(found.x, found.y, strict=True))


def _medians(pairs: pd.DataFrame) -> str:
    sentences = []
    for tolerance in sorted(pairs["tolerance"].unique(), reverse=True):
        mine = pairs[pairs["tolerance"] == tolerance]
        y, x = mine["value_y"].median(), mine["value_x"].median()
        sentences.append(f"tolerance {tolerance:.0e}: {y:.3g} at {x:.3g} evaluations")
    return "; ".join(sentences)


def _ends(rows: pd.DataFrame, name: str, axis: str = "tolerance") -> str:
    mean = rows.groupby(axis)["value"].mean().sort_index(ascending=axis != "tolerance")
    return f"{name}: {mean.iloc[0]:.3g} at {mean.index[0]:g}, {mean.iloc[-1]:.3g} at {mean.index[-1]:g}"
