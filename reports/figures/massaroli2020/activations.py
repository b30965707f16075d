"""Appendix B.2 of Massaroli et al. 2020: coordinates along depth, what they reach, and errors, by last activation."""

from __future__ import annotations

import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.figures.curves import legend_below
from reports.figures.drawing import Drawing, Evidence
from reports.figures.strip import strip
from reports.figures.theme import WIDTH, colours, text_colour

TASKS = {"annuli": "annuli", "moons": "moons", "shift": "every coordinate down by 2"}
COLUMNS = 3


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    return {
        **{f"paths-{task}": _paths(evidence, task) for task in TASKS},
        "speeds": _speeds(evidence),
        "shift": _shift(evidence),
        "error": _errors(evidence),
    }


def _paths(evidence: Evidence, task: str) -> Drawing:
    """Draw both coordinates of some points against depth, a panel for each activation."""
    title = f"Coordinates along depth: {TASKS[task]}"
    rows = evidence.metric("path", "data", "point", "depth", "first")
    rows = rows if rows.empty else rows[rows["data"] == task]
    if rows.empty:
        return Drawing.missing(title, "path")
    rows = rows[rows["seed"] == rows["seed"].min()]
    names = evidence.present(rows)
    lines = -(-len(names) // COLUMNS)
    figure = Figure(figsize=(WIDTH, 0.7 + 1.7 * lines))
    panels = figure.subplots(lines, COLUMNS, sharex=True, sharey=True, squeeze=False)
    first, second = sns.color_palette()[:2]
    for axes in panels.flat[len(names) :]:
        axes.set_visible(False)
    falls = []
    for number, (axes, name) in enumerate(zip(panels.flat, names, strict=False)):
        fall = 0.0
        for _, mine in rows[rows["variant"] == name].groupby("point"):
            path = mine.sort_values("depth")
            depth = path["depth"].astype(float).to_numpy()
            for column, colour, pattern in (("first", first, "-"), ("value", second, "--")):
                values = path[column].astype(float).to_numpy()
                axes.plot(depth, values, color=colour, linestyle=pattern, linewidth=0.8)
                fall = min(fall, float(values[-1] - values[0]))
        falls.append(f"{name}: {-fall:.2f}")
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=8)
        if number % COLUMNS == 0:
            axes.set_ylabel("zᵢ(s) [length]", fontsize=9)
        if number + COLUMNS >= len(names):
            axes.set_xlabel("depth s [1]", fontsize=9)
            axes.tick_params(labelbottom=True)
    handles = [
        Line2D([], [], color=first, label="z₁"),
        Line2D([], [], color=second, linestyle="--", label="z₂"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return Drawing(
        title,
        figure,
        "Seed 0, some test points. With sigmoid, relu and softplus no curve falls; with tanh and elu none falls more "
        "than 1.",
        f"Coordinates of states against depth. Largest fall of a drawn coordinate: {'; '.join(falls)}.",
    )


def _speeds(evidence: Evidence) -> Drawing:
    """Draw the range of the field's components on all paths, a line for each task."""
    title = "Range of the field on the paths"
    low, high = (evidence.metric(metric, "data") for metric in ("least_speed", "largest_speed"))
    if low.empty or high.empty:
        return Drawing.missing(title, "least_speed")
    names, tasks = evidence.present(low), [task for task in TASKS if task in set(low["data"])]
    figure = Figure(figsize=(WIDTH, 1.4 + 0.55 * len(names)))
    axes = figure.subplots()
    palette, words = colours(tasks), []
    for row, name in enumerate(names):
        for offset, task in enumerate(tasks):
            least, largest = (
                float(getattr(rows.loc[(rows["variant"] == name) & (rows["data"] == task), "value"], how)())
                for rows, how in ((low, "min"), (high, "max"))
            )
            height = row + 0.22 * (offset - (len(tasks) - 1) / 2)
            axes.plot([least, largest], [height] * 2, "|-", color=palette[task], markersize=6)
            words.append(f"{name} on {task}: {least:.3g} to {largest:.3g}")
    for bound in (-1.0, 0.0, 1.0):
        axes.axvline(bound, color=text_colour(), linewidth=0.9, linestyle="--" if bound else "-")
    axes.set(xlabel="components of f on paths, smallest to largest\n[length per unit of depth]", ylabel="")
    axes.set_xscale("symlog", linthresh=2)
    axes.set_xticks([-10, -5, -2, -1, 0, 1, 2, 5, 10], ["-10", "-5", "-2", "-1", "0", "1", "2", "5", "10"])
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    handles = [Line2D([], [], color=palette[task], label=TASKS[task]) for task in tasks]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return Drawing(
        title,
        figure,
        "Over all seeds, paths and both components. Lines at -1, 0 and 1 are the bounds of tanh, elu and the "
        "non-negative activations; the axis is linear between -2 and 2 and logarithmic beyond.",
        f"Smallest and largest component of the field. {'; '.join(words)}.",
    )


def _shift(evidence: Evidence) -> Drawing:
    """Draw the error of the task that asks for a displacement, with the least that each activation allows."""
    title = "Asked to lower every coordinate by 2"
    rows, floors = evidence.metric("shift_error"), evidence.metric("shift_floor")
    if rows.empty:
        return Drawing.missing(title, "shift_error")
    names = evidence.present(rows)
    figure = Figure(figsize=(WIDTH, 1.4 + 0.36 * len(names)))
    axes = figure.subplots()
    sns.stripplot(
        rows, x="value", y="variant", order=names, hue="variant", hue_order=names, palette=colours(evidence.known),
        size=6, jitter=False, legend=False, ax=axes,
    )  # fmt: skip
    words = []
    for position, name in enumerate(names):
        floor = float(floors.loc[floors["variant"] == name, "value"].mean())
        axes.plot([floor] * 2, [position - 0.4, position + 0.4], color=text_colour(), linestyle="--", linewidth=1.4)
        words.append(f"{name}: {rows.loc[rows['variant'] == name, 'value'].mean():.4g} (least possible {floor:.4g})")
    axes.set(xlabel="root mean square error [length]", ylabel="")
    axes.set_xlim(left=-0.05)
    line = Line2D([], [], color=text_colour(), linestyle="--", linewidth=1.4)
    figure.legend([line], ["least possible error"], loc="outside lower center")
    return Drawing(
        title,
        figure,
        "Each point is a seed. The dashed line is what no training can go below: in depth 1 a coordinate falls by no "
        "more than the activation's lower bound." + evidence.not_finite("shift_error"),
        f"Root mean square error of the displacement. {'; '.join(words)}.",
    )


def _errors(evidence: Evidence) -> Drawing:
    title = "Mean squared error"
    rows = evidence.metric("test_mse", "data")
    if rows.empty:
        return Drawing.missing(title, "test_mse")
    names, tasks = evidence.present(rows), [task for task in TASKS if task in set(rows["data"])]
    figure = Figure(figsize=(WIDTH, 1.4 + 0.45 * len(names)))
    axes = figure.subplots()
    strip(axes, rows, band="variant", bands=names, group="data", groups=tasks)
    axes.set(xlabel="mean squared error on fresh points [1]", ylabel="", xscale="log")
    legend_below(figure, axes)
    words = "; ".join(
        f"{name} on {task}: {rows.loc[(rows['variant'] == name) & (rows['data'] == task), 'value'].mean():.3g}"
        for name in names
        for task in tasks
    )
    return Drawing(
        title,
        figure,
        "Each point is a seed; labels are 0 and 1." + evidence.not_finite("test_mse"),
        f"Mean squared error of the label by last activation. {words}.",
    )
