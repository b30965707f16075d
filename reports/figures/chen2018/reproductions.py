"""Test errors that others measured of the networks of Table 1, beside ours and the printed ones."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.data_names import data_name
from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH, colours, text_colour

ROWS = {
    "no block": ("no-block", ("issue32/no-block",)),
    "ResNet, 1 block": ("resnet-1", ("saparina/resnet-1", "drawcodeboy/resnet-1")),
    "ResNet, 6 blocks": ("resnet", ("saparina/resnet", "drawcodeboy/resnet")),
    "RK-Net": ("rk-net", ("drawcodeboy/rk-net",)),
    "ODE-Net, Euler": ("euler-1", ("msurtsukov/ode-net", "drawcodeboy/ode-net-euler")),
    "ODE-Net, Adams": ("ode-net-vode", ("drawcodeboy/ode-net-adams-sgd", "drawcodeboy/ode-net-adams-adam")),
    "ODE-Net, Runge-Kutta": ("ode-net", ("saparina/ode-net", "drawcodeboy/ode-net-rk")),
}
"""Each network with our variant of it and the independent reproductions of it, by the ids of their numbers."""
SOURCES = {"saparina": "s", "drawcodeboy": "D", "msurtsukov": "^", "issue32": "<"}
"""Who measured, and their markers."""


def reproductions(evidence: Evidence) -> Drawing:
    """Draw one row for each network: our seeds, others' numbers as open markers, and the printed one."""
    title = "Test errors that others reproduced, beside ours"
    rows = evidence.metric("test_error_last")
    rows = rows[rows["variant"].isin([variant for variant, _ in ROWS.values()])]
    if rows.empty:
        return Drawing.missing(title, "test_error_last")
    figure = Figure(figsize=(WIDTH, 4.2))
    axes = figure.subplots()
    ink, palette = text_colour(), colours(evidence.known)
    sentences, seen = [], set()
    for position, (name, (variant, others)) in enumerate(ROWS.items()):
        ours = rows.loc[rows["variant"] == variant, "value"].tolist()
        axes.plot(ours, [position] * len(ours), "o", color=palette.get(variant, ink), markersize=6)
        words = [f"ours {', '.join(f'{value:.3g}' for value in ours)}"] if ours else []
        for other in others:
            number = evidence.published.get(f"chen2018/table1/{other}/test_error")
            if number is None or number.value is None:
                continue
            who = other.partition("/")[0]
            seen.add(who)
            axes.plot([number.value], [position + 0.25], SOURCES[who], color=ink, markerfacecolor="none", markersize=6)
            words.append(f"{who} {number.value:g}")
        printed = evidence.printed(variant.removesuffix("-vode"), "test_error")
        if printed is not None:
            axes.plot([printed] * 2, [position - 0.4, position + 0.4], color=ink, linestyle="--", linewidth=1.4)
            words.append(f"printed {printed:g}")
        sentences.append(f"{name}: {', '.join(words)}")
    axes.set_yticks(range(len(ROWS)), list(ROWS))
    axes.set(xlabel="test error [%]")
    axes.set_xlim(left=0)
    axes.set_ylim(len(ROWS) - 0.4, -0.6)
    data = f" ({data_name(evidence.stand_in_for)})" if evidence.stand_in_for else ""
    handles = [
        Line2D([], [], color=ink, marker="o", linestyle="", label="ours, last epoch"),
        Line2D([], [], color=ink, linestyle="--", label=f"printed{data}"),
        *(
            Line2D([], [], color=ink, marker=marker, markerfacecolor="none", linestyle="", label=who)
            for who, marker in SOURCES.items()
            if who in seen
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return Drawing(
        title,
        figure,
        "Filled: our seeds. Open: independent reproductions, each with its own architecture, schedule and choice of "
        "epoch; issue32 is an upper bound.",
        f"Test error in percent. {'; '.join(sentences)}.",
    )
