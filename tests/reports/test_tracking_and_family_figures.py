"""Figures of tracking and of the second-order family, drawn from synthetic rows and from none."""

from __future__ import annotations

import pytest

from reference.published import load
from reports.figures.drawing import Evidence
from reports.figures.poli2020 import alpha_family, tracking
from suite.experiments.poli2020.alpha_family import AlphaFamily
from suite.experiments.poli2020.tracking import Tracking
from tests.reports.drawn import Row, evidence, points

pytestmark = pytest.mark.usefixtures("light")


def tracking_rows(variant: str, number: int) -> list[Row]:
    rows: list[Row] = []
    for nfe in (4, 8):
        rows.append({"variant": variant, "metric": "depth_error", "nfe": nfe, "value": (number + 1) / nfe})
        for batch in (1, 40):
            own: Row = {"variant": variant, "metric": "operations", "nfe": nfe, "batch": batch}
            rows.append({**own, "value": 1000.0 * nfe / batch})
    for equal in ("evaluations", "operations"):
        for s in (0.0, 0.5, 1.0):
            own = {"variant": variant, "metric": "error_at_depth", "equal": equal, "s": s}
            rows.append({**own, "value": s * (number + 1)})
    return rows


def test_tracking_is_drawn_by_operations_and_said_to_be_uncertain() -> None:
    names = ("euler", "rk4", "hyper-euler")
    drawn = tracking.draw(evidence(Tracking, [row for n, name in enumerate(names) for row in tracking_rows(name, n)]))
    assert [[4.0, 0.25], [8.0, 0.125]] in points(drawn["evaluations"])
    assert [[4000.0, 0.75], [8000.0, 0.375]] in points(drawn["operations"])
    assert [[100.0, 0.75], [200.0, 0.375]] in points(drawn["operations"])
    assert [[0.5, 1.0], [1.0, 2.0]] in points(drawn["depth"])
    operations = drawn["operations"].figure
    assert operations is not None
    assert [axes.get_title() for axes in operations.axes] == ["a trajectory alone", "in a batch of 40"]
    for drawing in drawn.values():
        assert "It is not certain that the paper has this experiment." in drawing.caption


def test_evaluations_of_an_adaptive_method_are_averaged_over_seeds() -> None:
    rows: list[Row] = [
        {"variant": "dopri5", "metric": "depth_error", "seed": seed, "nfe": nfe + 6 * seed, "value": value}
        for seed in (0, 1)
        for nfe, value in ((20, 0.5), (60, 0.25))
    ]
    assert [[23.0, 0.5], [63.0, 0.25]] in points(tracking.draw(evidence(Tracking, rows))["evaluations"])


def family_evidence() -> Evidence:
    rows: list[Row] = []
    for variant, error in (("base", 0.6), ("hyper-midpoint", 0.2)):
        for alpha in (0.1, 0.5):
            shared: Row = {"variant": variant, "alpha": alpha}
            rows.append({**shared, "metric": "relative_error", "value": error + alpha})
            rows.append({**shared, "metric": "released_error", "value": 7.0})
            if variant == "base":
                for step in (0.1, 0.05):
                    at: Row = {**shared, "step": step}
                    rows.append({**at, "metric": "residual_norm", "value": alpha + step})
                    rows.append({**at, "metric": "predicted_residual_norm", "value": alpha})
                    rows.append({**at, "metric": "residual_discrepancy", "value": step})
            else:
                rows.append({**shared, "metric": "delta", "value": 2.0})
                rows.append({**shared, "metric": "predicted_delta", "value": 3.0})
    bare = evidence(AlphaFamily, rows)
    return Evidence(bare.experiment, bare.variants, bare.headline, bare.rows, load("poli2020"))


def test_family_is_drawn_beside_the_released_curves() -> None:
    drawn = alpha_family.draw(family_evidence())
    assert all(drawing.figure is not None for drawing in drawn.values())
    own = [
        [[0.1, pytest.approx(0.7)], [0.5, pytest.approx(1.1)]],
        [[0.1, pytest.approx(0.3)], [0.5, pytest.approx(0.7)]],
    ]
    assert points(drawn["error"]) == own
    errors = points(drawn["released"])
    assert errors[:2] == own
    assert [[0.1, 7.0], [0.5, 7.0]] in errors
    assert [[0.01, 0.43], [0.5, 0.26], [1.0, 0.33]] in errors
    assert [[0.01, pytest.approx(6.985)], [1.0, pytest.approx(6.985)]] in errors
    assert "last sample" in drawn["released"].caption
    assert points(drawn["delta"]) == [[[0.1, 2.0], [0.5, 2.0]], [[0.1, 3.0], [0.5, 3.0]]]
    assert [[0.05, 0.05], [0.1, 0.1]] in points(drawn["discrepancy"])
    residual = drawn["residual"].figure
    assert residual is not None
    assert [axes.get_title() for axes in residual.axes] == ["step 1/10", "step 1/20"]


def test_without_data_the_figures_say_so() -> None:
    for experiment, draw in ((Tracking, tracking.draw), (AlphaFamily, alpha_family.draw)):
        rows: list[Row] = [{"variant": experiment.variants[-1], "metric": "other", "value": 1.0}]
        for drawing in draw(evidence(experiment, rows)).values():
            assert drawing.figure is None
            assert "No data" in drawing.caption
