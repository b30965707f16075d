"""Panels of trajectories: forecasts by model, reconstructions by observations, latent paths, and a sweep of z0."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH, colours, text_colour

DIRECTIONS = ("counter-clockwise", "clockwise")
OBSERVED_POINTS = 100
KINDS = ("reconstruction", "extrapolation")


def forecasts_by_model(evidence: Evidence) -> Drawing:
    """Draw what each model makes of one test spiral of either direction (figure 8, a and b)."""
    title = "Reconstructions and extrapolations (Figure 8, a and b)"
    rows = _pictures(evidence)
    rows = rows[rows["panel"].isin(DIRECTIONS)]
    counts = sorted(rows["observations"].dropna().unique())
    if not counts:
        return Drawing.missing(title, "picture")
    middle = counts[len(counts) // 2]
    names = evidence.present(rows)
    cells = [(f"{name}", rows[(rows["variant"] == name) & (rows["observations"] == middle)]) for name in names]
    figure = _grid_of_forecasts(cells, _truth(rows))
    words = f"{', '.join(names)} on one spiral of each direction, from {middle:g} observations."
    caption = f"Test spirals of seed 0, {middle:g} noisy observations (points); grey: the truth over all 200 points."
    return Drawing(title, figure, caption, words)


def reconstructions(evidence: Evidence) -> Drawing:
    """Draw the latent ODE's reconstructions from different numbers of observations (figure 10)."""
    title = "Reconstructions by number of observations (Figure 10)"
    rows = _pictures(evidence)
    rows = rows[rows["panel"].isin(DIRECTIONS) & (rows["variant"] == "latent-ode")]
    counts = sorted(rows["observations"].dropna().unique())
    if not counts:
        return Drawing.missing(title, "picture of latent-ode")
    cells = [(f"{count:g} observations", rows[rows["observations"] == count]) for count in counts]
    figure = _grid_of_forecasts(cells, _truth(rows))
    caption = "One latent ODE for each number of observations, on the same test spirals of seed 0."
    words = f"The latent ODE on one spiral of each direction, from {', '.join(f'{n:g}' for n in counts)} observations."
    return Drawing(title, figure, caption, words)


def latent_paths(evidence: Evidence) -> Drawing:
    """Draw latent paths, coloured by direction (figure 8c)."""
    title = "Latent paths by direction (Figure 8c)"
    rows = _pictures(evidence)
    rows = rows[rows["panel"].astype(str).str.startswith("latent ")]
    if rows.empty:
        return Drawing.missing(title, "picture of latent paths")
    figure = Figure(figsize=(WIDTH, 3.9))
    axes = figure.subplots()
    palette = colours(DIRECTIONS)
    for direction in DIRECTIONS:
        shown = rows[rows["panel"] == f"latent {direction}"]
        for number, (_, path) in enumerate(shown.groupby("curve")):
            along = _positions(path)
            dashing = "-" if direction == DIRECTIONS[0] else "--"
            label = None if number else direction
            axes.plot(along["x"], along["y"], color=palette[direction], linestyle=dashing, linewidth=1.2, label=label)
            axes.plot(along["x"].iloc[:1], along["y"].iloc[:1], "o", color=palette[direction], markersize=4)
    axes.set(xlabel="latent, along the probe's normal", ylabel="latent, widest direction across it")
    figure.legend(loc="outside lower center", ncols=2)
    caption = "Paths of 20 test spirals of seed 0 over the observed interval; the point is z0. The plane is ours."
    return Drawing(title, figure, caption, f"{rows['curve'].nunique()} latent paths in a plane, by direction.")


def sweep(evidence: Evidence) -> Drawing:
    """Draw the curves decoded while one coordinate of z0 varies (figure 9)."""
    title = "One coordinate of z0 varied (Figure 9)"
    rows = _pictures(evidence)
    rows = rows[rows["panel"].astype(str).str.startswith("sweep ")]
    if rows.empty:
        return Drawing.missing(title, "picture of a sweep")
    panels = sorted(rows["panel"].unique(), key=lambda name: int(name.split()[1]))
    figure = Figure(figsize=(WIDTH, 2.9))
    grid = figure.subplots(2, (len(panels) + 1) // 2, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, name in zip(grid, panels, strict=False):
        mine = rows[rows["panel"] == name]
        along = _positions(mine)
        axes.plot(along["x"], along["y"], linewidth=1.4)
        axes.plot(along["x"].iloc[:1], along["y"].iloc[:1], "o", markersize=4, color=text_colour())
        axes.set_title(f"{float(mine['curve'].iloc[0]):.2g}", fontsize=9)
        _plain(axes)
    values = [f"{float(rows.loc[rows['panel'] == name, 'curve'].iloc[0]):.2g}" for name in panels]
    caption = "Above each panel the value of the coordinate, below it the decoded curve; the point is its start."
    return Drawing(title, figure, caption, f"Decoded curves for the coordinate at {', '.join(values)}.")


def _pictures(evidence: Evidence) -> pd.DataFrame:
    rows = evidence.metric("picture", "panel", "curve", "step", "coordinate")
    # So that what follows may ask for any axis, of records that lack it too.
    missing = [axis for axis in ("observations", "panel", "curve", "step", "coordinate") if axis not in rows]
    rows = rows.reindex(columns=[*rows.columns, *missing])
    first: pd.DataFrame = rows[rows["seed"] == rows["seed"].min()]
    return first


def _truth(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["curve"] == "truth"]


def _positions(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each step of which both coordinates are there, with the columns x and y."""
    table = rows.pivot_table(index="step", columns="coordinate", values="value").sort_index()
    return table.reindex(columns=["x", "y"]).dropna()


def _grid_of_forecasts(cells: list[tuple[str, pd.DataFrame]], truth: pd.DataFrame) -> Figure:
    figure = Figure(figsize=(WIDTH, 0.6 + 2.0 * len(cells)))
    grid = figure.subplots(len(cells), len(DIRECTIONS), sharex=True, sharey=True, squeeze=False)
    palette, ink = colours(KINDS), text_colour()
    for row, (name, rows) in zip(grid, cells, strict=True):
        for axes, direction in zip(row, DIRECTIONS, strict=True):
            mine, whole = rows[rows["panel"] == direction], _positions(truth[truth["panel"] == direction])
            if not whole.empty:
                axes.plot(whole["x"], whole["y"], color=ink, alpha=0.35, linewidth=3)
            points = _positions(mine[mine["curve"] == "observed"])
            if not points.empty:
                axes.plot(points["x"], points["y"], ".", color=ink, markersize=4)
            found = _positions(mine[mine["curve"] == "model"])
            if not found.empty:
                within, beyond = found[found.index < OBSERVED_POINTS], found[found.index >= OBSERVED_POINTS]
                axes.plot(within["x"], within["y"], color=palette[KINDS[0]], label=KINDS[0])
                axes.plot(beyond["x"], beyond["y"], color=palette[KINDS[1]], linestyle="--", label=KINDS[1])
            axes.set_title(f"{name}, {direction}" if len(name) < 12 else name, fontsize=8.5)
            _plain(axes)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _plain(axes: Axes) -> None:
    axes.set_aspect("equal", adjustable="box")
    axes.tick_params(labelsize=8)
