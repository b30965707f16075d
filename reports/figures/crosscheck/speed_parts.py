"""Where a compiled step spends its time: our parts beside diffrax's, and where the difference between them lies."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.drawing import Drawing, Evidence
from reports.figures.theme import WIDTH, colours, text_colour

TITLE = "Where a compiled step spends its time"
OURS, THEIRS = "suite-compiled", "diffrax"
PARTS = {
    "products": "matrix products",
    "kernels": "fused kernels, memory",
    "entry": "entry to compiled code",
    "host": "host, between calls",
    "around": "around them, diffrax",
    "start": "start of the solve",
}
"""Parts that add up to a step, from the left, and what they are called."""
IN_A_STEP = ("kernels", "entry", "host", "around")
"""Those that are neither matrix products nor the start: of diffrax they are seen as one."""
LABELLED = 0.09
"""Part of a panel's width from which on a part is wide enough for its number."""


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw one panel for every variant, field and batch of which parts were measured."""
    rows = evidence.metric("step_seconds", "library", "part", "field", "batch")
    if rows.empty:
        return {"parts": Drawing.missing(TITLE, "step_seconds")}
    seconds = rows.groupby(["variant", "field", "batch", "library", "part"], sort=False)["value"].min()
    cases = list(dict.fromkeys(key[:3] for key in seconds.index))
    cases.sort(key=lambda case: evidence.known.index(case[0]), reverse=True)
    figure = Figure(figsize=(WIDTH, 1.0 + 1.35 * len(cases)))
    panels = list(figure.subplots(len(cases), 1, squeeze=False)[:, 0])
    words, told = [], []
    for axes, case in zip(panels, cases, strict=True):
        of = {name: seconds[case][name] for name in (OURS, THEIRS) if name in seconds[case].index}
        _bars(axes, of)
        axes.set_title(_name(case), loc="left")
        words.append(f"{_name(case)}: " + "; ".join(_in_words(name, parts) for name, parts in of.items()))
        told.append(_difference(case, of) + _cores(evidence, case))
    panels[-1].set_xlabel("microseconds of one step")
    _legend(figure, panels)
    return {
        "parts": Drawing(
            TITLE,
            figure,
            "A compiled solve over its steps, split into parts that add up to it, by fastest times. Matrix products "
            "are timed in compiled code that does nothing else, the entry in code that does next to nothing; the other "
            "parts are differences, drawn to the left of 0 where noise makes one negative. Of diffrax nothing finer "
            f"is seen than its products and what is around them. {_counts(evidence)}{' '.join(told)}",
            f"Microseconds of one step. {'. '.join(words)}.",
        )
    }


def _bars(axes: Axes, of: dict[str, pd.Series[float]]) -> None:
    palette = colours(list(PARTS))
    width = max(parts["whole"] for parts in of.values())
    for place, parts in enumerate(of.values()):
        right = left = 0.0
        for part in (name for name in PARTS if name in parts):
            value = parts[part]
            start = right if value >= 0 else left
            axes.barh(
                place, 1e6 * value, left=1e6 * start, height=0.68, color=palette[part], label=PARTS[part], linewidth=0
            )
            if value > LABELLED * width:
                middle = 1e6 * (start + value / 2)
                axes.text(middle, place, f"{1e6 * value:.0f}", ha="center", va="center", color="white", fontsize=8)
            right, left = (right + value, left) if value >= 0 else (right, left + value)
        axes.text(1e6 * right, place, f" {1e6 * parts['whole']:,.0f}", ha="left", va="center", fontsize=9)
    axes.axvline(0, color=text_colour(), linewidth=0.8)
    axes.set_yticks(range(len(of)), ["ours" if name == OURS else name for name in of])
    axes.set_ylim(len(of) - 0.5, -0.5)
    axes.margins(x=0.12)
    axes.grid(visible=False, axis="y")


def _legend(figure: Figure, panels: list[Axes]) -> None:
    """Put the names of the parts below, in the order of the bars."""
    found = {label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    labels = [label for label in PARTS.values() if label in found]
    figure.legend([found[label] for label in labels], labels, loc="outside lower center", ncols=2)


def _counts(evidence: Evidence) -> str:
    """Say what one compiled step consists of, or nothing."""
    kernels, products = (evidence.metric(name, "field", "batch") for name in ("step_kernels", "step_products"))
    words = []
    for variant in evidence.present(kernels) if not kernels.empty else ():
        several, multiplied = (rows.loc[rows["variant"] == variant, "value"].max() for rows in (kernels, products))
        words.append(f"{several:.3g} fused kernels and {multiplied:.3g} matrix products in {_method(variant)}")
    return f"One compiled step has {' and '.join(words)}. " if words else ""


def _difference(case: tuple[str, str, float], of: dict[str, pd.Series[float]]) -> str:
    """Say where the difference between a step of ours and one of diffrax lies."""
    ours = of[OURS]
    if THEIRS not in of:
        return f"{_name(case)}: ours {_micro(ours['whole'])}; diffrax was not measured."
    theirs = of[THEIRS]
    by_part = {
        "the matrix products": ours["products"] - theirs["products"],
        "what is around them in a step": _in_a_step(ours) - _in_a_step(theirs),
        "the start of the solve": ours["start"] - theirs["start"],
    }
    gap = ours["whole"] - theirs["whole"]
    parts = ", ".join(f"{name} {_signed(value)}" for name, value in by_part.items())
    most = max(by_part, key=lambda name: by_part[name])
    remains = f"most of what remains is {most}" if gap > 0 else "nothing remains to be caught"
    return (
        f"{_name(case)}: ours takes {_micro(ours['whole'])} a step, {ours['whole'] / theirs['whole']:.2f} times the "
        f"{_micro(theirs['whole'])} of diffrax. The difference of {_signed(gap)} is {parts}: {remains}."
    )


def _cores(evidence: Evidence, case: tuple[str, str, float]) -> str:
    """Say how many cores each kept busy, where that is more than one."""
    rows = evidence.metric("cores", "library", "field", "batch")
    if rows.empty:
        return ""
    variant, field, batch = case
    rows = rows[(rows["variant"] == variant) & (rows["field"] == field) & (rows["batch"] == batch)]
    cores = rows.groupby("library")["value"].max()
    if THEIRS not in cores or cores[THEIRS] <= 1.1:
        return ""
    return f" Of this diffrax computes on {cores[THEIRS]:.2g} cores, ours on {cores[OURS]:.2g}."


def _in_a_step(parts: pd.Series[float]) -> float:
    return float(sum(parts[part] for part in IN_A_STEP if part in parts))


def _in_words(library: str, parts: pd.Series[float]) -> str:
    listed = ", ".join(f"{PARTS[part]} {1e6 * parts[part]:.0f}" for part in PARTS if part in parts)
    return f"{library} {1e6 * parts['whole']:.0f}, of which {listed}"


def _name(case: tuple[str, str, float]) -> str:
    variant, field, batch = case
    return f"{_method(variant)}, field {field}, batch {batch:g}"


def _method(variant: str) -> str:
    return variant.partition("-")[0]


def _micro(seconds: float) -> str:
    return f"{1e6 * seconds:.0f} µs"


def _signed(seconds: float) -> str:
    return f"{1e6 * seconds:+.0f} µs".replace("-", "\N{MINUS SIGN}")
