"""Figure 7 of Chen et al. 2018: recovered intensities over the true ones, held-out scores, and the solve's errors."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.curves import legend_below, lines, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.strip import strip
from reports.figures.theme import WIDTH, colours, dashes, text_colour

TRUTH = "truth"


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    drawings = _intensities(evidence)
    drawings["score"] = _scores(evidence)
    drawings["training"] = _training(evidence)
    drawings["integral-error"] = _integral_errors(evidence)
    return drawings


def _intensities(evidence: Evidence) -> dict[str, Drawing]:
    rows = evidence.metric("intensity", "intensity", "sequence", "t")
    if rows.empty:
        return {"intensity": Drawing.missing("Recovered intensity", "intensity")}
    return {
        f"intensity-{name}": _intensity(evidence, rows[rows["intensity"] == name], str(name))
        for name in rows["intensity"].drop_duplicates()
    }


def _intensity(evidence: Evidence, rows: pd.DataFrame, name: str) -> Drawing:
    """Draw the intensities of the sequences shown, the true one behind, and the events as ticks below."""
    title = f"Recovered intensity, {name}"
    rows = rows[rows["seed"] == rows["seed"].min()]
    events = evidence.metric("event_time", "intensity", "sequence")
    sequences = sorted(rows["sequence"].unique())
    figure = Figure(figsize=(WIDTH, 1.4 + 1.7 * len(sequences)))
    panels = figure.subplots(len(sequences), 1, sharex=True, squeeze=False)[:, 0]
    palette, patterns, shown = colours(evidence.known), dashes(evidence.known), evidence.present(rows)
    for axes, sequence in zip(panels, sequences, strict=True):
        for variant in shown:
            own = rows[(rows["variant"] == variant) & (rows["sequence"] == sequence)].sort_values("t")
            true = variant == TRUTH
            axes.plot(
                own["t"].astype(float),
                own["value"].astype(float),
                label=variant,
                color=text_colour() if true else palette[variant],
                linewidth=4 if true else 1.6,
                alpha=0.35 if true else 1.0,
                dashes=patterns[variant] or (None, None),
            )
        if not events.empty:
            times = events[(events["intensity"] == name) & (events["sequence"] == sequence)]
            times = times[times["seed"] == rows["seed"].min()]["value"].astype(float)
            axes.plot(times, [0.0] * len(times), "|", color=text_colour(), markersize=7, label="_events")
        if len(sequences) > 1:
            axes.axvspan(0.0, float(rows["t"].max()) / 2, color=text_colour(), alpha=0.08, linewidth=0)
        axes.set(ylabel="λ(t) [1/time]")
        axes.set_ylim(bottom=-0.4)
    panels[-1].set(xlabel="t [units of time]")
    legend_below(figure, panels[0], columns=4)
    random = (
        " One panel for each of some sequences, of which the shaded half is observed." if len(sequences) > 1 else ""
    )
    return Drawing(
        title,
        figure,
        "Intensity against time, of one seed: the true one is the broad grey line, ticks are the events of a held-out "
        f"sequence.{random} The paper shows such a curve without numbers.",
        f"Intensities of {', '.join(shown)} against time. {_errors_in_words(evidence, name)}",
    )


def _errors_in_words(evidence: Evidence, name: str) -> str:
    rows = evidence.metric("intensity_error", "intensity")
    rows = rows[(rows["intensity"] == name) & (rows["variant"] != TRUTH)]
    means = [f"{each}: {rows.loc[rows['variant'] == each, 'value'].mean():.4g}" for each in evidence.present(rows)]
    return f"Relative L2 error: {', '.join(means)}." if means else ""


def _scores(evidence: Evidence) -> Drawing:
    """Draw how much less likely held-out events are than under the truth."""
    title = "Held-out log-likelihood lost against the truth"
    rows = evidence.metric("excess_nll", "intensity")
    rows = rows[rows["variant"] != TRUTH]
    if rows.empty:
        return Drawing.missing(title, "excess_nll")
    names = list(rows["intensity"].drop_duplicates())
    shown = evidence.present(rows)
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.subplots()
    strip(axes, rows, band="intensity", bands=names, group="variant", groups=shown, known=evidence.known)
    axes.axvline(0, color=text_colour(), linewidth=1)
    axes.set(xlabel="log-likelihood lost [nats per sequence]", ylabel="", xscale="symlog")
    legend_below(figure, axes)
    words = "; ".join(
        f"{name}, {variant}: {rows.loc[(rows['intensity'] == name) & (rows['variant'] == variant), 'value'].mean():.4g}"
        for name in names
        for variant in shown
    )
    return Drawing(
        title,
        figure,
        "Each point is a seed; 0 is the true intensity. The axis is linear below 1 nat and logarithmic above. With a "
        "random phase the truth knows it, which no model can." + evidence.not_finite("excess_nll"),
        f"Nats lost for each sequence. {words}.",
    )


def _training(evidence: Evidence) -> Drawing:
    title = "Negative log-likelihood during training"
    rows = evidence.metric("train_nll", "intensity", "iteration")
    if rows.empty:
        return Drawing.missing(title, "train_nll")
    return _by_intensity(rows, "iteration", title, "iteration", "nats per sequence", seeds_in_words(rows))


def _integral_errors(evidence: Evidence) -> Drawing:
    title = "Error of the integral that the solve carries"
    rows = evidence.metric("integral_error", "intensity", "tolerance")
    rows = rows[rows["value"] > 0]
    if rows.empty:
        return Drawing.missing(title, "integral_error")
    words = "The dashed line is the error equal to the tolerance. " + seeds_in_words(rows)
    drawing = _by_intensity(rows, "tolerance", title, "tolerance, relative and absolute", "relative error", words)
    if drawing.figure is not None:
        (axes,) = drawing.figure.axes
        ends = [rows["tolerance"].min(), rows["tolerance"].max()]
        axes.plot(ends, ends, color=text_colour(), linestyle="--", linewidth=1.2)
        axes.set(xscale="log", yscale="log")
        axes.invert_xaxis()
    return drawing


def _by_intensity(rows: pd.DataFrame, axis: str, title: str, x: str, y: str, words: str) -> Drawing:
    """Draw a metric of the latent ODE against one axis, one curve for each intensity."""
    names = [str(name) for name in rows["intensity"].drop_duplicates()]
    known = Evidence("", tuple(names), "", rows.assign(variant=rows["intensity"]), {})
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.subplots()
    lines(axes, known.rows, axis, known)
    axes.set(xlabel=x, ylabel=y)
    legend_below(figure, axes)
    last = rows.groupby(["intensity", axis])["value"].mean()
    ends = "; ".join(f"{name}: {last[name].iloc[0]:.4g} to {last[name].iloc[-1]:.4g}" for name in names)
    return Drawing(title, figure, f"Latent ODE. {words}", f"{y} against {x}, from its smallest to its largest. {ends}.")
