"""The figures of Table 1 of Massaroli et al. 2020, the same for either data set."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FormatStrFormatter

from reports.figures.curves import curve
from reports.figures.drawing import Drawing, Evidence
from reports.figures.solver_grid import grid
from reports.figures.theme import WIDTH, colours, markers, text_colour
from reports.figures.variants import by_variant

ROWS = ("node", "anode", "il-node", "second-order")
REPRODUCED = ("epochs-12", "epochs-20")
"""Runs of an independent reproduction, by their length."""
OPEN_SIZES = {"printed": 9.0, "reproduction by another": 5.0}
"""Open markers and their sizes, in the colour and shape of the row."""
EVALUATIONS = "evaluations of a forward solve"


def draw_table(evidence: Evidence, data: str) -> dict[str, Drawing]:
    """Draw every figure of one half of the table.

    Args:
        evidence: What to draw from.
        data: ``mnist`` or ``cifar10``, as the ids of the published numbers have it.
    """
    own = _under_own_names(evidence, data)

    def by_epoch(title: str, metric: str, *, y: str) -> Drawing:
        # Three of these names are wider than the figure.
        return curve(own, title, metric, "epoch", x="epoch", y=y, columns=2)

    return {
        "accuracy": by_variant(
            own,
            "Test accuracy after the last epoch",
            "test_accuracy_last",
            label="test accuracy [%]",
            published="test_accuracy",
            from_zero=False,
        ),
        "evaluations": by_variant(
            own,
            "Evaluations of a forward solve in the last epoch of training",
            "nfe_forward_last",
            label=f"{EVALUATIONS} [1]",
            published="nfe_forward",
        ),
        "accuracy-against-evaluations": _accuracy_against_evaluations(own, data),
        "parameters": by_variant(
            own,
            "Parameters at the published setting",
            "parameters_published",
            label="parameters [1]",
            published="parameters_exact",
            from_zero=False,
        ),
        "training": by_epoch("Test accuracy during training", "test_accuracy", y="test accuracy [%]"),
        "loss": by_epoch("Training loss", "train_loss", y="cross-entropy [nats]"),
        "nfe-forward": by_epoch("NFE of the forward solve", "nfe_forward", y="evaluations per minibatch"),
        "nfe-backward": by_epoch("NFE of the backward pass", "nfe_backward", y="evaluations per minibatch"),
        "untrained": by_variant(
            own, "Evaluations of a forward solve before training", "nfe_untrained", label=f"{EVALUATIONS} [1]"
        ),
        "solver-grid": grid(own),
    }


def _under_own_names(evidence: Evidence, data: str) -> Evidence:
    """Return the evidence with the numbers of one data set under the names of its variants."""
    prefix = f"massaroli2020/table1/{data}/"
    numbers = {
        f"{evidence.experiment}/{name.removeprefix(prefix)}": number
        for name, number in evidence.published.items()
        if name.startswith(prefix)
    }
    return replace(evidence, published={**evidence.published, **numbers})


def _accuracy_against_evaluations(evidence: Evidence, data: str) -> Drawing:
    """Draw each network by its accuracy and its evaluations, with the printed points and others' reproductions."""
    title = "Accuracy against evaluations"
    accuracy, cost = evidence.metric("test_accuracy_last"), evidence.metric("nfe_forward_last")
    pairs = accuracy.merge(cost, on=["variant", "seed"], suffixes=("", "_nfe"))
    if pairs.empty:
        return Drawing.missing(title, "nfe_forward_last")
    figure = Figure(figsize=(WIDTH, 3.8))
    axes = figure.subplots()
    names = evidence.present(pairs)
    sentences = []
    for name in names:
        mine = pairs[pairs["variant"] == name]
        colour, marker = colours(evidence.known)[name], markers(evidence.known)[name]
        axes.plot(mine["value_nfe"], mine["value"], linestyle="", label=name, color=colour, marker=marker)
        sentences.append(f"{name}: {mine['value'].mean():.4g} % at {mine['value_nfe'].mean():.3g}")
    handles, labels = axes.get_legend_handles_labels()
    for name in ROWS:
        sentences += _others(axes, evidence, name, data)
    handles += [
        Line2D([], [], color=text_colour(), marker="o", markerfacecolor="none", markersize=size, linestyle="")
        for size in OPEN_SIZES.values()
    ]
    figure.legend(handles, [*labels, *OPEN_SIZES], loc="outside lower center", ncols=2)
    axes.set(xlabel=f"{EVALUATIONS} [1]", ylabel="test accuracy [%]")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    return Drawing(
        title,
        figure,
        "Filled: our networks with an ODE, one point for each seed. Open, in the same colour and shape: "
        "the printed row (large) and an independent reproduction with widths of its own (small).",
        f"Test accuracy against evaluations of a forward solve. {'; '.join(sentences)}.",
    )


def _others(axes: Axes, evidence: Evidence, name: str, data: str) -> list[str]:
    """Draw what the paper and the reproduction say of one row, and return it in words."""
    printed, reproduced = OPEN_SIZES
    points = [(printed, printed, f"massaroli2020/table1/{data}/{name}")]
    points += [
        (reproduced, f"reproduced, {run}", f"massaroli2020/table1/chieh/{data}/{name}/{run}") for run in REPRODUCED
    ]
    words = []
    for kind, who, stem in points:
        accuracy, cost = (evidence.published.get(f"{stem}/{metric}") for metric in ("test_accuracy", "nfe_forward"))
        if accuracy is None or cost is None or accuracy.value is None or cost.value is None:
            continue
        colour, marker = colours(evidence.known)[name], markers(evidence.known)[name]
        axes.plot(cost.value, accuracy.value, marker, color=colour, markerfacecolor="none", markersize=OPEN_SIZES[kind])
        words.append(f"{name} {who}: {accuracy.value:g} % at {cost.value:g}")
    return words
