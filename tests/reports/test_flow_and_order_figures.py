"""Figures of conditional flows, of higher orders and of regularisers, from synthetic rows and from partial ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reports.figures.drawing import Drawing
from reports.figures.massaroli2020 import fig4, higher_order, regularisation
from suite.declarations import Experiment
from suite.experiments.massaroli2020.fig4 import Fig4
from suite.experiments.massaroli2020.higher_order import HigherOrder
from suite.experiments.massaroli2020.regularisation import Regularisation
from tests.reports.drawn import Row, evidence, points

MODULES = ((Fig4, fig4), (HigherOrder, higher_order), (Regularisation, regularisation))


pytestmark = pytest.mark.usefixtures("light")


def scattered(drawing: Drawing) -> list[float]:
    """The values of the seeds' points, without lines that bound the cases."""
    assert drawing.figure is not None
    lines = [line for axes in drawing.figure.axes for line in axes.lines if line.get_marker() != "None"]
    return sorted(float(x) for line in lines for x in np.asarray(line.get_xdata()))


def test_densities_lie_in_the_row_of_their_model_and_the_column_of_their_class() -> None:
    rows: list[Row] = [{"variant": "truth", "metric": name, "value": value} for name, value in
                       (("picture_side", 4), ("picture_half_width", 2.0))]  # fmt: skip
    for number, variant in enumerate(("truth", "conditional")):
        for target, value in (("moons", 0.25), ("ring", 0.5)):
            cell = {"target": target, "row": 3, "column": 1 + number}
            rows.append({"variant": variant, "metric": "density", "value": value, **cell})
    drawn = fig4.draw(evidence(Fig4, rows))
    figure = drawn["densities"].figure
    assert figure is not None
    panels = np.array(figure.axes).reshape(2, 2)
    assert [axes.get_title() for axes in panels[0]] == ["moons", "ring"]
    assert [line[0].get_ylabel() for line in panels] == ["truth", "conditional"]
    for number in range(2):
        for column, value in enumerate((0.25, 0.5)):
            image = np.asarray(panels[number, column].images[0].get_array())
            assert image[3, 1 + number] == value
            assert image.sum() == value
    assert drawn["together"].figure is None


def test_ways_start_at_one_cross_and_end_apart() -> None:
    rows: list[Row] = []
    for number, target in enumerate(("moons", "ring")):
        for depth in (0.0, 1.0):
            place = {"target": target, "sample": 0, "depth": depth, "x": 0.5 + depth * number}
            rows.append({"variant": "conditional", "metric": "way", "value": 1.0 - depth, **place})
    rows.append({"variant": "conditional", "metric": "meeting_distance", "value": 0.75})
    drawing = fig4.draw(evidence(Fig4, rows))["ways"]
    assert [[0.5, 1.0], [0.5, 0.0]] in points(drawing)
    assert [[0.5, 1.0], [1.5, 0.0]] in points(drawing)
    assert "0.75 apart" in drawing.caption


def test_likelihoods_leave_out_what_is_none_and_the_integral_shows_why() -> None:
    rows: list[Row] = []
    for variant, excess, mass in (("truth", 0.0, 1.0), ("self-control", -7.0, 90.0), ("conditional", 0.25, 1.0)):
        rows.append({"variant": variant, "metric": "excess_nll", "target": "ring", "value": excess})
        rows.append({"variant": variant, "metric": "mass", "target": "mixture", "value": mass})
    drawn = fig4.draw(evidence(Fig4, rows))
    assert scattered(drawn["excess"]) == [0.25]
    assert scattered(drawn["mass"]) == [1.0, 1.0, 90.0]
    assert "self-control 90" in drawn["mass"].alternative


def test_round_trips_are_means_over_classes_beside_the_tolerance() -> None:
    rows: list[Row] = [
        {"variant": "separate", "metric": "round_trip_rms", "target": target, "tolerance": tolerance, "value": value}
        for tolerance in (1e-3, 1e-5)
        for target, value in (("moons", tolerance), ("ring", 3 * tolerance))
    ]
    drawn = points(fig4.draw(evidence(Fig4, rows))["round-trip"])
    assert any(np.allclose(line, [[1e-5, 2e-5], [1e-3, 2e-3]]) for line in drawn if len(line) == 2)
    assert [[1e-5, 1e-5], [1e-3, 1e-3]] in drawn


def test_orders_are_drawn_by_task_and_the_oscillator_over_the_true_one() -> None:
    rows: list[Row] = []
    for number, variant in enumerate(HigherOrder.variants):
        for task in ("spirals", "spheres"):
            rows.append({"variant": variant, "metric": "test_accuracy", "task": task, "value": 90.0 + number})
        for tolerance in (1e-3, 1e-5):
            axes = {"task": "spirals", "tolerance": tolerance}
            rows.append({"variant": variant, "metric": "nfe_at", "value": 14 + number, **axes})
        rows.append({"variant": variant, "metric": "probability", "row": 1, "column": 2, "value": 0.1 * number})
    rows.append({"variant": "second", "metric": "picture_half_width", "value": 15.0})
    for t, q in ((0.0, 1.2), (6.0, 1.1)):
        axes = {"sample": 0, "t": t, "start": 1.2}
        rows.append({"variant": "second", "metric": "position", "value": q, **axes})
    drawn = higher_order.draw(evidence(HigherOrder, rows))
    assert scattered(drawn["accuracy"]) == sorted(2 * [90.0 + number for number in range(8)])
    assert "spheres: first 90" in drawn["accuracy"].alternative
    assert [[1e-5, 21], [1e-3, 21]] in points(drawn["tolerance"])
    classes = drawn["classes"].figure
    assert classes is not None
    images = [np.asarray(axes.images[0].get_array()) for axes in classes.axes if axes.images]
    assert [image[1, 2] for image in images] == pytest.approx([0.1 * number for number in range(8)])
    oscillator = points(drawn["oscillator"])
    assert [[0.0, 1.2], [6.0, 1.1]] in oscillator
    (truth,) = (line for line in oscillator if len(line) == 200)
    assert truth[0] == [0.0, 1.2]
    assert truth[-1] == pytest.approx([6.0, 1.2 * np.cos(6.0)])


def test_weights_are_drawn_from_zero_on_and_joined_with_their_evaluations() -> None:
    rows: list[Row] = []
    for weight, accuracy, count in ((0.0, 95.0, 100), (0.01, 94.0, 60)):
        axes = {"variant": "kinetic", "weight": weight}
        rows.append({**axes, "metric": "accuracy", "value": accuracy})
        rows.append({**axes, "metric": "nfe_at", "tolerance": 1e-3, "value": count})
        rows.append({**axes, "metric": "relative_nfe", "tolerance": 1e-3, "value": count / 100})
    rows += [
        {"variant": "nodes", "metric": "nfe_at", "tolerance": tolerance, "value": 20.0} for tolerance in (1e-3, 1e-5)
    ]
    drawn = regularisation.draw(evidence(Regularisation, rows))
    assert [[0.0, 95.0], [0.01, 94.0]] in points(drawn["accuracy"])
    assert [[100.0, 95.0], [60.0, 94.0]] in points(drawn["trade"])
    assert [[0.0, 1.0], [0.01, 0.6]] in points(drawn["evaluations"])
    # What has no weight is drawn against the tolerance, and the others are not among it.
    assert [line for line in points(drawn["nfe"]) if line] == [[[1e-5, 20.0], [1e-3, 20.0]]]


@pytest.mark.parametrize(("experiment", "module"), MODULES)
def test_without_data_the_figures_say_so(experiment: type[Experiment], module: Any) -> None:
    rows: list[Row] = [{"variant": experiment.variants[0], "metric": "other", "value": 1.0}]
    for drawing in module.draw(evidence(experiment, rows)).values():
        assert drawing.figure is None
        assert "No data" in drawing.caption
