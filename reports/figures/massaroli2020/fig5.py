"""Figure 5 of Massaroli et al. 2020: depths, paths and errors of adaptive depth."""

from __future__ import annotations

from matplotlib.figure import Figure

from reports.figures.curves import legend_below
from reports.figures.drawing import Drawing, Evidence
from reports.figures.massaroli2020.reflection import errors
from reports.figures.theme import WIDTH, colours, dashes, text_colour


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the page."""
    floors = evidence.metric("floor")["value"].astype(float)
    return {
        "paths": _paths(evidence),
        "depth": _depth(evidence),
        "errors": errors(evidence, "mse", None if floors.empty else round(float(floors.iloc[0]), 4)),
        "training": _training(evidence),
    }


def _paths(evidence: Evidence) -> Drawing:
    """Draw the paths of every model in the plane of depth and state, each to its own depth."""
    title = "Paths to depths of their own"
    depths, states = (evidence.metric(name, "x", "fraction") for name in ("path_depth", "path_state"))
    if depths.empty or states.empty:
        return Drawing.missing(title, "path_state")
    keys = ["variant", "seed", "x", "fraction"]
    rows = states.merge(depths[[*keys, "value"]], on=keys, suffixes=("", "_depth"))
    rows = rows[rows["seed"] == rows["seed"].min()]
    shown = evidence.present(rows)
    figure = Figure(figsize=(WIDTH, 0.4 + 2.1 * len(shown)))
    panels = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    palette, ink = colours(evidence.known), text_colour()
    for axes, variant in zip(panels, shown, strict=True):
        own = rows[rows["variant"] == variant].sort_values("fraction")
        for number, (x, path) in enumerate(own.groupby("x")):
            s, z = path["value_depth"].astype(float), path["value"].astype(float)
            labelled = number == 0
            axes.plot(s, z, color=palette[variant], linewidth=1)
            axes.plot(s.iloc[-1:], z.iloc[-1:], "o", color=palette[variant], markersize=4,
                      label="end at S(x)" if labelled else None)  # fmt: skip
            axes.plot(
                s.iloc[-1:], [-float(str(x))], "x", color=ink, markersize=5, label="target -x" if labelled else None
            )
        axes.set_title(variant)
        axes.set_ylabel("state z")
    panels[-1].set_xlabel("depth s")
    legend_below(figure, panels[0], columns=2)
    reached = rows[rows["fraction"] == 1].groupby("variant")["value_depth"]
    words = "; ".join(f"{name}: depths from {reached.min()[name]:.3g} to {reached.max()[name]:.3g}" for name in shown)
    crossed = evidence.metric("crossings").groupby("variant")["value"].sum()
    counts = "; ".join(f"{name}: {crossed[name]:g}" for name in shown if name in crossed)
    return Drawing(
        title,
        figure,
        "Each path is one start at depth 0, of the best training of one seed, followed to the depth that its network "
        f"gives. Neighbouring paths that cross, of all seeds: {counts}.",
        f"States against depth. {words}.",
    )


def _depth(evidence: Evidence) -> Drawing:
    """Draw the depth of every input."""
    title = "Depth of every input"
    rows = evidence.metric("depth", "x")
    if rows.empty:
        return Drawing.missing(title, "depth")
    rows = rows[rows["seed"] == rows["seed"].min()]
    figure = Figure(figsize=(WIDTH, 3.2))
    axes = figure.subplots()
    palette, patterns, shown = colours(evidence.known), dashes(evidence.known), evidence.present(rows)
    words = []
    for variant in shown:
        own = rows[rows["variant"] == variant].sort_values("x")
        values = own["value"].astype(float)
        axes.plot(
            own["x"].astype(float),
            values,
            color=palette[variant],
            label=variant,
            dashes=patterns[variant] or (None, None),
        )
        words.append(f"{variant}: {values.iloc[0]:.3g} at -1, {values.iloc[-1]:.3g} at 1")
    axes.set(xlabel="input x", ylabel="depth S(x)")
    legend_below(figure, axes, columns=2)
    return Drawing(
        title,
        figure,
        "Depth to which every input is followed, of the best training of one seed. It starts near 1 where it is "
        "positive, and near 0 where it is signed.",
        f"Depth against input. {'; '.join(words)}.",
    )


def _training(evidence: Evidence) -> Drawing:
    title = "Error during training"
    rows = evidence.metric("train_mse", "iteration", "restart")
    if rows.empty:
        return Drawing.missing(title, "train_mse")
    figure = Figure(figsize=(WIDTH, 3.6))
    axes = figure.subplots()
    palette, patterns = colours(evidence.known), dashes(evidence.known)
    for number, variant in enumerate(evidence.present(rows)):
        own = rows[rows["variant"] == variant].sort_values("iteration")
        for index, (_, course) in enumerate(own.groupby(["seed", "restart"])):
            axes.plot(
                course["iteration"].astype(float),
                course["value"].astype(float),
                color=palette[variant],
                dashes=patterns[variant] or (None, None),
                linewidth=1,
                zorder=2 + number,
                label=variant if index == 0 else None,
            )
    axes.set(yscale="log", xlabel="iteration", ylabel="mean squared error")
    legend_below(figure, axes, columns=2)
    rate = evidence.metric("success_rate").groupby("variant")["value"].mean()
    words = "; ".join(f"{name}: {100 * rate[name]:.0f} % learn it" for name in evidence.present(rows) if name in rate)
    return Drawing(
        title,
        figure,
        "Each curve is one training." + evidence.not_finite("train_mse"),
        f"Error against iteration. {words}.",
    )
