"""A metric of every variant in each of some cases, such as targets or tasks: one point for each seed."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.curves import legend_below
from reports.figures.drawing import Drawing, Evidence
from reports.figures.strip import strip
from reports.figures.theme import WIDTH, text_colour


def by_case(
    evidence: Evidence,
    title: str,
    metric: str,
    case: str,
    *,
    label: str,
    caption: str,
    scale: str = "linear",
    line: float | None = None,
    without: Sequence[str] = (),
    rows: pd.DataFrame | None = None,
) -> Drawing:
    """Draw seeds as points, one band for each case, the variants of a band side by side.

    Args:
        evidence: What to draw from.
        title: A few words for the page.
        metric: Which measurement.
        case: Its axis that names the cases.
        label: Label of the value axis, with its unit.
        caption: What is seen, in a sentence or two.
        scale: ``linear``, ``log`` or ``symlog``, which is linear below 1.
        line: Where a reference line stands.
        without: Variants that are left out.
        rows: The rows to draw, where not all of the metric.
    """
    found = evidence.metric(metric, case) if rows is None else rows
    found = found[~found["variant"].isin(list(without))]
    if scale == "log":
        found = found[found["value"] > 0]
    if found.empty:
        return Drawing.missing(title, metric)
    found = found.assign(**{case: found[case].astype(str)})
    cases, names = list(found[case].drop_duplicates()), evidence.present(found)
    figure = Figure(figsize=(WIDTH, 1.5 + (0.35 + 0.13 * len(names)) * len(cases)))
    axes = figure.subplots()
    strip(axes, found, band=case, bands=cases, group="variant", groups=names, known=evidence.known)
    if line is not None:
        axes.axvline(line, color=text_colour(), linestyle="--", linewidth=1)
    axes.set(xlabel=label, ylabel="", xscale=scale)
    legend_below(figure, axes)
    words = means_in_words(found, case, names)
    return Drawing(
        title,
        figure,
        f"{caption} Each point is a seed.{evidence.not_finite(metric)}",
        f"{label}, mean over seeds. {words}.",
    )


def means_in_words(rows: pd.DataFrame, case: str, variants: Sequence[str]) -> str:
    """Say the mean of each variant, case by case."""
    sentences = []
    for name, mine in rows.groupby(case, sort=False):
        means = mine.groupby("variant")["value"].mean()
        known = (f"{variant} {means[variant]:.4g}" for variant in variants if variant in means)
        sentences.append(f"{name}: {', '.join(known)}")
    return "; ".join(sentences)
