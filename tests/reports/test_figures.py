from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from reference import published as published_numbers
from reports.figures import generic
from reports.figures.chen2018 import table1
from reports.figures.crosscheck import gradients
from reports.figures.drawing import Drawing, Evidence
from reports.figures.rendering import draw_function
from reports.figures.theme import DARK, LIGHT, Theme, darkened, svg
from suite.harness.records import Records
from tests.reports.synthetic import EXPERIMENTS, Gradients, Table1

SVG = "{http://www.w3.org/2000/svg}"


def evidence(records: Records, experiment: str, profile: str = "quick") -> Evidence:
    declared = EXPERIMENTS[experiment]
    rows = records.rows[(records.rows["experiment"] == experiment) & (records.rows["profile"] == profile)]
    return Evidence(experiment, declared.variants, declared.headline, rows, published_numbers.load())


def labels(drawing: Drawing) -> str:
    assert drawing.figure is not None
    drawn = ET.fromstring(svg(drawing.figure))
    return " ".join("".join(text.itertext()).strip() for text in drawn.iter(f"{SVG}text"))


@pytest.fixture(scope="module")
def of_table1(records: Records) -> dict[str, Drawing]:
    with LIGHT.applied():
        return table1.draw(evidence(records, Table1.id))


@pytest.mark.usefixtures("light")
def test_table1_marks_the_published_error_of_each_variant(of_table1: dict[str, Drawing]) -> None:
    text = labels(of_table1["test-error-last"])
    for word in (*Table1.variants, "test error [%]", "published (MNIST)", "0.41", "0.42", "0.47", "1.6"):
        assert word in text
    assert "ode-net: 2, 2.15, 2.3 (published 0.42)" in of_table1["test-error-last"].alternative


@pytest.mark.usefixtures("light")
@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("training", "epoch", "test error [%]"),
        ("nfe-forward", "epoch", "evaluations per minibatch"),
        ("nfe-backward", "epoch", "evaluations per minibatch"),
        ("memory", "depth [residual blocks or forward NFE]", "saved tensors [MiB]"),
        ("time", "depth [residual blocks or forward NFE]", "time of a step [ms]"),
    ],
)
def test_table1_curves_label_axes_with_units(of_table1: dict[str, Drawing], name: str, x: str, y: str) -> None:
    text = labels(of_table1[name])
    assert x in text
    assert y in text
    assert "ode-net" in text


def test_curve_passes_through_the_mean_over_seeds_of_the_mean_over_repeats(of_table1: dict[str, Drawing]) -> None:
    figure = of_table1["time"].figure
    assert figure is not None
    points = [np.array(line.get_xydata()) for line in figure.axes[0].lines]
    resnet = next(each for each in points if len(each) and each[:, 0].tolist() == [1, 2, 4, 6, 9])
    assert resnet[:, 1] == pytest.approx([10, 20, 40, 60, 90])


def test_gradient_panels_show_every_mode_and_the_tolerance_itself(records: Records) -> None:
    with LIGHT.applied():
        drawn = gradients.draw(evidence(records, Gradients.id))
        text = labels(drawn["error-van-der-pol-dopri5"])
    assert {"error-linear-dopri5", "nfe-linear-dopri5", "nfe-van-der-pol-dopri5"} < set(drawn)
    for word in (*Gradients.variants, "error = tolerance", "tolerance, relative and absolute"):
        assert word in text
    figure = drawn["error-linear-dopri5"].figure
    assert figure is not None
    diagonal = [line for line in figure.axes[0].lines if line.get_label() == "error = tolerance"]
    assert np.array(diagonal[0].get_xydata()).tolist() == [[1e-10, 1e-10], [1e-4, 1e-4]]


@pytest.mark.parametrize("draw", [table1.draw, gradients.draw, generic.draw])
def test_without_data_every_figure_says_so(draw: object, records: Records) -> None:
    nothing = Evidence("chen2018/table1", ("a",), "score", records.rows.iloc[:0], {})
    assert callable(draw)
    drawn = draw(nothing)
    assert drawn
    for drawing in drawn.values():
        assert drawing.figure is None
        assert "No data" in drawing.caption


def test_experiment_without_figure_module_gets_its_headline(records: Records) -> None:
    assert draw_function("somebody/pendulum-swing") is generic.draw
    assert draw_function("chen2018/no-such-figure") is generic.draw
    assert draw_function("chen2018/table1") is table1.draw
    with LIGHT.applied():
        drawing = generic.draw(evidence(records, "somebody/pendulum-swing"))["headline"]
        text = labels(drawing)
    assert "energy_drift [J]" in text
    assert "1 value that is not finite is not drawn" in drawing.caption


def test_generic_figure_follows_the_axis_of_the_headline() -> None:
    rows = pd.DataFrame(
        [("a", 0, "score", value, "1", "", epoch) for epoch, value in enumerate((3.0, 2.0, 1.0))],
        columns=["variant", "seed", "metric", "value", "unit", "stand_in_for", "epoch"],
    )
    drawing = generic.draw(Evidence("x/y", ("a",), "score", rows, {}))["headline"]
    assert drawing.figure is not None
    assert drawing.figure.axes[0].get_xlabel() == "epoch"


@pytest.mark.parametrize("name", [Table1.id, Gradients.id, "somebody/pendulum-swing"])
def test_recoloured_figures_are_those_drawn_in_the_dark_theme(records: Records, name: str) -> None:
    shown = evidence(records, name)
    if name == Gradients.id:  # a problem has the figures of every other
        shown = replace(shown, rows=shown.rows[shown.rows["problem"] == "linear"])
    written: dict[str, list[str]] = {}
    for theme in (LIGHT, DARK):
        with theme.applied():
            figures = [drawing.figure for drawing in draw_function(name)(shown).values()]
            written[theme.name] = [svg(figure) for figure in figures if figure is not None]
    assert written["light"]
    assert without_names(map(darkened, written["light"])) == without_names(written["dark"])
    assert all(light != darkened(light) for light in written["light"])


def without_names(drawn: Iterable[str]) -> list[str]:
    """Leave out the names of markers and clips, which matplotlib makes from their look."""
    return [re.sub(r"\b[mp][0-9a-f]{10}\b", "name", each) for each in drawn]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_colours_stand_out_from_the_page(theme: Theme) -> None:
    page = {"light": "#fdfcf9", "dark": "#16181b"}[theme.name]
    assert contrast(theme.text, page) >= 4.5
    assert all(contrast(colour, page) >= 3 for colour in theme.palette)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio of two colours."""
    dark, light = sorted(luminance(colour) for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """WCAG 2.2 relative luminance of an sRGB colour."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
