"""Tracking of a periodic signal: errors over depth, against evaluations and against operations."""

from __future__ import annotations

from reports.figures.curves import seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.poli2020.log_curves import by_effort, by_variant, ends_in_words, name_ticks, panels

UNCERTAIN = "It is not certain that the paper has this experiment."


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    return {
        "operations": _by_operations(evidence),
        "evaluations": _by_evaluations(evidence),
        "depth": _over_depth(evidence),
    }


def _by_evaluations(evidence: Evidence) -> Drawing:
    title = "Error against evaluations"
    rows = evidence.metric("depth_error", "nfe")
    if rows.empty:
        return Drawing.missing(title, "depth_error")
    curves = {"": by_variant(evidence, by_effort(rows, "nfe"))}
    figure = panels(curves, "nfe", x="evaluations of the field", y="absolute error", known=evidence.known)
    (axes,) = figure.axes
    name_ticks(axes, {tick: str(tick) for tick in (8, 16, 32, 64)})
    return Drawing(
        title,
        figure,
        "Mean over depths, held-out trajectories and coordinates. Corrections count for nothing here. "
        f"{seeds_in_words(rows)} {UNCERTAIN}",
        ends_in_words({"evaluations": curves[""]}, "nfe"),
    )


def _by_operations(evidence: Evidence) -> Drawing:
    title = "Error against operations"
    errors = evidence.metric("depth_error", "nfe")
    operations = evidence.metric("operations", "nfe", "batch")
    if errors.empty or operations.empty:
        return Drawing.missing(title, "operations")
    key = ["variant", "seed", "nfe"]
    paid = operations[[*key, "batch", "value"]].rename(columns={"value": "operations"})
    rows = errors.drop(columns="batch").merge(paid, on=key)
    curves = {}
    for batch in sorted(rows["batch"].unique()):
        title_of = "a trajectory alone" if batch == 1 else f"in a batch of {batch:g}"
        curves[title_of] = by_variant(evidence, by_effort(rows[rows["batch"] == batch], "operations"))
    x, known = "multiply-accumulates for a trajectory", evidence.known
    figure = panels(curves, "operations", x=x, y="absolute error", known=known)
    return Drawing(
        title,
        figure,
        "Mean over depths, held-out trajectories and coordinates. Corrections are paid for; a batch shares what it "
        f"takes to put the parameters of a depth together. {seeds_in_words(rows)} {UNCERTAIN}",
        ends_in_words(curves, "operations"),
    )


def _over_depth(evidence: Evidence) -> Drawing:
    title = "Error over depth"
    rows = evidence.metric("error_at_depth", "s", "equal")
    if rows.empty:
        return Drawing.missing(title, "error_at_depth")
    rows = rows[rows["value"] > 0]
    curves = {
        f"equal {equal}": by_variant(evidence, rows[rows["equal"] == equal])
        for equal in ("evaluations", "operations")
        if (rows["equal"] == equal).any()
    }
    figure = panels(curves, "s", x="depth s", y="absolute error", known=evidence.known, linear_x=True)
    return Drawing(
        title,
        figure,
        "At the step that HyperEuler was fitted at, and with the operations it has in a batch. "
        f"{seeds_in_words(rows)} {UNCERTAIN}",
        ends_in_words(curves, "s"),
    )
