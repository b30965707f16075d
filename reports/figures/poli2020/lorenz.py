"""Long roll-outs on attractors: valid times, errors over time, statistics, and errors at equal operations."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.curves import legend_below, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.poli2020.log_curves import Curve, ends_in_words, panels
from reports.figures.strip import strip
from reports.figures.theme import WIDTH

NOT_IN_THE_PAPER = "Not in the paper."


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    return {
        "valid-time": _by_rate(
            evidence, "valid_time", "Valid time at equal evaluations", "valid time", linear_y=True,
            words="The time until the median relative error passes 0.1, up to the end of the roll-out. Corrections "
            "count for nothing here.",
        ),
        "error": _errors(evidence),
        "attractor": _by_rate(
            evidence, "attractor_distance", "Distance from the true distribution", "distance / deviation",
            words="Wasserstein distance of the last coordinate's distribution, over its deviation.",
        ),
        "operations": _operations(evidence),
        "time": _by_rate(
            evidence, "step_seconds", "Time of a step", "time [s]",
            words="The fastest of some repeats; variants ran one after the other.",
        ),
    }  # fmt: skip


def _by_rate(evidence: Evidence, metric: str, title: str, label: str, *, words: str, linear_y: bool = False) -> Drawing:
    rows = evidence.metric(metric, "rate", "system")
    if rows.empty:
        return Drawing.missing(title, metric)
    curves = _curves(evidence, rows)
    figure = panels(curves, "rate", x="evaluations per unit of time", y=label, known=evidence.known, linear_y=linear_y)
    return Drawing(
        title,
        figure,
        f"{words} {seeds_in_words(rows)} {NOT_IN_THE_PAPER}",
        ends_in_words(curves, "rate"),
    )


def _curves(evidence: Evidence, rows: pd.DataFrame) -> dict[str, list[Curve]]:
    return {
        str(system): [
            Curve(name, rows[(rows["system"] == system) & (rows["variant"] == name)])
            for name in evidence.present(rows[rows["system"] == system])
        ]
        for system in rows["system"].drop_duplicates()
    }


def _errors(evidence: Evidence) -> Drawing:
    """Draw the error over time at a middle rate of each system."""
    title = "Error over time at equal evaluations"
    rows = evidence.metric("error", "t", "rate", "system")
    if rows.empty:
        return Drawing.missing(title, "error")
    chosen = {}
    for system in rows["system"].drop_duplicates():
        rates = sorted(rows.loc[rows["system"] == system, "rate"].unique())
        chosen[str(system)] = rates[len(rates) // 2]
    kept = pd.concat([rows[(rows["system"] == system) & (rows["rate"] == rate)] for system, rate in chosen.items()])
    kept = kept[kept["value"] > 0]
    curves = {
        f"{system}, {chosen[system]:g} evaluations per unit of time": several
        for system, several in _curves(evidence, kept).items()
    }
    figure = panels(curves, "t", x="time", y="relative error", known=evidence.known, linear_x=True)
    return Drawing(
        title,
        figure,
        "Mean over held-out starts. On the chaotic attractor errors grow until they are as large as the attractor. "
        f"{seeds_in_words(kept)} {NOT_IN_THE_PAPER}",
        ends_in_words(curves, "t"),
    )


def _operations(evidence: Evidence) -> Drawing:
    title = "Error at equal operations"
    rows = evidence.metric("equal_operations_error", "rival", "system")
    if rows.empty:
        return Drawing.missing(title, "equal_operations_error")
    rows = rows.assign(case=[f"{s},\nas {r}" for s, r in zip(rows["system"], rows["rival"], strict=True)])
    names, cases = evidence.present(rows), list(rows["case"].drop_duplicates())
    figure = Figure(figsize=(WIDTH, 1.2 + 0.6 * len(cases)))
    axes = figure.subplots()
    strip(axes, rows, band="case", bands=cases, group="variant", groups=names, known=evidence.known)
    axes.set(xscale="log", xlabel="relative error", ylabel="")
    legend_below(figure, axes)
    shares = evidence.metric("operations_share", "rival", "system")
    classical = shares[~shares["variant"].str.startswith("hyper")]
    least = "" if classical.empty else f" They used {classical['value'].min():.0%} of them at least."
    words = "; ".join(f"{name}: {rows.loc[rows['variant'] == name, 'value'].median():.2g}" for name in names)
    return Drawing(
        title,
        figure,
        "Classical methods are given the multiplications of the hypersolver named at the left, which at their cheap "
        f"fields are thousands of steps, up to a bound.{least} Each point is a seed. {NOT_IN_THE_PAPER}",
        f"Median relative errors. {words}.",
    )
