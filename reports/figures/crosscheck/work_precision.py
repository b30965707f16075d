"""Work against precision of every library: error against evaluations and against time, by method."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from reports.figures.curves import legend_below
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH, colours, dashes, markers, text_colour

AXES = ("problem", "method", "tolerance")
TRAINED = "ode-net"
REFERENCE = "reference"
CLASSES = {"A": "single equations", "B": "small systems", "C": "moderate systems", "D": "orbits", "E": "higher order"}
WORK = {"nfe": "evaluations of the field", "seconds": "time in s, fastest run"}

FEW_DECADES = 100
"""Below this ratio of its ends, an axis of powers of ten alone would have too few labels."""

SMALLEST = 1e-16
"""An error of zero is drawn here: logarithms have no zero, and double precision little below it."""


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw each method's diagrams over all problems and by class, the trained field's, and the reference's errors."""
    points = _points(evidence)
    drawings: dict[str, Drawing] = {}
    for method, rows in points.groupby("method"):
        detest, trained = rows[rows["problem"] != TRAINED], rows[rows["problem"] == TRAINED]
        for work in WORK:
            drawings |= _diagram(evidence, f"{work}-{method}", f"{method}, DETEST", detest, work)
            drawings |= _diagram(evidence, f"{work}-{method}-trained", f"{method}, trained ODE-Net", trained, work)
        drawings |= _by_class(evidence, str(method), detest)
    if points.empty:
        drawings["nfe"] = Drawing.missing("Error against evaluations", "error")
    drawings["reference"] = _reference(evidence)
    return drawings


def _points(evidence: Evidence) -> pd.DataFrame:
    """Return one row for each variant, problem, method and tolerance, with its error and its work."""
    keys = ["variant", "seed", *AXES]
    metrics = [evidence.metric(name, *AXES) for name in ("error", *WORK)]
    if any(rows.empty for rows in metrics):
        return pd.DataFrame(columns=[*keys, "error", *WORK])
    values = [
        rows.set_index(keys)["value"].astype(float).rename(name)
        for name, rows in zip(("error", *WORK), metrics, strict=True)
    ]
    points = pd.concat(values, axis="columns", join="inner").reset_index()
    return points.assign(error=points["error"].clip(lower=SMALLEST))


def _compared(points: pd.DataFrame) -> pd.DataFrame:
    """Return geometric means over the problems that every library solved, for each library and tolerance."""
    libraries = points.groupby(["problem", "tolerance"])["variant"].transform("nunique")
    common: pd.DataFrame = points[libraries == points["variant"].nunique()]
    # A mean over fewer problems than its neighbours' would be no point of the same curve.
    solved = common.groupby("tolerance")["problem"].transform("nunique")
    common = common[solved == solved.max()]
    if common.empty:
        return common
    logs = common.assign(**{name: np.log(common[name]) for name in ("error", *WORK)})
    means = logs.groupby(["variant", "tolerance"])[["error", *WORK]].mean().reset_index()
    return means.assign(**{name: np.exp(means[name]) for name in ("error", *WORK)})


def _diagram(evidence: Evidence, key: str, title: str, points: pd.DataFrame, work: str) -> dict[str, Drawing]:
    means = _compared(points)
    if means.empty:
        return {}
    figure = Figure(figsize=(WIDTH, 4.0))
    axes = figure.subplots()
    _curves(axes, evidence, means, work)
    legend_below(figure, axes)
    over = "Geometric means over the problems that every library here solves"
    if points["problem"].nunique() == 1:
        over = "One problem"
    words = "; ".join(_tightest(means, name, work) for name in evidence.present(means))
    return {
        key: Drawing(
            f"Work and precision: {title}, {WORK[work].split(',')[0]}",
            figure,
            f"{over}, in double precision; one point for each tolerance. The error is the global one at the end, "
            "relative to one plus the state.",
            f"Error at the tightest tolerance and its {WORK[work]}. {words}.",
        )
    }


def _by_class(evidence: Evidence, method: str, points: pd.DataFrame) -> dict[str, Drawing]:
    panels = list(_classes(points))
    if not panels:
        return {}
    figure = Figure(figsize=(WIDTH, 0.9 + 2.1 * len(panels)))
    grid = figure.subplots(len(panels), 1, squeeze=False)
    for axes, (letter, means) in zip(grid[:, 0], panels, strict=True):
        _curves(axes, evidence, means, "nfe")
        axes.set_title(f"{letter}: {CLASSES[letter]}")
    legend_below(figure, grid[0, 0])
    return {
        f"classes-{method}": Drawing(
            f"Work and precision by class of problem: {method}",
            figure,
            "Geometric means over the problems of a class that every library here solves.",
            f"Error against evaluations for the classes {', '.join(letter for letter, _ in panels)}.",
        )
    }


def _classes(points: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for letter in CLASSES:
        means = _compared(points[points["problem"].str.startswith(letter)])
        if not means.empty:
            yield letter, means


def _curves(axes: Axes, evidence: Evidence, means: pd.DataFrame, work: str) -> None:
    palette, signs, strokes = colours(evidence.known), markers(evidence.known), dashes(evidence.known)
    for name in evidence.present(means):
        curve = means[means["variant"] == name].sort_values("tolerance", ascending=False)
        stroke = (0, strokes[name]) if strokes[name] else "-"
        axes.plot(
            curve[work], curve["error"], color=palette[name], marker=signs[name], linestyle=stroke, label=name,
            markeredgewidth=0,
        )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel=WORK[work], ylabel="error")
    if means[work].max() < FEW_DECADES * means[work].min():
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())


def _tightest(means: pd.DataFrame, name: str, work: str) -> str:
    mine = means[means["variant"] == name]
    last = mine.sort_values("tolerance").iloc[0]
    return f"{name}: {last['error']:.2g} for {last[work]:.3g}"


def _reference(evidence: Evidence) -> Drawing:
    title = "The reference: how far an independent solver is from it"
    rows = evidence.metric("reference_error", "problem")
    if rows.empty:
        return Drawing.missing(title, "reference_error")
    walled = evidence.metric("walled", "problem")
    suspect = sorted(walled.loc[walled["value"] > 0, "problem"].unique())
    worst = rows.groupby("problem")["value"].max().clip(lower=SMALLEST)
    figure = Figure(figsize=(WIDTH, 1.0 + 0.17 * len(worst)))
    axes = figure.subplots()
    ink = text_colour()
    names = list(worst.index)
    axes.scatter(worst, names, color=colours(evidence.known).get(REFERENCE, ink), s=22, zorder=3)
    for name in suspect:
        axes.axhline(name, color=ink, linestyle="--", linewidth=1.0)
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel="smallest error of an independent solver against it")
    verdict = f"curves flatten at one error on {', '.join(suspect)}" if suspect else "no curves flatten at one error"
    return Drawing(
        title,
        figure,
        f"Errors below these are not resolved; {verdict}.",
        "Smallest error of an independent solver. " + "; ".join(f"{name}: {worst[name]:.2g}" for name in names) + ".",
    )
