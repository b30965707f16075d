"""Fig. 3 of Massaroli et al. 2020: annuli, the labels, paths and fields of every model, and the crack in numbers."""

from __future__ import annotations

import math

import pandas as pd

from reports.figures.curves import curve
from reports.figures.drawing import Drawing, Evidence
from reports.figures.massaroli2020.planar_panels import (
    circles,
    class_legend,
    cross,
    draw_field,
    draw_paths,
    fill_inner,
    norm_bar,
    panels,
    window,
)
from reports.figures.theme import text_colour
from reports.figures.variants import by_variant

RADII = (1.0, 2.0)
"""Of the circles of inner and outer class, after scaling."""
HALF_WIDTH = 2.0
"""Of the published pictures."""


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    return {
        "labels": _labels(evidence),
        "paths": _paths(evidence),
        **_fields(evidence),
        "crack": _crack(evidence),
        "excess": _excess(evidence),
        "error": by_variant(evidence, "Fresh points in the wrong class", "test_error", label="wrong labels [%]"),
        "mse": by_variant(evidence, "Mean squared error", "test_mse", label="mean squared error on fresh points [1]"),
        "nfe": by_variant(
            evidence, "Evaluations of the field", "nfe", label="evaluations of a forward solve at the paper's tolerance"
        ),
        "norm": by_variant(
            evidence,
            "Size of the field",
            "largest_field_norm",
            label="largest |f| on a path [length per unit of depth]",
        ),
        "boundary": by_variant(
            evidence,
            "How round the boundary is",
            "boundary_ratio",
            label="furthest inner label / nearest outer label [1]",
        ),
        "training": curve(
            evidence,
            "Mean squared error during training",
            "train_mse",
            "iteration",
            x="iteration",
            y="mean squared error [1]",
            log_y=True,
        ),
    }


def _first_seed(rows: pd.DataFrame) -> pd.DataFrame:
    first: pd.DataFrame = rows[rows["seed"] == rows["seed"].min()]
    return first


def _labels(evidence: Evidence) -> Drawing:
    """Draw where each model sees the inner class, as the published decision boundaries."""
    title = "Decision boundaries"
    rows = _first_seed(evidence.metric("inner_until", "x", "y"))
    if rows.empty:
        return Drawing.missing(title, "inner_until")
    fractions, angles = (_of_seed(evidence, rows, metric) for metric in ("crack_fraction", "crack_angle"))
    names = evidence.present(evidence.metric("crack_fraction"))
    figure, found = panels(names, "x₁ [length]", "x₂ [length]", legend=0.6)
    for axes, name in zip(found, names, strict=True):
        mine = rows[rows["variant"] == name]
        if not mine.empty:
            fill_inner(axes, mine)
        circles(axes, RADII)
        if fractions.get(name, 0.0) > 0 and name in angles:
            place = RADII[1] * math.cos(angles[name]), RADII[1] * math.sin(angles[name])
            axes.plot([place[0]], [place[1]], "x", color=text_colour(), markersize=6, clip_on=False)
        window(axes, HALF_WIDTH)
    class_legend(figure, "areas", [cross()])
    words = "; ".join(f"{name}: {100 * fractions[name]:.3g} %" for name in names if name in fractions)
    return Drawing(
        title,
        figure,
        "Seed 0. A cross marks the largest prediction on the outer circle where it is labelled as inner: the crack "
        "that topology demands of every flow in the plane. Cracks thinner than the picture's lines show by it "
        "alone.",
        f"Where each model labels points as inner. Part of the outer circle labelled as inner: {words}.",
    )


def _of_seed(evidence: Evidence, rows: pd.DataFrame, metric: str) -> dict[str, float]:
    values = evidence.metric(metric)
    values = values[values["seed"] == rows["seed"].min()]
    return {str(name): float(value) for name, value in zip(values["variant"], values["value"], strict=True)}


def _paths(evidence: Evidence) -> Drawing:
    title = "Paths of points on both circles"
    rows = _first_seed(evidence.metric("path", "point", "depth", "first", "label"))
    if rows.empty:
        return Drawing.missing(title, "path")
    names = evidence.present(rows)
    figure, found = panels(names, "z₁ [length]", "z₂ [length]")
    for axes, name in zip(found, names, strict=True):
        draw_paths(axes, rows[rows["variant"] == name])
    class_legend(figure, "lines")
    return Drawing(
        title,
        figure,
        "Seed 0. From hollow marks at depth 0 to full ones at depth 1; every panel has its own scale. The augmented "
        "state (anode) is projected onto the dimensions of the input.",
        f"Paths of points of the inner and the outer circle through the flows of {', '.join(names)}.",
    )


def _fields(evidence: Evidence) -> dict[str, Drawing]:
    """Draw fields that vary with depth at all depths, one figure each, and the others together."""
    title = "Fields that do not vary with depth"
    rows = _first_seed(evidence.metric("field", "x", "y", "depth", "first"))
    if rows.empty:
        return {"field-steady": Drawing.missing(title, "field")}
    depths = rows.groupby("variant")["depth"].nunique()
    steady = [name for name in evidence.present(rows) if depths[name] == 1]
    drawn = {
        f"field-{name}": _field(
            rows[rows["variant"] == name],
            "depth",
            f"Field of {name}",
            {depth: f"s = {depth:g}" for depth in sorted(rows.loc[rows["variant"] == name, "depth"].unique())},
            "Seed 0, at the published depths.",
        )
        for name in evidence.present(rows)
        if depths[name] > 1
    }
    if steady:
        words = (
            "Seed 0. The field of the augmented state is shown where the added dimension is 0, and that of data "
            "control as a point at rest on its own input sees it, f(z, z)."
        )
        drawn["field-steady"] = _field(rows, "variant", title, {name: name for name in steady}, words)
    return drawn


def _field(rows: pd.DataFrame, by: str, title: str, names: dict[str, str], words: str) -> Drawing:
    """Draw a panel for each value of a column."""
    mine = rows[rows[by].isin(list(names))]
    norms = (mine["first"].astype(float) ** 2 + mine["value"].astype(float) ** 2) ** 0.5
    figure, found = panels(list(names.values()), "z₁ [length]", "z₂ [length]", legend=0.5)
    for axes, value in zip(found, names, strict=True):
        draw_field(axes, mine[mine[by] == value], float(norms.max()))
    norm_bar(figure, found, float(norms.max()), "|f| [length per unit of depth]")
    largest = "; ".join(f"{words}: {norms[mine[by] == value].max():.3g}" for value, words in names.items())
    caption = f"{words} Colour is |f|, lines are its direction."
    return Drawing(title, figure, caption, f"Largest |f| in the window: {largest}.")


def _crack(evidence: Evidence) -> Drawing:
    drawing = by_variant(
        evidence, "The crack", "crack_fraction", label="part of the outer circle labelled as inner [1]"
    )
    if drawing.figure is not None:
        drawing.figure.axes[0].set_xscale("symlog", linthresh=1e-4)
        drawing.figure.axes[0].set_xlim(-2e-5, 1)
    return drawing


def _excess(evidence: Evidence) -> Drawing:
    drawing = by_variant(
        evidence,
        "What topology demands",
        "outer_excess",
        label="largest prediction on the outer circle\nminus largest on the inner one [1]",
    )
    if drawing.figure is not None:
        axes = drawing.figure.axes[0]
        axes.axvline(0, color=text_colour(), linewidth=1)
        axes.set_xlim(auto=True)
        axes.autoscale(axis="x")
    return drawing
