"""Figures of the annuli, the input networks and the last activations, from synthetic rows and from partial ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from reports.figures.massaroli2020 import activations, fig3, fig6
from suite.declarations import Experiment
from suite.experiments.massaroli2020.activations import Activations
from suite.experiments.massaroli2020.fig3 import Fig3
from suite.experiments.massaroli2020.fig6 import Fig6
from tests.reports.drawn import Row, evidence, points

pytestmark = pytest.mark.usefixtures("light")


def picture_rows(variant: str, crack: float) -> list[Row]:
    rows: list[Row] = [
        {"variant": variant, "metric": "crack_fraction", "value": crack},
        {"variant": variant, "metric": "crack_angle", "value": math.pi / 2},
        {"variant": variant, "metric": "outer_excess", "value": crack - 0.5},
    ]
    for y in (-0.5, 0.0, 0.5):
        rows.append({"variant": variant, "metric": "inner_until", "x": -1.0, "y": y, "value": 1.25})
    for depth in (0.0, 1.0):
        path: Row = {"variant": variant, "metric": "path", "point": 3, "label": 1, "depth": depth}
        rows.append({**path, "first": 2 * depth, "value": 3 * depth})
    return rows


def field_rows(variant: str, depths: tuple[float, ...]) -> list[Row]:
    return [
        {"variant": variant, "metric": "field", "depth": s, "x": x, "y": y, "first": 3.0 + s, "value": 4.0}
        for s in depths
        for x in (-2.0, 0.0, 2.0)
        for y in (-2.0, 0.0, 2.0)
    ]


def test_inner_labels_are_filled_and_a_crack_is_marked_where_it_is() -> None:
    drawn = fig3.draw(evidence(Fig3, picture_rows("vanilla", 0.01) + picture_rows("data-control", 0.0)))["labels"]
    assert drawn.figure is not None
    cracked, whole = (axes for axes in drawn.figure.axes if axes.get_visible())
    boxes = [patch for patch in cracked.patches if isinstance(patch, Rectangle)]
    assert {(box.get_x(), box.get_width(), box.get_height()) for box in boxes} == {(-1.0, 2.25, 0.5)}
    (mark,) = cracked.lines
    assert np.asarray(mark.get_xydata())[0].tolist() == pytest.approx([0.0, 2.0])
    assert not whole.lines
    assert "vanilla: 1 %; data-control: 0 %" in drawn.alternative


def test_paths_begin_hollow_and_end_full() -> None:
    drawn = fig3.draw(evidence(Fig3, picture_rows("vanilla", 0.01)))["paths"]
    assert points(drawn) == [[[0.0, 0.0], [2.0, 3.0]], [[0.0, 0.0]], [[2.0, 3.0]]]


def test_fields_that_vary_with_depth_have_a_figure_of_their_own() -> None:
    rows = field_rows("galerkin", (0.0, 0.5, 1.0)) + field_rows("vanilla", (0.0,))
    drawn = fig3.draw(evidence(Fig3, rows))
    varying, steady = drawn["field-galerkin"], drawn["field-steady"]
    assert varying.figure is not None
    assert steady.figure is not None
    titles = [axes.get_title() for axes in varying.figure.axes if axes.images]
    assert titles == ["s = 0", "s = 0.5", "s = 1"]
    image = np.asarray(varying.figure.axes[0].images[0].get_array())
    assert image.shape == (3, 3)
    assert np.allclose(image, 5.0)
    assert "s = 1: 5.66" in varying.alternative
    assert "vanilla: 5" in steady.alternative


def test_excess_shows_both_sides_of_zero() -> None:
    drawn = fig3.draw(evidence(Fig3, picture_rows("vanilla", 0.6) + picture_rows("data-control", 0.0)))["excess"]
    assert drawn.figure is not None
    low, high = drawn.figure.axes[0].get_xlim()
    assert low < -0.5 < 0.1 < high


def test_states_before_the_flow_are_drawn_with_the_paths_behind() -> None:
    rows: list[Row] = [
        {"variant": "network-flow", "metric": "state", "label": 1, "first": 0.5, "value": 0.25},
        {"variant": "network-flow", "metric": "state", "label": 0, "first": -0.5, "value": -0.25},
        {"variant": "network-flow", "metric": "probe_accuracy", "value": 99.5},
        {"variant": "network-flow", "metric": "final_probe_accuracy", "value": 100.0},
        *picture_rows("network-flow", 0.0),
    ]
    drawn = fig6.draw(evidence(Fig6, rows))
    assert [[0.5, 0.25]] in points(drawn["states"])
    assert [[0.0, 0.0], [2.0, 3.0]] in points(drawn["states"])
    assert "network-flow: a line separates 99.5 %" in drawn["states"].alternative
    assert "network-flow, after the flow: 100" in drawn["probes"].alternative
    assert drawn["straightness"].figure is None


def activation_rows(variant: str, fall: float) -> list[Row]:
    rows: list[Row] = [
        {"variant": variant, "metric": "shift_error", "value": 1.5},
        {"variant": variant, "metric": "shift_floor", "value": 1.0},
    ]
    for task in ("annuli", "moons"):
        rows.append({"variant": variant, "metric": "least_speed", "data": task, "value": -fall})
        rows.append({"variant": variant, "metric": "largest_speed", "data": task, "value": 0.5})
        rows.append({"variant": variant, "metric": "test_mse", "data": task, "value": 0.1})
        for depth in (0.0, 1.0):
            path: Row = {"variant": variant, "metric": "path", "data": task, "point": 0, "depth": depth}
            rows.append({**path, "first": 1.0, "value": 2.0 - fall * depth})
    return rows


def test_coordinates_and_their_range_are_drawn_by_last_activation() -> None:
    drawn = activations.draw(evidence(Activations, activation_rows("tanh", 0.75) + activation_rows("none", 3.0)))
    assert [[0.0, 2.0], [1.0, -1.0]] in points(drawn["paths-annuli"])
    assert "tanh: 0.75; none: 3.00" in drawn["paths-annuli"].alternative
    assert drawn["paths-shift"].figure is None
    assert "none on moons: -3 to 0.5" in drawn["speeds"].alternative
    assert "tanh: 1.5 (least possible 1)" in drawn["shift"].alternative
    assert "none on annuli: 0.1" in drawn["error"].alternative


@pytest.mark.parametrize(
    ("experiment", "draw"), [(Fig3, fig3.draw), (Fig6, fig6.draw), (Activations, activations.draw)]
)
def test_without_data_the_figures_say_so(experiment: type[Experiment], draw: object) -> None:
    assert callable(draw)
    rows: list[Row] = [{"variant": experiment.variants[0], "metric": "other", "value": 1.0}]
    for drawing in draw(evidence(experiment, rows)).values():
        assert drawing.figure is None
        assert "No data" in drawing.caption
