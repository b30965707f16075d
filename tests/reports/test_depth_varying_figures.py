"""Figures of depth-varying parameters, drawn from synthetic rows and from partial ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from reports.figures.drawing import Drawing, Evidence
from reports.figures.massaroli2020 import fig1, fig2
from reports.figures.theme import LIGHT
from suite.declarations import Experiment
from suite.experiments.massaroli2020.fig1 import Fig1
from suite.experiments.massaroli2020.fig2 import Fig2

Row = dict[str, object]
ERRORS = ("test_error", "extrapolation_error", "repeated_extrapolation_error")


pytestmark = pytest.mark.usefixtures("light")


def evidence(experiment: type[Experiment], rows: list[Row]) -> Evidence:
    columns = pd.DataFrame(columns=["variant", "seed", "metric", "value", "unit", "stand_in_for"])
    table = pd.DataFrame([{"seed": 0, "unit": "1", "stand_in_for": "", **row} for row in rows]) if rows else columns
    return Evidence(experiment.id, experiment.variants, experiment.headline, table, {})


def figure_of(drawing: Drawing) -> Figure:
    assert drawing.figure is not None
    drawing.figure.canvas.draw()  # what only fails when it is drawn fails here
    return drawing.figure


def lines(drawing: Drawing, panel: int) -> list[list[list[float]]]:
    return [np.asarray(line.get_xydata()).tolist() for line in figure_of(drawing).axes[panel].lines]


def tracking_rows() -> list[Row]:
    rows: list[Row] = []
    for number, variant in enumerate(Fig2.variants):
        own: Row = {"variant": variant}
        for s in (0.0, 1.0, 2.0):
            rows.append(
                {**own, "metric": "trajectory", "continued": "own", "condition": 0, "s": s, "value": number - s}
            )
            rows.append({**own, "metric": "distance", "s": s, "value": 0.1 + number})
            rows.append({**own, "metric": "signal", "s": s, "value": 1.0})
        for s in (0.25, 0.75, 1.25):
            rows += [{**own, "metric": "parameter", "parameter": each, "s": s, "value": s + each} for each in (0, 1)]
        for power, metric in enumerate(ERRORS):
            rows.append({**own, "metric": metric, "value": 10.0 ** (power - number)})
        for tolerance in (1e-4, 1e-6):
            for metric in ("gradient_error", "trained_gradient_error"):
                rows.append({**own, "metric": metric, "tolerance": tolerance, "value": 3 * tolerance})
        rows += [{**own, "metric": "train_loss", "iteration": each, "value": 1 / (1 + each)} for each in (0, 20)]
    return rows


@pytest.fixture(scope="module")
def tracking() -> Mapping[str, Drawing]:
    with LIGHT.applied():
        return fig2.draw(evidence(Fig2, tracking_rows()))


def test_trajectories_are_drawn_over_the_signal_with_a_panel_for_each_field(tracking: Mapping[str, Drawing]) -> None:
    drawn = tracking["tracking"]
    assert [axes.get_title(loc="left") for axes in figure_of(drawn).axes] == list(Fig2.variants)
    for number in range(len(Fig2.variants)):
        signal, path = lines(drawn, number)
        assert signal == [[0.0, 1.0], [1.0, 1.0], [2.0, 1.0]]
        assert path == [[0.0, number], [1.0, number - 1.0], [2.0, number - 2.0]]
    assert "Mean squared error within training" in drawn.alternative
    assert tracking["tracking-repeated"].figure is None  # no such trajectories here


def test_parameters_are_seen_through_the_window_of_the_training_interval(tracking: Mapping[str, Drawing]) -> None:
    parameters = tracking["parameters"]
    (low, high) = figure_of(parameters).axes[0].get_ylim()
    assert low < 0.25  # the least and the greatest within training
    assert high > 1.75
    assert lines(parameters, 0) == [[[s, s + each] for s in (0.25, 0.75, 1.25)] for each in (0, 1)]
    stacked = figure_of(parameters).axes[Fig2.variants.index("stacked-20")].lines[0]
    assert stacked.get_drawstyle() == "steps-mid"


def test_errors_are_told_inside_and_beyond_the_training_interval(tracking: Mapping[str, Drawing]) -> None:
    errors = tracking["errors"]
    drawn = lines(errors, 0)
    for number in range(len(Fig2.variants)):
        for power in range(3):
            assert any(
                line == [[pytest.approx(10.0 ** (power - number)), pytest.approx(number + 0.22 * (power - 1))]]
                for line in drawn
            )
    assert f"fourier {10.0 ** (1 - 8):.3g}" in errors.alternative


def test_gradient_errors_before_and_after_training_have_a_panel_each(tracking: Mapping[str, Drawing]) -> None:
    gradient = tracking["gradient"]
    assert [axes.get_title(loc="left") for axes in figure_of(gradient).axes] == ["before training", "after training"]
    half = [row for row in tracking_rows() if row["metric"] == "gradient_error"]
    figure_of(fig2.draw(evidence(Fig2, half))["gradient"])


def classifier_rows() -> list[Row]:
    rows: list[Row] = []
    for number, variant in enumerate(Fig1.variants):
        for data in ("moons", "spirals"):
            own: Row = {"variant": variant, "data": data}
            for metric in ("test_accuracy", "train_accuracy", "depth_variation", "accuracy_lost_to_mean"):
                rows.append({**own, "metric": metric, "value": 50.0 + number})
            for tolerance in (1e-4, 1e-6):
                rows.append({**own, "metric": "nfe_forward", "tolerance": tolerance, "value": 14 / tolerance})
            for point, label in ((0, 0), (1, 1)):
                for s in (0.0, 0.5, 1.0):
                    axes: Row = {"point": point, "label": label, "s": s, "z1": point + s}
                    rows.append({**own, "metric": "trajectory", "value": s, **axes})
            for s in (0.25, 0.75):
                rows.append({**own, "metric": "parameter", "parameter": 0, "s": s, "value": s})
            if variant in ("polynomial", "fourier"):
                for pieces in (40, 80):
                    rows.append({**own, "metric": "stacked_distance", "pieces": pieces, "value": 1 / pieces**2})
            rows += [{**own, "metric": "train_loss", "iteration": each, "value": 0.7} for each in (0, 20)]
    return rows


@pytest.fixture(scope="module")
def classified() -> Mapping[str, Drawing]:
    with LIGHT.applied():
        return fig1.draw(evidence(Fig1, classifier_rows()))


def test_flows_have_a_panel_for_each_field_and_a_colour_for_each_class(classified: Mapping[str, Drawing]) -> None:
    for data in ("moons", "spirals"):
        figure = figure_of(classified[f"flow-{data}"])
        panels = [axes for axes in figure.axes if axes.get_title()]
        assert [axes.get_title() for axes in panels] == list(Fig1.variants)
        colours = {line.get_color() for line in panels[0].lines}
        assert len(panels[0].lines) == 4
        assert len(colours) == 2
        assert "vanilla 50 %" in classified[f"flow-{data}"].alternative


def test_metrics_are_drawn_by_variant_for_both_data_sets(classified: Mapping[str, Drawing]) -> None:
    for name in ("accuracy", "depth-variation", "lost-to-mean"):
        for panel in range(2):
            assert lines(classified[name], panel) == [[[50.0 + number, number]] for number in range(len(Fig1.variants))]
    # Of two tolerances the one that the label names.
    assert lines(classified["evaluations"], 0)[0] == [[pytest.approx(14e4), 0]]


def test_limit_of_stacked_parameters_is_drawn_with_its_slope(classified: Mapping[str, Drawing]) -> None:
    limit = classified["stacked-limit"]
    dashed = lines(limit, 0)[-1]
    assert dashed == [[40, pytest.approx(1 / 1600)], [80, pytest.approx(1 / 6400)]]


@pytest.mark.parametrize(("module", "experiment"), [(fig1, Fig1), (fig2, Fig2)])
def test_nothing_measured_is_said(module: object, experiment: type[Experiment]) -> None:
    for drawing in module.draw(evidence(experiment, [])).values():  # type: ignore[attr-defined]
        assert drawing.figure is None
        assert "No data" in drawing.caption
