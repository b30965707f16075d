"""One row for each variant with its seeds as points, the interval of their mean, and the published value."""

from __future__ import annotations

import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.data_names import data_name
from reports.estimates import interval_of
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH, colours, text_colour


def by_variant(
    evidence: Evidence, title: str, metric: str, *, label: str, published: str = "", from_zero: bool = True
) -> Drawing:
    """Draw a metric without axes: seeds as points, the 95 % interval of the mean as a bar.

    Args:
        evidence: What to draw from.
        title: A few words for the page.
        metric: Which measurement.
        label: Label of the value axis, with its unit.
        published: Name of the published quantity to mark by a dashed line, if there is one.
        from_zero: Whether an axis of values that are not negative begins at 0; elsewhere it begins near the smallest
            one, so that small differences between rows are seen, and the caption says so.
    """
    rows = evidence.metric(metric)
    if rows.empty:
        return Drawing.missing(title, metric)
    names = evidence.present(rows)
    figure = Figure(figsize=(WIDTH, 1.3 + 0.36 * len(names)))
    axes = figure.subplots()
    ink, palette = text_colour(), colours(evidence.known)
    sns.stripplot(
        rows, x="value", y="variant", order=names, hue="variant", hue_order=names, palette=palette, size=6,
        jitter=False, legend=False, ax=axes,
    )  # fmt: skip
    marked, sentences = False, []
    for position, name in enumerate(names):
        values = rows.loc[rows["variant"] == name, "value"].tolist()
        sentences.append(f"{name}: {', '.join(f'{value:.4g}' for value in values)}")
        interval = interval_of(rows[rows["variant"] == name], evidence.test_sizes(name))
        if interval is not None and interval.low < interval.high:
            axes.plot([interval.low, interval.high], [position + 0.25] * 2, color=ink, linewidth=1.4)
            axes.plot([interval.estimate], [position + 0.25], color=ink, marker="|", markersize=7)
        printed = evidence.printed(name, published) if published else None
        if printed is not None:
            marked = True
            axes.plot([printed] * 2, [position - 0.42, position + 0.42], color=ink, linestyle="--", linewidth=1.4)
            axes.annotate(f" {printed:g}", (printed, position - 0.42), color=ink, fontsize=8, va="top")
            sentences[-1] += f" (published {printed:g})"
    axes.set(xlabel=label, ylabel="")
    if from_zero:
        axes.set_xlim(left=0 if rows["value"].min() >= 0 else None)
    else:
        axes.margins(x=0.08)
    if marked:
        data = f" ({data_name(evidence.stand_in_for)})" if evidence.stand_in_for else ""
        line = Line2D([], [], color=ink, linestyle="--", linewidth=1.4)
        figure.legend([line], [f"published{data}"], loc="outside lower center")
    return Drawing(
        title,
        figure,
        "Each point is a seed; the bar below is the mean with its 95 % interval."
        + evidence.not_finite(metric)
        + ("" if from_zero else " The axis does not begin at zero."),
        f"{label} of each variant. {'; '.join(sentences)}.",
    )
