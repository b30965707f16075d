"""Pareto fronts by cost, a panel for each data set; hypersolvers over their rivals; when their training has paid."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullFormatter

from reference.statistics.intervals import mean_interval
from reports.figures.curves import seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.poli2020.log_curves import Curve, ends_in_words, panels
from reports.figures.theme import WIDTH, colours, markers, text_colour

COSTS = {
    "nfe": ("evaluations", "true evaluations of the field"),
    "macs": ("operations", "multiply-accumulates of a sample"),
    "seconds": ("time", "seconds of a sample, in a batch"),
}
HYPER = ("hyper-euler", "hyper-midpoint", "hyper-heun")
OURS = (*HYPER, "fixed grid", "multistep", "adaptive", "taylor2", "scalar-fitted", "distilled")
SERIES = (*OURS, "torchdiffeq", "torchdyn")
MULTISTEP = ("ab2", "ab3")
POINT = ("method", "library", "effort")
FEW_DECADES = 100
"""Below this ratio of its ends, an axis of powers of ten alone would have too few labels."""


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw a figure of fronts for each cost, and what they come to for hypersolvers."""
    drawings = {cost: _fronts(evidence, cost) for cost in COSTS}
    for rivals in ("untrained", "any"):
        drawings[f"over-{rivals}"] = _over_rivals(evidence, rivals)
    drawings["amortisation"] = _amortisation(evidence)
    return drawings


def _fronts(evidence: Evidence, cost: str) -> Drawing:
    name, label = COSTS[cost]
    title = f"Error against {name}"
    points = _points(evidence, cost)
    if points.empty:
        return Drawing.missing(title, "on_front")
    names = evidence.present(points)
    figure = Figure(figsize=(WIDTH, 1.2 + 2.7 * len(names)))
    found = figure.subplots(len(names), 1, sharex=cost == "nfe", squeeze=False)[:, 0]
    for axes, variant in zip(found, names, strict=True):
        _panel(axes, points[points["variant"] == variant])
        axes.set(title=variant, xlabel=label, ylabel="relative error")
    figure.legend(handles=_handles(points), loc="outside lower center", ncols=3)
    seeds = int(points["seeds"].max())
    words = f"Geometric means of {seeds} seeds; bars are 95 % intervals. " if seeds > 1 else "One seed. "
    free = {"nfe": " g is free on this axis; a direct network evaluates no field and is not on it."}.get(cost, "")
    return Drawing(
        title,
        figure,
        f"{words}Filled points are on the front (in half of the seeds at least), open ones are dominated; the line "
        f"joins the front.{free}",
        f"Hypersolvers on the front of {name}. " + " ".join(_standing(points, variant) for variant in names),
    )


def _points(evidence: Evidence, cost: str) -> pd.DataFrame:
    """Return one row for each point, the seeds joined: its cost, error with interval, and whether it is on the front.

    Evaluations of adaptive methods, and all times, differ between seeds; so may the front.
    """
    keys = ["variant", *POINT]
    front = evidence.metric("on_front", "cost")
    if front.empty:
        return pd.DataFrame(columns=[*keys, "x", "y", "low", "high", "front", "series", "seeds"])
    best = front[front["cost"] == cost].groupby(keys)["value"].mean().rename("front")
    costs = evidence.metric(cost, *POINT).groupby(keys)["value"].mean().rename("x")
    errors = evidence.metric("error", *POINT)
    kinds = errors.groupby(keys)["kind"].first()
    intervals = errors[errors["value"] > 0].groupby(keys)["value"].agg(_interval).rename("interval")
    points = pd.concat([best, costs, intervals, kinds], axis="columns", join="inner").reset_index()
    for column, index in (("y", 0), ("low", 1), ("high", 2), ("seeds", 3)):
        points[column] = [interval[index] for interval in points["interval"]]
    points["series"] = [
        _series(kind, method, library)
        for kind, method, library in zip(points["kind"], points["method"], points["library"], strict=True)
    ]
    return points.assign(front=points["front"] >= 0.5)


def _interval(errors: pd.Series[float]) -> tuple[float, float, float, int]:
    found = mean_interval([math.log(error) for error in errors])
    return math.exp(found.estimate), math.exp(found.low), math.exp(found.high), found.n


def _series(kind: str, method: str, library: str) -> str:
    if library != "suite":
        return library
    if kind == "hyper":
        return method
    if kind == "classical":
        return "multistep" if method in MULTISTEP else "fixed grid"
    return method if kind == "taylor" else kind


def _panel(axes: Axes, points: pd.DataFrame) -> None:
    axes.set(xscale="log", yscale="log")
    palette, signs = _palette(), markers(SERIES)
    for series in (name for name in reversed(SERIES) if name in set(points["series"])):
        mine = points[points["series"] == series]
        # Hypersolvers are what it is about: they stand out where they are dominated too.
        shown = series in HYPER
        for best, drawn in mine.groupby("front"):
            axes.errorbar(
                drawn["x"], drawn["y"], yerr=np.array([drawn["y"] - drawn["low"], drawn["high"] - drawn["y"]]),
                fmt=signs[series], color=palette[series], markersize=5 if best or shown else 3.5, markeredgewidth=0.9,
                markerfacecolor=palette[series] if best else "none", elinewidth=0.6,
                alpha=1.0 if best or shown else 0.5, zorder=4 if best else 2,
            )  # fmt: skip
    front = points[points["front"]].sort_values(["x", "y"], ascending=[True, False])
    axes.plot(front["x"], front["y"], drawstyle="steps-post", color=text_colour(), linewidth=0.8, zorder=3)
    # Adaptive methods at tight tolerances go far below what anything else reaches.
    others = points[points["kind"] != "adaptive"]
    axes.set_ylim(bottom=max(points["y"].min(), others["y"].min() / 3) / 2)
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.xaxis.set_minor_formatter(NullFormatter())
    if points["x"].max() < FEW_DECADES * points["x"].min():
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))


def _handles(points: pd.DataFrame) -> list[Line2D]:
    palette, signs, shown = _palette(), markers(SERIES), set(points["series"])
    return [
        Line2D([], [], color=palette[name], marker=signs[name], linestyle="none", label=name)
        for name in SERIES
        if name in shown
    ]


def _palette() -> dict[str, str]:
    """Return the colours of all series: other libraries, whose points often cover ours, are in that of the text."""
    return {**dict.fromkeys(SERIES, text_colour()), **colours(OURS)}


def _standing(points: pd.DataFrame, variant: str) -> str:
    """Say of one data set which hypersolvers are on the front, and which are not."""
    mine = points[(points["variant"] == variant) & (points["kind"] == "hyper")].sort_values(["method", "effort"])
    words = []
    for best, start in ((True, "on it"), (False, "off it")):
        several = mine[mine["front"] == best]
        named = (f"{method} {effort:g}" for method, effort in zip(several["method"], several["effort"], strict=True))
        words.append(f"{start}: {', '.join(named) or 'none'}")
    return f"{variant}, by steps, {'; '.join(words)}."


def _over_rivals(evidence: Evidence, rivals: str) -> Drawing:
    named = {"untrained": "untrained methods", "any": "everything else"}[rivals]
    title = f"Hypersolvers over {named} of no more operations"
    rows = evidence.metric("error_over_rival", "cost", "rivals", "method", "effort")
    if not rows.empty:
        rows = rows[(rows["cost"] == "macs") & (rows["rivals"] == rivals)]
    if rows.empty:
        return Drawing.missing(title, "error_over_rival")
    curves = _by_data_set(evidence, rows)
    figure = panels(curves, "effort", x="steps", y="error / best rival's", known=HYPER, linear_x=True)
    for axes in figure.axes:
        axes.axhline(1.0, color=text_colour(), linewidth=1.0, linestyle="--")
    return Drawing(
        title,
        figure,
        f"Error over the smallest of {named} at no more multiply-accumulates, g's counted. Below the dashed line a "
        f"hypersolver is on the front, above it is not. {seeds_in_words(rows)}",
        ends_in_words(curves, "effort"),
    )


def _amortisation(evidence: Evidence) -> Drawing:
    title = "Samples after which training has paid"
    rows = evidence.metric("samples_to_pay", "cost", "rivals", "method", "effort")
    if not rows.empty:
        rows = rows[(rows["cost"] == "macs") & (rows["rivals"] == "untrained") & rows["method"].isin(HYPER)]
    if rows.empty:
        return Drawing.missing(title, "samples_to_pay")
    curves = _by_data_set(evidence, rows)
    figure = panels(curves, "effort", x="steps", y="samples", known=HYPER, linear_x=True)
    figure.axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    compared = evidence.metric("paid_by_a_million", "cost", "rivals")
    never = [name for name in evidence.present(compared) if name not in curves]
    words = f" It never pays on {', '.join(never)}." if never else ""
    return Drawing(
        title,
        figure,
        "Multiply-accumulates of trajectories and fitting over those that a sample saves against the cheapest "
        "untrained method that is as accurate. Where a point is missing, nothing is saved and training never pays."
        f"{words} {seeds_in_words(rows)}",
        ends_in_words(curves, "effort") + words,
    )


def _by_data_set(evidence: Evidence, rows: pd.DataFrame) -> dict[str, list[Curve]]:
    curves: dict[str, list[Curve]] = {}
    for variant in evidence.present(rows):
        mine = rows[rows["variant"] == variant]
        curves[variant] = [
            Curve(method, mine[mine["method"] == method]) for method in HYPER if method in set(mine["method"])
        ]
    return curves
