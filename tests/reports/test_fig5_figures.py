"""Figures of Fig. 5, drawn from synthetic rows: pictures lie where they were recorded, and nothing breaks on gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reports.figures.chen2018 import fig5
from reports.figures.drawing import Evidence
from suite.experiments.chen2018.fig5 import Fig5

pytestmark = pytest.mark.usefixtures("light")


def evidence(rows: list[dict[str, object]]) -> Evidence:
    shared = {"seed": 0, "unit": "1", "stand_in_for": ""}
    table = pd.DataFrame([{**shared, **row} for row in rows])
    return Evidence(Fig5.id, Fig5.variants, Fig5.headline, table, {})


PICTURES: list[dict[str, object]] = [
    {"variant": "moons-cnf", "metric": "density", "value": 0.5, "share": 40, "row": 3, "column": 1},
    {"variant": "moons-cnf", "metric": "density", "value": 0.2, "share": 40, "row": 0, "column": 2},
    {"variant": "moons-nf", "metric": "density", "value": 0.1, "share": 100, "row": 1, "column": 1},
    {"variant": "moons-cnf", "metric": "sample", "value": -1.1, "share": 20, "x": 0.7},
    {"variant": "moons-cnf", "metric": "picture_side", "value": 6},
]


def test_pictures_lie_in_the_column_of_their_share() -> None:
    drawn = fig5.draw(evidence(PICTURES))
    figure = drawn["way-moons"].figure
    assert figure is not None
    panels = np.array(figure.axes).reshape(4, 7)
    assert [axes.get_title() for axes in panels[0]] == ["5 %", "20 %", "40 %", "60 %", "80 %", "100 %", "true"]
    image = np.asarray(panels[0, 2].images[0].get_array())
    assert image.shape == (6, 6)
    assert image[3, 1] == 0.5
    assert image[0, 2] == 0.2
    assert image.sum() == pytest.approx(0.7)
    assert panels[1, 1].lines[0].get_xydata().tolist() == [[0.7, -1.1]]
    assert np.asarray(panels[2, 5].images[0].get_array())[1, 1] == 0.1
    assert not panels[0, 0].images


def test_what_was_not_measured_is_said_and_not_drawn() -> None:
    drawn = fig5.draw(evidence(PICTURES))
    for name in ("way-circles", "training", "excess", "distance", "spread", "angle", "directions", "round-trip", "nfe"):
        assert drawn[name].figure is None
        assert "No data" in drawn[name].caption


def test_training_shows_the_least_possible_likelihood_of_each_data_set() -> None:
    rows: list[dict[str, object]] = [
        {"variant": variant, "metric": "nll_during_training", "value": 3.0 / step, "iteration": step}
        for variant in Fig5.variants
        for step in (1, 10)
    ]
    rows += [{"variant": "moons-nf", "metric": "nll_of_truth", "value": 0.25}]
    rows += [{"variant": "circles-nf", "metric": "nll_of_truth", "value": 1.25}]
    figure = fig5.draw(evidence(rows))["training"].figure
    assert figure is not None
    for axes, level in zip(figure.axes, (1.25, 0.25), strict=True):
        assert [level, level] in [np.asarray(line.get_ydata()).tolist() for line in axes.lines]


def test_distance_is_marked_with_that_of_two_samples_of_the_data() -> None:
    rows: list[dict[str, object]] = []
    for variant in Fig5.variants:
        rows.append({"variant": variant, "metric": "relative_sliced_wasserstein", "value": 0.2})
        rows.append({"variant": variant, "metric": "relative_sliced_wasserstein_of_data", "value": 0.03})
    figure = fig5.draw(evidence(rows))["distance"].figure
    assert figure is not None
    marks = [line for line in figure.axes[0].lines if np.asarray(line.get_xdata()).tolist() == [0.03, 0.03]]
    assert len(marks) == len(Fig5.variants)
