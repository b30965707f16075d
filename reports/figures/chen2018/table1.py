"""Table 1 of Chen et al. 2018: test error, NFE, memory and time against depth, and solvers changed in testing."""

from __future__ import annotations

from functools import partial

from matplotlib.figure import Figure

from reports.figures.chen2018.reproductions import reproductions
from reports.figures.curves import curve
from reports.figures.drawing import Drawing, Evidence
from reports.figures.solver_grid import coarse_to_fine, grid
from reports.figures.theme import WIDTH, colours, markers
from reports.figures.variants import by_variant

MEBIBYTE = 2**20
MILLISECOND = 1e-3


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the table's page."""
    error = partial(by_variant, evidence, label="test error [%]", published="test_error")
    by_epoch = partial(curve, evidence, axis="epoch", x="epoch")
    by_depth = partial(curve, evidence, axis="depth", x="depth [residual blocks or forward NFE]")
    return {
        "test-error-last": error("Test error after the last epoch", "test_error_last"),
        "test-error-best": error("Test error of the best epoch", "test_error_best"),
        "last-minus-best": by_variant(
            evidence,
            "What choosing the best epoch by the test set would take off",
            "last_minus_best",
            label="test error, last epoch minus best [points]",
        ),
        "reproductions": reproductions(evidence),
        "training": by_epoch("Test error during training", "test_error", y="test error [%]"),
        "nfe-forward": by_epoch("NFE of the forward solve", "nfe_forward", y="evaluations per minibatch"),
        "nfe-backward": by_epoch("NFE of the backward pass", "nfe_backward", y="evaluations per minibatch"),
        "memory": by_depth(
            "Memory kept for the backward pass", "saved_bytes", y="saved tensors [MiB]", scale=1 / MEBIBYTE
        ),
        "time": by_depth("Time of one training step", "step_seconds", y="time of a step [ms]", scale=1 / MILLISECOND),
        "adjoint-time": _adjoint_time(evidence),
        "solver-grid": grid(evidence),
        "coarse-to-fine": coarse_to_fine(evidence),
    }


def _adjoint_time(evidence: Evidence) -> Drawing:
    """Draw time of a step by the adjoint and by direct backpropagation, of the same network on the same batch."""
    title = "Adjoint and direct backpropagation at the same weights"
    ways = {"adjoint": "step_seconds", "direct": "direct_step_seconds"}
    if evidence.metric("direct_step_seconds", "tolerance").empty:
        return Drawing.missing(title, "direct_step_seconds")
    figure = Figure(figsize=(WIDTH, 3.4))
    axes = figure.subplots()
    sentences = []
    for way, metric in ways.items():
        rows = evidence.metric(metric, "tolerance")
        rows = rows[rows["variant"] == "ode-net"]
        # A disturbance makes a time longer and never shorter: of repeats the fastest counts.
        fastest = rows.groupby(["seed", "tolerance"])["value"].min().groupby("tolerance") if len(rows) else None
        if fastest is None:
            continue
        mean = fastest.mean() / MILLISECOND
        look = list(ways)
        axes.plot(mean.index, mean, label=way, color=colours(look)[way], marker=markers(look)[way])
        axes.fill_between(
            mean.index, fastest.min() / MILLISECOND, fastest.max() / MILLISECOND,
            color=colours(look)[way], alpha=0.2, linewidth=0,
        )  # fmt: skip
        sentences.append(
            f"{way}: {mean.iloc[-1]:.3g} ms at {mean.index[-1]:g}, {mean.iloc[0]:.3g} at {mean.index[0]:g}"
        )
    axes.set(xscale="log", xlabel="tolerance, relative and absolute", ylabel="time of a step [ms]")
    axes.set_ylim(bottom=0)
    axes.invert_xaxis()
    figure.legend(loc="outside lower center", ncols=2)
    return Drawing(
        title,
        figure,
        "Forward and backward pass of the trained ODE-Net on one batch; fastest of the repeats, mean over seeds.",
        f"Time of a step against tolerance. {'; '.join(sentences)}.",
    )
