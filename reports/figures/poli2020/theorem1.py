"""Theorem 1 of Poli et al. 2020: errors against the step, gains at other steps, delta off trajectories, costs."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.curves import legend_below, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.poli2020.log_curves import Curve, by_variant, ends_in_words, panels
from reports.figures.strip import strip
from reports.figures.theme import WIDTH, text_colour

BASES = {1: "Euler", 2: "Heun", 4: "RK4"}
FITTED = ("fixed-without-step", "several-without-step", "several", "trajectory", "both", "learned")
ROUNDING = 1e-14
COARSE = 16
"""Multiples of the fitted number of steps that are drawn of gains."""
EXACT = 1e4
"""Larger gains are those of a residual that is known."""


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    return {
        "local-error": _orders(evidence, "local_error", "Local error against the step", "local error"),
        "global-error": _orders(evidence, "global_error", "Global error against the step", "global error"),
        "delta": _deltas(evidence),
        "gain": _gains(evidence),
        "roll-out": _rollouts(evidence),
        "regions": _regions(evidence),
        "overhead": _overhead(evidence),
    }


def _named(rows: pd.DataFrame) -> list[str]:
    return [str(name) for name in rows["problem"].drop_duplicates()]


def _base(order: float) -> str:
    return f"{BASES.get(int(order), 'base')}, order {order:g}"


def _by_order(evidence: Evidence, rows: pd.DataFrame) -> dict[str, list[Curve]]:
    """Return a panel for each order with a curve for each variant."""
    of_each = {order: rows[rows["order"] == order] for order in sorted(rows["order"].unique())}
    return {_base(order): by_variant(evidence, mine) for order, mine in of_each.items()}


def _orders(evidence: Evidence, metric: str, title: str, label: str) -> Drawing:
    """Draw errors of base, oracle with an error, frozen oracle and fitted correction for each order."""
    rows = evidence.metric(metric, "step", "order", "problem")
    rows = rows[rows["value"] > ROUNDING]
    if rows.empty:
        return Drawing.missing(title, metric)
    if "multiple" in rows:
        rows = rows[(rows["variant"] != "frozen") | (rows["multiple"] != 1.0)]
    problem = _named(rows)[0]
    rows = rows[rows["problem"] == problem]
    curves: dict[str, list[Curve]] = {}
    known: list[str] = []
    for order in sorted(rows["order"].unique()):
        mine = rows[rows["order"] == order]
        several = []
        for variant in ("base", "frozen", "learned"):
            if not (of := mine[mine["variant"] == variant]).empty:
                several.append(Curve(variant, of))
        oracle = mine[mine["variant"] == "oracle"]
        if "delta" in oracle:
            for delta in sorted(oracle["delta"].dropna().unique(), reverse=True):
                several.append(Curve(f"delta {delta:g}", oracle[oracle["delta"] == delta]))
        known += [curve.label for curve in several if curve.label not in known]
        curves[_base(order)] = several
    figure = panels(curves, "step", x="step ε", y=label, known=known, falling=True)
    return Drawing(
        title,
        figure,
        f"Problem {problem}. The base solver, the exact residual with an error δ, the exact residual of one step used "
        "at every other step, and the correction fitted at one step. Rounding errors are left out. "
        + seeds_in_words(rows),
        ends_in_words(curves, "step"),
    )


def _deltas(evidence: Evidence) -> Drawing:
    title = "Local error against the error of the correction"
    rows = evidence.metric("local_error", "delta", "order", "problem")
    if rows.empty:
        return Drawing.missing(title, "local_error")
    step = rows["step"].max()
    rows = rows[rows["step"] == step]
    known = [f"order {order:g}" for order in sorted(rows["order"].unique())]
    curves = {
        problem: [
            Curve(f"order {order:g}", rows[(rows["problem"] == problem) & (rows["order"] == order)])
            for order in sorted(rows["order"].unique())
        ]
        for problem in _named(rows)
    }
    figure = panels(curves, "delta", x="δ = ||R - g||", y="local error", known=known)
    for axes in figure.axes:
        for order in sorted(rows["order"].unique()):
            deltas = sorted(rows["delta"].unique())
            predicted = [delta * step ** (order + 1) for delta in deltas]
            axes.plot(deltas, predicted, color=text_colour(), linestyle=":", linewidth=1)
    return Drawing(
        title,
        figure,
        f"At the step {step:g}. The dotted lines are δ ε^(p+1), which theorem 1 bounds the error by. "
        + seeds_in_words(rows),
        ends_in_words(curves, "delta"),
    )


def _gains(evidence: Evidence) -> Drawing:
    title = "Gain over the base solver at other steps than the fitted one"
    rows = evidence.metric("gain", "multiple", "order", "problem")
    if rows.empty:
        return Drawing.missing(title, "gain")
    rows = rows[(rows["multiple"] <= COARSE) & (rows["value"] < EXACT)]
    problem = _named(rows)[0]
    rows = rows[rows["problem"] == problem]
    curves = _by_order(evidence, rows)
    figure = panels(curves, "multiple", x="steps per fitted step", y="base error / error", known=evidence.known)
    for axes in figure.axes:
        axes.axhline(1, color=text_colour(), linewidth=1, linestyle=":")
        axes.set_xscale("log", base=2)
    return Drawing(
        title,
        figure,
        f"Problem {problem}, global errors. Below the dotted line the base solver is better. 1 is the step that "
        "single-step corrections were fitted at; the frozen residual is exact there, which is not drawn. "
        + seeds_in_words(rows),
        ends_in_words(curves, "multiple"),
    )


def _rollouts(evidence: Evidence) -> Drawing:
    title = "Roll-out beyond the time of fitting"
    own = evidence.metric("rollout_error", "t", "order", "problem")
    if own.empty:
        return Drawing.missing(title, "rollout_error")
    problem = _named(own)[0]
    base = evidence.metric("base_rollout_error", "t", "order", "problem").assign(variant="base")
    rows = pd.concat([own, base])
    rows = rows[(rows["problem"] == problem) & rows["variant"].isin(("base", "trajectory", "both", "learned"))]
    curves = _by_order(evidence, rows)
    figure = panels(curves, "t", x="time", y="error", known=evidence.known, linear_x=True)
    for axes in figure.axes:
        axes.axvline(1, color=text_colour(), linewidth=1, linestyle=":")
    return Drawing(
        title,
        figure,
        f"Problem {problem}, at the fitted step. Corrections were fitted on trajectories up to the dotted line. "
        + seeds_in_words(own),
        ends_in_words(curves, "t"),
    )


def _regions(evidence: Evidence) -> Drawing:
    """Draw delta where it was measured: on held-out trajectories, on the hypersolver's own, and off them."""
    title = "Delta on and off the trajectories"
    rows = evidence.metric("delta", "region", "order", "problem")
    if rows.empty:
        return Drawing.missing(title, "delta")
    rows = rows[(rows["statistic"] == "mean") & (rows["variant"] == "learned")]
    if rows.empty:
        return Drawing.missing(title, "delta")
    rows = rows.assign(case=[f"{p}, order {o:g}" for p, o in zip(rows["problem"], rows["order"], strict=True)])
    names, cases = list(rows["region"].drop_duplicates()), list(rows["case"].drop_duplicates())
    figure = Figure(figsize=(WIDTH, 1.4 + 0.4 * len(cases)))
    axes = figure.subplots()
    strip(axes, rows, band="case", bands=cases, group="region", groups=names)
    axes.set(xscale="log", xlabel="δ = mean ||R - g||", ylabel="")
    legend_below(figure, axes)
    words = "; ".join(f"{region}: {rows.loc[rows['region'] == region, 'value'].mean():.3g}" for region in names)
    return Drawing(
        title,
        figure,
        "The correction fitted to residuals of one step, at states of held-out trajectories, of the hypersolver's own "
        "roll-out, and displaced from the former by half a unit. Each point is a seed.",
        f"Mean delta over problems and orders. {words}.",
    )


def _overhead(evidence: Evidence) -> Drawing:
    title = "Relative overhead of the correction"
    rows = evidence.metric("overhead", "width", "order")
    seconds = evidence.metric("overhead_seconds", "width", "order")
    if rows.empty:
        return Drawing.missing(title, "overhead")
    orders = sorted(rows["order"].unique())
    known = [f"order {order:g}" for order in orders]
    curves = {
        name: [Curve(f"order {order:g}", table[table["order"] == order]) for order in orders]
        for name, table in (("operations", rows), ("time", seconds))
        if not table.empty
    }
    figure = panels(curves, "width", x="width of g", y="step / base step", known=known, linear_y=True)
    for axes in figure.axes:
        axes.set_xscale("log", base=2)
        axes.axhline(1, color=text_colour(), linewidth=1, linestyle=":")
    return Drawing(
        title,
        figure,
        "A step of the hypersolver over a step of its base, in multiply-accumulates and in time, on a perceptron field "
        "of the released CNF's shape. Operations follow 1 + MAC_g / (p MAC_f). " + seeds_in_words(rows),
        ends_in_words(curves, "width"),
    )
