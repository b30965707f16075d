"""Networks trained with one solver and tested with another: the whole grid, and error against evaluations."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter

from reports.figures.curves import legend_below, lines
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH

SOLVERS = {"euler": "Euler", "rk4": "RK4", "implicit_adams": "Adams", "vode_adams": "VODE", "dopri5": "dopri5"}
COARSE_TO_FINE = {"euler": "Euler, by equal steps", "dopri5": "dopri5, by tolerance"}
LARGEST = 5.0
"""Points beyond which a change is drawn in the strongest colour."""


def grid(evidence: Evidence) -> Drawing:
    """Draw by how much the test error changes under each solver: one column for each network, coarse solvers on top."""
    title = "Test error under other solvers than that of training"
    rows = _labelled(evidence, "grid_change")
    if rows.empty:
        return Drawing.missing(title, "grid_change")
    names = evidence.present(rows)
    mean = rows.groupby(["test", "variant"])["value"].mean().unstack().reindex(index=_order(rows), columns=names)
    figure = Figure(figsize=(WIDTH, 1.6 + 0.27 * len(mean)))
    axes = figure.subplots()
    image = axes.imshow(mean, cmap="RdBu_r", vmin=-LARGEST, vmax=LARGEST, aspect="auto")
    for (row, column), value in np.ndenumerate(mean.to_numpy(dtype=float)):
        if np.isfinite(value):
            ink = "white" if abs(value) > 0.6 * LARGEST else "black"
            axes.text(column, row, _signed(value), ha="center", va="center", color=ink, fontsize=7)
    axes.grid(visible=False)
    axes.set_xticks(range(len(names)), names, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(mean)), mean.index, fontsize=8)
    axes.set(xlabel="network, by its training", ylabel="solver in testing")
    figure.colorbar(image, ax=axes, location="top", label="change of test error [points]", extend="both", shrink=0.8)
    worst = "; ".join(f"{name}: at most {mean[name].max():.3g} under {mean[name].idxmax()}" for name in names)
    sizes = evidence.metric("grid_size")["value"]
    images = f" on {sizes.iloc[0]:g} test images" if len(sizes) else ""
    return Drawing(
        title,
        figure,
        f"Test error minus that of the same network under the solver of its training{images}, mean over seeds; "
        f"steps or tolerance in brackets.{evidence.not_finite('grid_change')}",
        f"Largest change of test error in points. {worst}.",
    )


def coarse_to_fine(evidence: Evidence) -> Drawing:
    """Draw test error against evaluations in testing, for two families of solvers."""
    title = "Test error against evaluations in testing"
    rows = _labelled(evidence, "grid_error")
    cost = _labelled(evidence, "grid_nfe")
    rows = rows[rows["test_solver"].isin(list(COARSE_TO_FINE))] if len(rows) else rows
    if rows.empty or cost.empty:
        return Drawing.missing(title, "grid_error")
    # Evaluations of an adaptive solver differ between networks and seeds, so each setting stands at its mean.
    nfe = cost.groupby(["variant", "test"])["value"].mean().rename("nfe").reset_index()
    joined = rows.merge(nfe, on=["variant", "test"])
    sizes = evidence.metric("grid_size")["value"]
    # A logarithm has no place for no error at all: it is drawn where half an image would be.
    joined["value"] = joined["value"].clip(lower=50 / sizes.max() if len(sizes) else 1e-3)
    figure = Figure(figsize=(WIDTH, 6.6))
    panels = figure.subplots(len(COARSE_TO_FINE), 1, sharey=True)
    for axes, (solver, name) in zip(panels, COARSE_TO_FINE.items(), strict=True):
        mine = joined[joined["test_solver"] == solver]
        if not mine.empty:
            lines(axes, mine, "nfe", evidence)
        axes.set(title=name, yscale="log", xlabel="evaluations of a forward pass", ylabel="test error [%]")
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.yaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.yaxis.set_minor_formatter(FormatStrFormatter("%g"))
    legend_below(figure, panels[0] if panels[0].get_legend_handles_labels()[1] else panels[1])
    if panels[1].get_legend() is not None:
        panels[1].get_legend().remove()
    return Drawing(
        title,
        figure,
        "Each network with an ODE, by its training, tested with more and more evaluations. Mean over seeds; the band "
        "spans them; no error at all is drawn as half an image.",
        "Test error from the coarsest to the finest solver. " + "; ".join(_ends(joined, evidence)) + ".",
    )


def _labelled(evidence: Evidence, metric: str) -> pd.DataFrame:
    """Return the rows of a metric of the grid with a column ``test`` that says the solver in words."""
    rows = evidence.metric(metric, "test_solver")
    steps, tolerances = (
        rows[name] if name in rows else pd.Series(np.nan, index=rows.index) for name in ("test_steps", "test_tolerance")
    )
    words = [
        f"{SOLVERS.get(solver, solver)} ({tolerance:.0e})"
        if np.isnan(step)
        else f"{SOLVERS.get(solver, solver)} ({step:g})"
        for solver, step, tolerance in zip(
            rows["test_solver"] if len(rows) else [], steps.astype(float), tolerances.astype(float), strict=True
        )
    ]
    return rows.assign(test=[word.replace("e-0", "e-") for word in words])


def _order(rows: pd.DataFrame) -> list[str]:
    """Return the solvers, family by family and each from coarse to fine."""
    known = list(SOLVERS)
    columns = [name for name in ("test_steps", "test_tolerance") if name in rows]
    distinct = rows.drop_duplicates("test").fillna(dict.fromkeys(columns, 0.0))
    steps = distinct.get("test_steps", pd.Series(0.0, index=distinct.index)).astype(float)
    tolerance = distinct.get("test_tolerance", pd.Series(0.0, index=distinct.index)).astype(float)
    family = distinct["test_solver"].map(lambda name: known.index(name) if name in known else len(known))
    keys = pd.DataFrame({"family": family, "steps": steps, "tolerance": -tolerance, "test": distinct["test"]})
    return list(keys.sort_values(["family", "steps", "tolerance"])["test"])


def _signed(value: float) -> str:
    text = f"{value:+.1f}" if abs(value) < 9.95 else f"{value:+.0f}"
    return "0" if float(text) == 0 else text


def _ends(joined: pd.DataFrame, evidence: Evidence) -> list[str]:
    sentences = []
    for name in evidence.present(joined):
        for solver in COARSE_TO_FINE:
            mine = joined[(joined["variant"] == name) & (joined["test_solver"] == solver)]
            if mine.empty:
                continue
            mean = mine.groupby("nfe")["value"].mean()
            sentences.append(f"{name}, {SOLVERS[solver]}: {mean.iloc[0]:.3g} to {mean.iloc[-1]:.3g} %")
    return sentences
