"""Section 6 of Chen et al. 2018: evaluations of minibatches, tolerances of training, and reversed trajectories."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.figures.curves import legend_below, lines
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH, text_colour

TIGHT = 1e-5


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw the three trials."""
    return {
        "minibatch": _batches(
            evidence, "Evaluations of a minibatch", "nfe_over_single", "evaluations over a single sample's"
        ),
        "minibatch-error": _lost(evidence),
        "per-sample": _batches(
            evidence, "Evaluations with steps of each sample's own", "nfe_per_sample", "evaluations of the batch"
        ),
        "reversal": _reversal(evidence),
        "classifier-tolerance": _training(
            evidence, "Test error against the tolerance of training", ("test_error",), "test error [%]"
        ),
        "density-tolerance": _training(
            evidence,
            "Likelihood against the tolerance of training",
            ("excess_nll", "excess_nll_as_trained"),
            "held-out excess NLL [nats]",
        ),
    }


def _batches(evidence: Evidence, title: str, metric: str, label: str) -> Drawing:
    rows = evidence.metric(metric, "batch", "tolerance")
    if rows.empty:
        return Drawing.missing(title, metric)
    tolerance = float(rows["tolerance"].max())
    rows = rows[rows["tolerance"] == tolerance]
    figure = Figure(figsize=(WIDTH, 3.8))
    axes = figure.subplots()
    lines(axes, rows, "batch", evidence)
    axes.set(xscale="log", xlabel="samples in the batch", ylabel=label)
    axes.set_xscale("log", base=2)
    axes.set_ylim(bottom=0)
    legend_below(figure, axes, columns=2)
    return Drawing(
        title,
        figure,
        f"At tolerance {tolerance:.0e}; the mean over seeds, the band spans them. At worst a batch of K samples "
        "would take K times the evaluations of one.",
        f"{label} against the size of the batch. {_last(evidence, rows, 'batch')}.",
    )


def _lost(evidence: Evidence) -> Drawing:
    title = "What the worst sample loses by sharing steps"
    joint, alone = (
        evidence.metric("joint_error", "batch", "tolerance"),
        evidence.metric("alone_error", "batch", "tolerance"),
    )
    if joint.empty or alone.empty:
        return Drawing.missing(title, "joint_error and alone_error")
    keys = ["variant", "seed", "batch", "tolerance"]
    both = joint[[*keys, "value"]].merge(alone[[*keys, "value"]], on=keys, suffixes=("", "_alone"))
    both["value"] /= both["value_alone"]
    tolerance = float(both["tolerance"].max())
    rows = both[both["tolerance"] == tolerance]
    figure = Figure(figsize=(WIDTH, 3.8))
    axes = figure.subplots()
    lines(axes, rows, "batch", evidence)
    axes.axhline(1.0, color=text_colour(), linewidth=0.9, linestyle=":")
    axes.set(yscale="log", xlabel="samples in the batch", ylabel="largest error, shared over own steps")
    axes.set_xscale("log", base=2)
    legend_below(figure, axes, columns=2)
    return Drawing(
        title,
        figure,
        f"The largest error of a watched sample with shared steps, over that with steps of its own, at tolerance "
        f"{tolerance:.0e}; the mean over seeds, the band spans them.",
        f"Ratio of the largest errors against the size of the batch. {_last(evidence, rows, 'batch')}.",
    )


def _reversal(evidence: Evidence) -> Drawing:
    title = "Error of the initial state, solved forwards and back"
    rows = evidence.metric("round_trip_error", "tolerance")
    if rows.empty:
        return Drawing.missing(title, "round_trip_error")
    figure = Figure(figsize=(WIDTH, 3.8))
    axes = figure.subplots()
    lines(axes, rows, "tolerance", evidence)
    ends = [float(rows["tolerance"].min()), float(rows["tolerance"].max())]
    axes.plot(ends, ends, color=text_colour(), linestyle=":", linewidth=1, label="tolerance")
    axes.set(xscale="log", yscale="log", xlabel="tolerance, relative and absolute", ylabel="largest error of z(0)")
    axes.invert_xaxis()
    legend_below(figure, axes, columns=2)
    return Drawing(
        title,
        figure,
        "The contracting field forgets its start by design: backwards its errors grow by exp(20). The mean over seeds, "
        "the band spans them.",
        f"Largest error of the initial state against tolerance. {_last(evidence, rows, 'tolerance', smallest=True)}.",
    )


def _training(evidence: Evidence, title: str, metrics: tuple[str, ...], label: str) -> Drawing:
    found = {metric: evidence.metric(metric, "tolerance") for metric in metrics}
    if all(rows.empty for rows in found.values()):
        return Drawing.missing(title, metrics[0])
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.subplots()
    sentences, styles = [], ("-", "--")
    for style, (metric, rows) in zip(styles, found.items(), strict=False):
        if rows.empty:
            continue
        summary = rows.groupby("tolerance")["value"].agg(["mean", "min", "max"])
        name = "at the tolerance of training" if metric.endswith("as_trained") else "at the tightest tolerance"
        name = name if len(metrics) > 1 else "mean of the seeds"
        (line,) = axes.plot(summary.index, summary["mean"], marker="o", linestyle=style, label=name)
        axes.fill_between(summary.index, summary["min"], summary["max"], color=line.get_color(), alpha=0.2, linewidth=0)
        sentences.append(f"{metric}: " + ", ".join(f"{mean:.4g} at {at:g}" for at, mean in summary["mean"].items()))
    axes.set(xscale="log", xlabel="tolerance of training", ylabel=label)
    axes.invert_xaxis()
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    legend_below(figure, axes, columns=1)
    return Drawing(
        title,
        figure,
        "The same weights at first and the same minibatches at every tolerance; the band spans the seeds.",
        f"{label} against the tolerance of training. {'; '.join(sentences)}.",
    )


def _last(evidence: Evidence, rows: pd.DataFrame, axis: str, *, smallest: bool = False) -> str:
    sentences = []
    for name in evidence.present(rows):
        mine = rows[rows["variant"] == name]
        at = mine[axis].min() if smallest else mine[axis].max()
        sentences.append(f"{name}: {mine.loc[mine[axis] == at, 'value'].mean():.4g} at {at:g}")
    return "; ".join(sentences)
