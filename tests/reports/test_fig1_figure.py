"""The picture of Fig. 1 and its curves, from synthetic rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reports.figures.chen2018 import fig1
from reports.figures.drawing import Evidence
from reports.figures.theme import LIGHT
from suite.experiments.chen2018.fig1 import Fig1

Row = dict[str, object]


def evidence(rows: list[Row]) -> Evidence:
    shared: Row = {"seed": 0, "unit": "1", "stand_in_for": "", "steepness": 4.0}
    columns = ["variant", "metric", "value"]
    table = pd.DataFrame([{**shared, **row} for row in rows], columns=None if rows else [*columns, *shared])
    return Evidence(Fig1.id, Fig1.variants, Fig1.headline, table, {})


def picture(variant: str) -> list[Row]:
    rows: list[Row] = [
        {"variant": variant, "metric": "path", "value": start + depth, "depth": float(depth), "start": start}
        for start in (-2.0, 1.0)
        for depth in range(3)
    ]
    return [*rows, {"variant": variant, "metric": "arrow", "value": 0.5, "depth": 0.0, "state": 1.0}]


def test_picture_has_a_panel_for_each_network_and_its_paths() -> None:
    with LIGHT.applied():
        drawn = fig1.draw(evidence([*picture("residual"), *picture("ode")]))
    figure = drawn["picture-4"].figure
    assert figure is not None
    for axes in figure.axes:
        paths = [np.asarray(line.get_xydata()).tolist() for line in axes.lines]
        assert paths == [[[-2, 0], [-1, 1], [0, 2]], [[1, 0], [2, 1], [3, 2]]]
    assert "the ODE network ends at 0.00, 3.00" in drawn["picture-4"].alternative


def test_picture_of_one_network_alone_says_that_the_other_is_missing() -> None:
    with LIGHT.applied():
        drawn = fig1.draw(evidence(picture("ode")))
    figure = drawn["picture-4"].figure
    assert figure is not None
    assert [text.get_text() for text in figure.axes[0].texts] == ["no data"]


def test_distance_has_the_line_of_first_order_beside_it() -> None:
    rows: list[Row] = [
        {"variant": "residual", "metric": "sup_distance", "value": 3.0 / layers, "layers": layers}
        for layers in (5, 10, 20)
    ]
    with LIGHT.applied():
        figure = fig1.draw(evidence(rows))["limit"].figure
    assert figure is not None
    measured, line = (np.asarray(each.get_xydata()) for each in figure.axes[0].lines)
    assert measured[:, 1] == pytest.approx([0.6, 0.3, 0.15])
    assert line[:, 1] == pytest.approx([0.6, 0.15])


def test_without_data_every_figure_says_so() -> None:
    drawn = fig1.draw(evidence([]))
    assert all(each.figure is None and "No data" in each.caption for each in drawn.values())
