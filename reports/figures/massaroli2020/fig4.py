"""Figure 4 of Massaroli et al. 2020: densities of one conditional flow, paths that cross, and exact likelihoods."""

from __future__ import annotations

from matplotlib.figure import Figure

from reports.figures.curves import curve, legend_below, lines, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.massaroli2020.by_case import by_case
from reports.figures.massaroli2020.grid_pictures import bare_panels, picture
from reports.figures.theme import WIDTH, colours, text_colour
from reports.figures.tolerance import against_tolerance, at_the_tightest

BY_CLASS = ("truth", "conditional", "separate", "separate-narrow")
TOGETHER = ("unconditional", "self-control")


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    return {
        "densities": _densities(evidence),
        "together": _together(evidence),
        "ways": _ways(evidence),
        "excess": by_case(
            evidence,
            "Held-out likelihood of each class",
            "excess_nll",
            "target",
            label="held-out NLL above that of the true density [nats]",
            caption="0 is the true density of the class, which the flow that is not told the class cannot reach. What "
            "self-control says is no likelihood, and left out.",
            line=0.0,
            without=("truth", "self-control"),
        ),
        "determinant": by_case(
            evidence,
            "Integrated trace against the log-determinant",
            "log_determinant_gap",
            "target",
            label="mean absolute difference [nats]",
            caption="In double precision. For a flow the two are the same up to the solver's error.",
            scale="log",
        ),
        "mass": by_case(
            evidence,
            "Integral of what is said to be a density",
            "mass",
            "target",
            label="integral over the plane",
            caption="The dashed line is 1, the integral of every density.",
            scale="log",
            line=1.0,
        ),
        "round-trip": _round_trip(evidence),
        "training": _training(evidence),
        "nfe": curve(
            evidence,
            "Evaluations during training",
            "nfe_forward",
            "iteration",
            x="iteration",
            y="evaluations in a forward solve",
        ),
    }


def _densities(evidence: Evidence) -> Drawing:
    """Draw the density of each class, a column for each, as it is and as each way to model it has it."""
    title = "Densities of the classes"
    rows = evidence.metric("density", "target", "row", "column")
    rows = rows[rows["variant"].isin(BY_CLASS)]
    frame = _frame(evidence)
    if rows.empty or frame is None:
        return Drawing.missing(title, "density")
    targets = list(rows["target"].drop_duplicates())
    shown = [name for name in BY_CLASS if name in set(rows["variant"])]
    figure, panels = bare_panels(len(shown), len(targets), 0.3 + 1.25 * len(shown))
    for line, variant in zip(panels, shown, strict=True):
        for axes, target in zip(line, targets, strict=True):
            mine = rows[(rows["variant"] == variant) & (rows["target"] == target)]
            picture(axes, mine, *frame)
        line[0].set_ylabel(variant, fontsize=8)
    for axes, target in zip(panels[0], targets, strict=True):
        axes.set_title(target, fontsize=9)
    return Drawing(
        title,
        figure,
        f"Seed 0. The window is {2 * frame[0]:g} wide; each picture is scaled to its maximum. One flow makes all "
        "pictures of the row conditional; in the rows below each class has a flow of its own.",
        f"Densities of {', '.join(targets)}: {', '.join(shown)}. {_excesses(evidence)}",
    )


def _excesses(evidence: Evidence) -> str:
    rows = evidence.metric("excess_nll", "target")
    rows = rows[rows["variant"] == "conditional"]
    means = rows.groupby("target")["value"].mean()
    words = ", ".join(f"{target} {value:.4g}" for target, value in means.items())
    return f"Nats above the true density of the conditional flow: {words}." if words else ""


def _together(evidence: Evidence) -> Drawing:
    """Draw what the two flows that do not know the class say is the density of all of them."""
    title = "Without the class: a flow, and control by the sample itself"
    rows = evidence.metric("density", "target", "row", "column")
    frame = _frame(evidence)
    shown = [name for name in TOGETHER if name in set(rows["variant"])]
    if not shown or frame is None:
        return Drawing.missing(title, "density")
    figure, panels = bare_panels(1, len(shown), 2.4)
    for axes, variant in zip(panels[0], shown, strict=True):
        picture(axes, rows[rows["variant"] == variant], *frame)
        axes.set_title(variant, fontsize=9)
    masses = evidence.metric("mass", "target")
    words = "; ".join(
        f"{name} integrates to {masses.loc[masses['variant'] == name, 'value'].mean():.4g}" for name in shown
    )
    return Drawing(
        title,
        figure,
        "Seed 0, scaled to the maximum. A flow that is not told the class learns the mixture. Control by the sample "
        "itself, as in a released benchmark, is given a value that grows in training and is no density.",
        f"Pictures of {' and '.join(shown)}. {words}.",
    )


def _frame(evidence: Evidence) -> tuple[float, int] | None:
    half_widths, sides = evidence.metric("picture_half_width")["value"], evidence.metric("picture_side")["value"]
    return None if half_widths.empty or sides.empty else (float(half_widths.max()), int(sides.max()))


def _ways(evidence: Evidence) -> Drawing:
    """Draw the ways of the same base samples under each condition."""
    title = "Ways of the same samples under each condition"
    rows = evidence.metric("way", "target", "sample", "depth", "x")
    if rows.empty:
        return Drawing.missing(title, "way")
    rows = rows[rows["seed"] == rows["seed"].min()].sort_values("depth")
    targets = [str(name) for name in rows["target"].drop_duplicates()]
    figure = Figure(figsize=(WIDTH, WIDTH))
    axes = figure.subplots()
    palette = colours(targets)
    for target in targets:
        mine = rows[rows["target"] == target]
        for number, (_, path) in enumerate(mine.groupby("sample")):
            label = target if number == 0 else None
            axes.plot(path["x"], path["value"], color=palette[target], linewidth=1.2, label=label)
            axes.plot(path["x"].iloc[-1:], path["value"].iloc[-1:], color=palette[target], marker="o", markersize=4)
    starts = rows[rows["depth"] == rows["depth"].min()]
    axes.plot(
        starts["x"], starts["value"], color=text_colour(), linestyle="", marker="x", markersize=6, label="base sample"
    )
    axes.set(xlabel="first coordinate [length]", ylabel="second coordinate [length]", aspect="equal")
    legend_below(figure, axes, columns=4)
    meetings = evidence.metric("meeting_distance")["value"]
    apart = f" Paths that meet in a data point come from bases {meetings.mean():.3g} apart on average."
    return Drawing(
        title,
        figure,
        "Seed 0. A cross is a sample of the base, a dot where it ends under a condition. Paths of different conditions "
        f"cross; those of one do not, at the same depth.{'' if meetings.empty else apart}",
        f"Paths of {starts['sample'].nunique()} base samples to {', '.join(targets)}.",
    )


def _round_trip(evidence: Evidence) -> Drawing:
    title, metric = "Data to base and back", "round_trip_rms"
    rows = evidence.metric(metric, "target", "tolerance")
    if rows.empty:
        return Drawing.missing(title, metric)
    rows = rows.groupby(["variant", "seed", "tolerance"])["value"].mean().reset_index()
    return Drawing(
        title,
        against_tolerance(evidence, rows, y="RMS distance [length]", height=3.6),
        f"{seeds_in_words(rows)} Held-out points under their condition, mean over classes, in double precision. "
        "Self-control has no way back: it would need the sample that it is to find.",
        f"Round-trip distance at the tightest tolerance: {at_the_tightest(evidence, rows)}.",
    )


def _training(evidence: Evidence) -> Drawing:
    """Draw the likelihood in training with what self-control says, which falls below zero without end."""
    title, metric = "Likelihood during training", "validation_nll"
    rows = evidence.metric(metric, "iteration")
    if rows.empty:
        return Drawing.missing(title, metric)
    figure = Figure(figsize=(WIDTH, 3.6))
    axes = figure.subplots()
    lines(axes, rows, "iteration", evidence)
    axes.set(xlabel="iteration", ylabel="NLL of points not trained on [nats]")
    legend_below(figure, axes)
    last = rows[rows["iteration"] == rows["iteration"].max()].groupby("variant")["value"].mean()
    words = ", ".join(f"{name} {last[name]:.4g}" for name in evidence.present(rows) if name in last)
    return Drawing(
        title,
        figure,
        f"{seeds_in_words(rows)} What self-control says is no likelihood, and has no least value."
        + evidence.not_finite(metric),
        f"Negative log-likelihood at the end of training: {words}.",
    )
