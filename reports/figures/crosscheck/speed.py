"""Time of solves over the field's own work, by batch size; what the device could do; counts of a step; first calls."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.crosscheck import speed_parts
from reports.figures.curves import legend_below, lines
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH, colours, dashes, markers, text_colour

FIELD = "field"
"""Stands where a library's name does, for the field's own work in our solve."""
OURS = "suite"

COUNTS = {
    "operations": ("operations", "Operations of a step", "tensor operations beside the field's"),
    "allocations": ("allocations", "Allocations of a step", "tensors made beside the field's"),
    "syncs": ("host_syncs", "Host synchronisations of a step", "times that the host waits"),
    "cold": ("cold_seconds", "The first call, compilation included", "seconds"),
}


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw a diagram of times for every variant, the parts of a step, and one of each count for all variants."""
    seconds = evidence.metric("seconds", "library", "field", "batch")
    drawings: dict[str, Drawing] = {}
    for variant in evidence.present(seconds) if not seconds.empty else ():
        drawings[f"time-{variant}"] = _time(variant, seconds, _libraries(seconds), _of_limit(evidence, variant))
    if not drawings:
        drawings["time"] = Drawing.missing("Time over the field's own work", "seconds")
    drawings |= speed_parts.draw(evidence)
    drawings["limit"] = _limit(evidence)
    for name, (metric, title, label) in COUNTS.items():
        rows = evidence.metric(metric, "library")
        drawings[name] = Drawing.missing(title, metric) if rows.empty else _counts(evidence, rows, title, label)
    return drawings


def _time(variant: str, seconds: pd.DataFrame, libraries: list[str], of_limit: str) -> Drawing:
    best = seconds[seconds["variant"] == variant].groupby(["field", "batch", "library"])["value"].min().unstack()
    fields = list(dict.fromkeys(best.index.get_level_values("field")))
    figure = Figure(figsize=(WIDTH, 0.8 + 2.7 * len(fields)))
    panels = list(figure.subplots(len(fields), 1, squeeze=False, sharex=True)[:, 0])
    words = []
    for axes, field in zip(panels, fields, strict=True):
        over = best.loc[field].div(best.loc[field][FIELD], axis="index")
        for library in (name for name in libraries if name in over):
            _line(axes, over[library].dropna(), library, libraries)
        axes.axhline(1.0, color=text_colour(), linestyle="--", linewidth=1.0)
        axes.set(xscale="log", yscale="log", xlabel="batch", ylabel="time / field's work", title=f"field {field}")
        # A library may have been measured on one of the fields alone.
        curves = {name: over[name].dropna() for name in libraries if name in over}
        words.append(f"{field}: " + "; ".join(_ends(curve, name) for name, curve in curves.items() if len(curve)))
    legend_below(figure, panels[0])
    return Drawing(
        f"Time of {variant}",
        figure,
        "Fastest time of every library over the field's own work in our solve (as many evaluations, with "
        f"vector-Jacobian products where they are needed); the dashed line is no overhead at all.{of_limit}",
        f"Time over the field's work, {variant}. {'. '.join(words)}.",
    )


def _of_limit(evidence: Evidence, variant: str) -> str:
    """Say in a sentence how far ours and the field alone are from what the device could do, or nothing."""
    rows = evidence.metric("fraction_of_limit", "library", "field", "batch")
    mine = rows[(rows["variant"] == variant) & rows["library"].isin([OURS, FIELD])]
    if mine.empty or OURS not in set(mine["library"]):
        return ""
    reached = mine.groupby(["field", "batch", "library"])["value"].max().unstack()
    words = []
    for field in dict.fromkeys(reached.index.get_level_values("field")):
        batch = reached.loc[field].index.max()
        ours, alone = reached.loc[field].reindex(columns=[OURS, FIELD]).loc[batch]
        words.append(f"{100 * ours:.2g} % at batch {batch:g} of the field {field} (its work alone {100 * alone:.2g} %)")
    return f" Of what the device could do ours reaches {', '.join(words)}."


def _limit(evidence: Evidence) -> Drawing:
    """Draw how far our solves are from what the device could do, one curve for each variant."""
    title = "How far our solves are from the device's limit"
    rows = evidence.metric("fraction_of_limit", "library", "field", "batch")
    rows = rows[rows["library"] == OURS] if not rows.empty else rows
    if rows.empty:
        return Drawing.missing(title, "fraction_of_limit")
    fields = sorted(rows["field"].unique(), key=list(rows["field"]).index)
    figure = Figure(figsize=(WIDTH, 1.6 + 2.7 * len(fields)))
    panels = list(figure.subplots(len(fields), 1, squeeze=False, sharex=True, sharey=True)[:, 0])
    words = []
    for axes, field in zip(panels, fields, strict=True):
        shown = rows[rows["field"] == field]
        lines(axes, shown, "batch", evidence)
        axes.axhline(1.0, color=text_colour(), linestyle="--", linewidth=1.0)
        axes.set(xscale="log", yscale="log", xlabel="batch", ylabel="fraction of the limit", title=f"field {field}")
        for name in evidence.present(shown):
            curve = shown[shown["variant"] == name].groupby("batch")["value"].max()
            words.append(f"{field}, {_ends(curve, name)}")
    legend_below(figure, panels[0], columns=2)
    for axes in panels[1:]:
        if (legend := axes.get_legend()) is not None:
            legend.remove()
    return Drawing(
        title,
        figure,
        "The least time that the device could take for the field's work over the time that our solve took; the dashed "
        "line is the limit. The least time is that of moving the bytes that every operation reads and writes, or of "
        f"its matrix products, whichever is longer, at the rates measured in the same run.{_rates(evidence)}",
        f"Fraction of the limit. {'; '.join(words)}.",
    )


def _rates(evidence: Evidence) -> str:
    """Say in a sentence how fast the device copied and multiplied, or nothing."""
    copies, products = evidence.metric("copy_bandwidth", "size"), evidence.metric("matrix_rate", "precision")
    if copies.empty or products.empty:
        return ""
    # Every cell measures them; a disturbance makes a rate lower and never higher.
    by_size = copies.groupby("size")["value"].max()
    rates = " and ".join(
        f"{rate / 1e9:,.0f} GFLOP/s in {precision}"
        for precision, rate in products.groupby("precision")["value"].max().items()
    )
    largest = by_size.index.max()
    at_best, of_memory = (f"{rate / 1e9:,.0f} GB/s" for rate in (by_size.max(), by_size[largest]))
    return (
        f" The device copied {at_best} at best and {of_memory} in tensors of {largest / 2**20:g} MiB, and multiplied "
        f"matrices at {rates}."
    )


def _counts(evidence: Evidence, rows: pd.DataFrame, title: str, label: str) -> Drawing:
    libraries = _libraries(evidence.metric("seconds", "library"))
    mean = rows.groupby(["variant", "library"])["value"].mean()
    names = evidence.present(rows)
    figure = Figure(figsize=(WIDTH, 1.4 + 0.35 * len(names)))
    axes = figure.subplots()
    palette, signs = colours(libraries), markers(libraries)
    for library in libraries:
        places = [place for place, name in enumerate(names) if (name, library) in mean.index]
        values = [mean[names[place], library] for place in places]
        if places:
            axes.scatter(values, places, color=palette[library], marker=signs[library], label=library, s=28, zorder=3)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel=label)
    # Some libraries have none at all, which a logarithm would hide.
    axes.set_xscale("symlog", linthresh=1.0 if label != "seconds" else 1e-3)
    axes.set_xlim(left=0)
    axes.invert_yaxis()
    legend_below(figure, axes)
    pairs = ((name, library) for name in names for library in libraries if (name, library) in mean.index)
    words = "; ".join(f"{name}, {library}: {mean[name, library]:.3g}" for name, library in pairs)
    return Drawing(title, figure, f"Mean over fields and batches: {label}.", f"{label}. {words}.")


def _line(axes: Axes, curve: pd.Series[float], library: str, libraries: list[str]) -> None:
    stroke = dashes(libraries)[library]
    axes.plot(
        list(curve.index), list(curve), color=colours(libraries)[library], marker=markers(libraries)[library],
        linestyle=(0, stroke) if stroke else "-", markeredgewidth=0, label=library,
    )  # fmt: skip


def _ends(curve: pd.Series[float], name: str) -> str:
    first, last = curve.index[0], curve.index[-1]
    return f"{name} {curve[first]:.3g} at batch {first:g}, {curve[last]:.3g} at batch {last:g}"


def _libraries(rows: pd.DataFrame) -> list[str]:
    """Return the libraries by name, whichever were measured first."""
    return sorted(set(rows["library"]) - {FIELD})
