"""Figures of hypersolvers on images and of their times, drawn from rows written by hand."""

from __future__ import annotations

import pytest

from reference.published import load
from reports.figures.poli2020 import mnist, wall_clock
from suite.experiments.poli2020.mnist import Mnist
from suite.experiments.poli2020.wall_clock import WallClock
from tests.reports.drawn import Row, evidence, points

pytestmark = pytest.mark.usefixtures("light")


def image_rows(variant: str, number: int) -> list[Row]:
    rows: list[Row] = []
    for nfe in (4, 8):
        shared: Row = {"variant": variant, "nfe": nfe}
        for metric in ("relative_l2_error", "median_relative_error", "mean_relative_error"):
            rows.append({**shared, "metric": metric, "value": (number + 1) / nfe})
        rows.append({**shared, "metric": "cost", "value": nfe * (1.5 if variant == "hyper-euler" else 1)})
        rows.append({**shared, "metric": "accuracy_loss", "value": number})
        rows.append({**shared, "metric": "changed_classes", "value": 2 * number})
        rows.append({"variant": variant, "metric": "axis_error", "axis_nfe": nfe, "value": 10 / nfe})
    for step in (1, 2):
        for metric in ("pixel_error", "largest_pixel_error", "class_probability"):
            rows.append({"variant": variant, "metric": metric, "step": step, "value": step * (number + 1)})
        for pixel in range(4):
            place = {"step": step, "row": pixel // 2, "column": pixel % 2}
            rows.append({"variant": variant, "metric": "pixel_map", **place, "value": pixel})
    if variant == "hyper-euler":
        for counted in ("axis", "operations"):
            rows.append({"variant": variant, "metric": "crossover", "rival": "rk4", "counted": counted, "value": 20.0})
    return rows


def test_errors_are_drawn_against_evaluations_and_what_they_cost() -> None:
    names = ("euler", "hyper-euler")
    drawn = mnist.draw(evidence(Mnist, [row for number, name in enumerate(names) for row in image_rows(name, number)]))
    assert [[4.0, 0.25], [8.0, 0.125]] in points(drawn["evaluations"])
    assert [[6.0, 0.5], [12.0, 0.25]] in points(drawn["operations"])
    assert [[4.0, 2.0], [8.0, 2.0]] in points(drawn["classes"])
    assert [[1.0, 2.0], [2.0, 4.0]] in points(drawn["depth"])
    assert "rk4, axis: 20" in drawn["crossovers"].alternative
    assert "hyper-euler after step 2: at most 3" in drawn["maps"].alternative
    maps = drawn["maps"].figure
    assert maps is not None
    shown = maps.axes[0].images[0].get_array()
    assert shown is not None
    # The first row of the image is at the top.
    assert shown.tolist() == [[2.0, 3.0], [0.0, 1.0]]
    assert drawn["time"].figure is None


def test_published_curves_stand_below_those_measured() -> None:
    given = evidence(Mnist, image_rows("hyper-euler", 0))
    drawn = mnist.draw(type(given)(given.experiment, given.variants, given.headline, given.rows, load()))
    figure = drawn["released-axis"].figure
    assert figure is not None
    assert len(figure.axes) == 2
    assert [y for _, y in points(drawn["released-axis"])[-1][:2]] == [22.0, 18.0]
    assert len(figure.axes[1].lines) == 4


def time_rows() -> list[Row]:
    rows: list[Row] = [{"variant": "hyper-euler", "metric": "own_nfe", "value": 26}]
    for method, value in (("euler", 2.0), ("hyper-euler", 4.0)):
        shared: Row = {"variant": "hyper-euler", "method": method, "loss": 0.1}
        rows.append({**shared, "metric": "least_nfe", "value": value})
        for batch in (1, 16):
            rows.append({**shared, "metric": "speed_up", "batch": batch, "mode": "eager", "value": value})
            rows.append({**shared, "metric": "milliseconds", "batch": batch, "mode": "eager", "value": 8 / value})
    return rows


def test_speed_ups_are_drawn_by_batch_and_graphs_are_missing_without_them() -> None:
    given = evidence(WallClock, time_rows())
    drawn = wall_clock.draw(type(given)(given.experiment, given.variants, given.headline, given.rows, load()))
    assert [[1.0, 4.0], [16.0, 4.0]] in points(drawn["speed-up-eager"])
    assert "widely quoted of HyperEuler, unverified" in drawn["speed-up-eager"].caption
    assert [[1.0, 2.0], [16.0, 2.0]] in points(drawn["time-eager"])
    assert drawn["speed-up-graph"].figure is None
    assert "hyper-euler: 4" in drawn["effort"].alternative


def test_without_data_the_figures_say_so() -> None:
    for experiment, draw in ((Mnist, mnist.draw), (WallClock, wall_clock.draw)):
        rows: list[Row] = [{"variant": experiment.variants[0], "metric": "other", "value": 1.0}]
        for drawing in draw(evidence(experiment, rows)).values():
            assert drawing.figure is None
