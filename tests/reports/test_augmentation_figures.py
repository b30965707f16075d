"""Both halves of Table 1 of Massaroli et al. 2020, drawn from synthetic rows."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from reference import published
from reports.figures.drawing import Drawing, Evidence
from reports.figures.massaroli2020 import table1, table1_cifar10
from reports.figures.theme import colours
from suite.experiments.massaroli2020.table1 import Table1
from suite.experiments.massaroli2020.table1_cifar10 import Table1Cifar10

Row = dict[str, object]
HALVES = {"mnist": (Table1, table1.draw), "cifar10": (Table1Cifar10, table1_cifar10.draw)}


pytestmark = pytest.mark.usefixtures("light")


def rows_of(variant: str, seed: int) -> list[Row]:
    shared: Row = {"variant": variant, "seed": seed}
    accuracy = 60.0 + 5 * len(variant) / 10 + seed
    rows: list[Row] = [
        {"metric": "test_accuracy_last", "value": accuracy, "unit": "%"},
        {"metric": "parameters_published", "value": 30_000.0 + 100 * len(variant), "unit": "1"},
    ]
    for epoch in (1, 2):
        rows.append({"metric": "test_accuracy", "value": accuracy - 2 + epoch, "unit": "%", "epoch": epoch})
        rows.append({"metric": "train_loss", "value": 1 / epoch, "unit": "nats", "epoch": epoch})
    if variant not in ("cnn", "resnet"):
        count = 20.0 + len(variant) + seed
        rows += [
            {"metric": name, "value": count, "unit": "evaluations"} for name in ("nfe_forward_last", "nfe_untrained")
        ]
        for epoch in (1, 2):
            for name in ("nfe_forward", "nfe_backward"):
                rows.append({"metric": name, "value": count + epoch, "unit": "evaluations", "epoch": epoch})
        rows.append({"metric": "grid_change", "value": 0.2, "unit": "points", "test_solver": "rk4", "test_steps": 16})
    return [{**shared, **row} for row in rows]


def drawings(data: str, rows: list[Row]) -> dict[str, Drawing]:
    experiment, draw = HALVES[data]
    columns = ["variant", "seed", "metric", "value", "unit", "stand_in_for"]
    table = pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
    table["stand_in_for"] = ""
    return draw(Evidence(experiment.id, experiment.variants, experiment.headline, table, published.load()))


@cache
def complete(data: str) -> dict[str, Drawing]:
    """Return the figures of two seeds of every variant, for all tests to look at: they take seconds to draw."""
    return drawings(data, [row for variant in Table1.variants for seed in range(2) for row in rows_of(variant, seed)])


@pytest.mark.parametrize("data", list(HALVES))
def test_every_figure_is_drawn_and_said_in_words(data: str) -> None:
    for name, drawing in complete(data).items():
        assert isinstance(drawing.figure, Figure), name
        assert drawing.alternative, name
        for axes in drawing.figure.axes:
            assert axes.get_xlabel() or axes.get_ylabel(), name


@pytest.mark.parametrize("data", list(HALVES))
def test_without_records_every_figure_says_what_is_missing(data: str) -> None:
    for drawing in drawings(data, []).values():
        assert drawing.figure is None
        assert drawing.caption.startswith("No data")


@pytest.mark.parametrize(("data", "accuracy", "evaluations"), [("mnist", "98.9", "71"), ("cifar10", "70.8", "169")])
def test_the_printed_numbers_of_the_right_half_stand_beside_ours(data: str, accuracy: str, evaluations: str) -> None:
    drawn = complete(data)
    assert f"(published {accuracy})" in drawn["accuracy"].alternative
    assert f"(published {evaluations})" in drawn["evaluations"].alternative
    assert f"anode printed: {accuracy} % at {evaluations}" in drawn["accuracy-against-evaluations"].alternative
    # The remembered counts of parameters are never marked; those of the released notebooks are.
    assert ("(published 34954)" in drawn["parameters"].alternative.replace("3.495e+04", "34954")) == (data == "cifar10")


def test_printed_rows_and_reproductions_are_open_markers_beside_ours() -> None:
    drawing = complete("mnist")["accuracy-against-evaluations"]
    assert "il-node reproduced, epochs-20: 99.23 % at 104" in drawing.alternative
    assert drawing.figure is not None
    drawn = [
        (*np.asarray(line.get_xydata())[0].tolist(), line.get_color())
        for line in drawing.figure.axes[0].lines
        if line.get_markerfacecolor() == "none"
    ]
    look = colours(Table1.variants)
    assert (44.0, 99.1, look["il-node"]) in drawn
    assert (104.0, 99.23, look["il-node"]) in drawn
    assert len(drawn) == 4 + 5


def test_differences_of_accuracy_are_not_drawn_from_zero() -> None:
    drawing = complete("mnist")["accuracy"]
    assert drawing.figure is not None
    low, high = drawing.figure.axes[0].get_xlim()
    assert 40 < low < 60
    assert 99 < high < 105
    assert "does not begin at zero" in drawing.caption


def test_every_legend_fits_into_the_width_of_its_figure() -> None:
    for name in ("training", "nfe-forward", "accuracy-against-evaluations"):
        figure = complete("mnist")[name].figure
        assert figure is not None
        figure.draw_without_rendering()
        (legend,) = figure.legends
        box = legend.get_window_extent()
        assert box.x0 >= 0, name
        assert box.x1 <= figure.bbox.width, name
