"""Table 2 and figures 8 to 10 of Chen et al. 2018: RMSE by observations, forecasts, latent paths and a sweep of z0."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.figures.chen2018.spiral_panels import forecasts_by_model, latent_paths, reconstructions, sweep
from reports.figures.curves import curve, lines, seeds_in_words
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import MARKERS, WIDTH, colours, dashes, markers, text_colour

DATA = {"common-centre": "common-centre spirals (ours)", "released": "released generator's spirals"}
PRINTED = "as printed, noise and radii unknown"
RULE = 0.7
"""The ratio that the verdict rule asks for at 30 and 50 observations."""


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the table's page."""
    return {
        "extrapolation": _by_observations(
            evidence, "RMSE on the 100 further points", "extrapolation_rmse", printed=True
        ),
        "ratio": _ratios(evidence),
        "interpolation": _by_observations(evidence, "RMSE at the observed points", "interpolation_rmse"),
        "forecasts": forecasts_by_model(evidence),
        "latent-paths": latent_paths(evidence),
        "sweep": sweep(evidence),
        "reconstructions": reconstructions(evidence),
        "direction": _direction(evidence),
        "training": _training(evidence),
    }


def _only(evidence: Evidence, metric: str, **axes: object) -> pd.DataFrame:
    """Return the rows of a metric with these values on these axes."""
    rows = evidence.metric(metric, "data", "observations", *axes)
    if rows.empty:
        return rows
    for axis, value in axes.items():
        rows = rows[rows[axis] == value]
    return rows


def _by_observations(evidence: Evidence, title: str, metric: str, *, printed: bool = False) -> Drawing:
    rows = _only(evidence, metric, against="truth")
    if rows.empty:
        return Drawing.missing(title, metric)
    panels = [name for name in DATA if name in set(rows["data"])]
    published = _printed(evidence) if printed else {}
    count = len(panels) + bool(published)
    figure = Figure(figsize=(WIDTH, 0.7 + 2.1 * count))
    columns = list(figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0])
    words = []
    for axes, name in zip(columns, panels, strict=False):
        shown = rows[rows["data"] == name]
        lines(axes, shown, "observations", evidence)
        axes.set(title=DATA[name], ylabel="RMSE against truth")
        axes.get_legend().remove()
        highest = shown["value"].max()
        constants = _only(evidence, "constant_rmse", against="truth", data=name)
        if printed and not constants.empty:
            value = constants["value"].mean()
            axes.axhline(value, color=text_colour(), linestyle=":", linewidth=1.2)
            words.append(f"{DATA[name]}, mean position: {value:.3g}")
            highest = max(highest, value)
        axes.set_ylim(0, 1.1 * highest)
        words.append(f"{DATA[name]}: {_in_words(evidence, shown)}")
    if published:
        axes = columns[-1]
        for variant, values in published.items():
            style = {"color": colours(evidence.known)[variant], "marker": markers(evidence.known)[variant]}
            axes.plot(list(values), list(values.values()), linestyle="--", **style)
            words.append(f"{variant} as printed: " + ", ".join(f"{v:.4g} at {n}" for n, v in values.items()))
        axes.set(title=PRINTED, ylabel="RMSE")
        axes.set_ylim(bottom=0)
    columns[-1].set(xlabel="observations of 100 points", xticks=sorted(rows["observations"].unique()))
    _legend(figure, evidence, evidence.present(rows))
    dotted = " Dotted: what the mean position of the training spirals gets." if printed else ""
    caption = f"{seeds_in_words(rows)} RMSE over both coordinates, in units of the positions, on test spirals.{dotted}"
    return Drawing(title, figure, caption + evidence.not_finite(metric), ". ".join(words) + ".")


def _printed(evidence: Evidence) -> Mapping[str, dict[int, float]]:
    """Return the printed RMSE by variant and number of observations."""
    found: dict[str, dict[int, float]] = {}
    for variant in ("rnn", "latent-ode"):
        for count in (30, 50, 100):
            value = evidence.printed(variant, f"{count}/rmse")
            if value is not None:
                found.setdefault(variant, {})[count] = value
    return found


def _ratios(evidence: Evidence) -> Drawing:
    title = "RMSE of the latent ODE over that of the others"
    rows = _only(evidence, "extrapolation_rmse", against="truth")
    if rows.empty or "latent-ode" not in set(rows["variant"]):
        return Drawing.missing(title, "extrapolation_rmse of latent-ode")
    wide = rows.pivot_table(index=["data", "observations", "seed"], columns="variant", values="value")
    others = [name for name in evidence.present(rows) if name != "latent-ode"]
    panels = [name for name in DATA if name in set(rows["data"])]
    figure = Figure(figsize=(WIDTH, 0.9 + 2.2 * len(panels)))
    columns = list(figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0])
    ink, words = text_colour(), []
    ratios = {count: evidence.published.get(f"chen2018/table2/ratio/{count}") for count in (30, 50, 100)}
    known = {count: number.value for count, number in ratios.items() if number is not None and number.value}
    for axes, name in zip(columns, panels, strict=True):
        for other in others:
            ratio = (wide["latent-ode"] / wide[other]).loc[name].dropna()
            mean = np.exp(np.log(ratio).groupby(level="observations").mean())
            style = {"color": colours(evidence.known)[other], "marker": markers(evidence.known)[other]}
            axes.plot(mean.index, mean.to_numpy(), dashes=dashes(evidence.known)[other] or (None, None), **style)
            axes.scatter(ratio.index.get_level_values("observations"), ratio, s=8, color=style["color"], alpha=0.6)
            points = ", ".join(f"{value:.3g} at {count:g}" for count, value in mean.items())
            words.append(f"{DATA[name]}, over {other}: {points}")
        axes.plot(list(known), list(known.values()), color=ink, linestyle="", marker=MARKERS[-1], markersize=6)
        axes.axhline(RULE, color=ink, linestyle=":", linewidth=1.2)
        axes.axhline(1, color=ink, linewidth=0.8)
        axes.set(title=DATA[name], ylabel="ratio", yscale="log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("{x:g}")
    columns[-1].set(xlabel="observations of 100 points", xticks=sorted(rows["observations"].unique()))
    extra = [
        (Line2D([], [], color=ink, linestyle="", marker=MARKERS[-1]), "printed, over the RNN"),
        (Line2D([], [], color=ink, linestyle=":"), "rule: 0.7"),
    ]
    _legend(figure, evidence, others, extra, columns=2, prefix="over ")
    caption = "Below one the latent ODE extrapolates better. Points are seeds, lines their geometric means."
    return Drawing(title, figure, caption, ". ".join(words) + ".")


def _direction(evidence: Evidence) -> Drawing:
    title = "Direction told by a linear probe"
    rows = evidence.metric("direction_accuracy", "probed", "data")
    if not rows.empty:
        rows = rows[(rows["probed"] == "z0") | (rows["variant"] == "latent-ode")]
    if rows.empty:
        return Drawing.missing(title, "direction_accuracy")
    names = rows["data"].astype(str) + ", " + rows["probed"].astype(str)
    names += np.where(rows["probed"] == "z0", " of " + rows["variant"].astype(str), "")
    order = sorted(set(names))
    figure = Figure(figsize=(WIDTH, 1.2 + 0.36 * len(order)))
    axes = figure.subplots()
    palette = colours([f"{count:g}" for count in sorted(rows["observations"].unique())])
    for offset, (count, colour) in enumerate(palette.items()):
        shown = rows["observations"] == float(count)
        places = [order.index(name) + 0.16 * (offset - 1) for name in names[shown]]
        axes.scatter(rows.loc[shown, "value"], places, s=22, color=colour, marker=MARKERS[offset], label=count)
    axes.axvline(50, color=text_colour(), linestyle=":", linewidth=1.2)
    axes.set(xlabel="test spirals told correctly [%]", xlim=(35, 102), yticks=range(len(order)), yticklabels=order)
    axes.invert_yaxis()
    figure.legend(loc="outside lower center", ncols=3, title="observations")
    means = rows.assign(name=names).groupby("name")["value"].mean()
    words = "; ".join(f"{name}: {value:.4g} %" for name, value in means.items())
    caption = "Fitted on training spirals, scored on test spirals; each point is a seed. Dotted: chance."
    return Drawing(title, figure, caption, f"Mean accuracy. {words}.")


def _training(evidence: Evidence) -> Drawing:
    title = "Extrapolation on validation spirals during training"
    rows = evidence.metric("validation_rmse", "iteration", "data", "observations")
    if rows.empty:
        return Drawing.missing(title, "validation_rmse")
    counts = sorted(rows["observations"].unique())
    middle = counts[len(counts) // 2]
    name = next((name for name in DATA if name in set(rows["data"])), str(rows["data"].iloc[0]))
    shown = rows[(rows["data"] == name) & (rows["observations"] == middle)]
    only = Evidence(evidence.experiment, evidence.variants, evidence.headline, shown, evidence.published)
    drawing = curve(only, title, "validation_rmse", "iteration", x="iteration", y="RMSE of extrapolation")
    caption = f"{DATA.get(name, name)}, {middle:g} observations. {drawing.caption}"
    return Drawing(title, drawing.figure, caption, drawing.alternative)


def _legend(
    figure: Figure,
    evidence: Evidence,
    names: list[str],
    extra: list[tuple[Line2D, str]] | None = None,
    *,
    columns: int = 4,
    prefix: str = "",
) -> None:
    palette, shapes, strokes = colours(evidence.known), markers(evidence.known), dashes(evidence.known)
    handles = [
        Line2D([], [], color=palette[name], marker=shapes[name], dashes=strokes[name] or (None, None)) for name in names
    ]
    labels = [f"{prefix}{name}" for name in names]
    for handle, label in extra or []:
        handles.append(handle)
        labels.append(label)
    figure.legend(handles, labels, loc="outside lower center", ncols=min(columns, len(labels)))


def _in_words(evidence: Evidence, rows: pd.DataFrame) -> str:
    means = rows.groupby(["variant", "observations"])["value"].mean()
    return "; ".join(
        f"{name} " + ", ".join(f"{value:.3g} at {count:g}" for count, value in means.loc[name].items())
        for name in evidence.present(rows)
    )
