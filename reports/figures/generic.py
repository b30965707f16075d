"""The figure of an experiment that brings none of its own: its headline metric for each variant."""

from __future__ import annotations

from reports.figures.curves import curve
from reports.figures.drawing import Drawing, Evidence
from reports.figures.variants import by_variant


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw the headline metric: by variant when it has no axes, else against the first numeric axis it has."""
    metric = evidence.headline
    unit = evidence.unit(metric)
    label = f"{metric} [{unit}]" if unit else metric
    title = metric.replace("_", " ")
    for axis in ("epoch", "iteration", "t", "tolerance", "depth"):
        if not evidence.metric(metric, axis).empty:
            return {"headline": curve(evidence, title, metric, axis, x=axis, y=label)}
    return {"headline": by_variant(evidence, title, metric, label=label, published=metric)}
