"""Time of solves over the field's own work, by batch size; counts of a step; and the first call."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.curves import legend_below
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH, colours, dashes, markers, text_colour

FIELD = "field"
"""Stands where a library's name does, for the field's own work in our solve."""

COUNTS = {
    "operations": ("operations", "Operations of a step", "tensor operations beside the field's"),
    "allocations": ("allocations", "Allocations of a step", "tensors made beside the field's"),
    "syncs": ("host_syncs", "Host synchronisations of a step", "times that the host waits"),
    "cold": ("cold_seconds", "The first call, compilation included", "seconds"),
}


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw a diagram of times for every variant, and one of each count for all of them."""
    seconds = evidence.metric("seconds", "library", "field", "batch")
    drawings: dict[str, Drawing] = {}
    for variant in evidence.present(seconds) if not seconds.empty else ():
        drawings[f"time-{variant}"] = _time(variant, seconds, _libraries(seconds))
    if not drawings:
        drawings["time"] = Drawing.missing("Time over the field's own work", "seconds")
    for name, (metric, title, label) in COUNTS.items():
        rows = evidence.metric(metric, "library")
        drawings[name] = Drawing.missing(title, metric) if rows.empty else _counts(evidence, rows, title, label)
    return drawings


def _time(variant: str, seconds: pd.DataFrame, libraries: list[str]) -> Drawing:
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
        "vector-Jacobian products where they are needed); the dashed line is no overhead at all.",
        f"Time over the field's work, {variant}. {'. '.join(words)}.",
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
