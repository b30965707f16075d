"""Figures of hypersolvers, drawn from synthetic rows and from partial ones."""

from __future__ import annotations

import pytest

from reports.figures.poli2020 import fig1, lorenz, theorem1
from suite.experiments.poli2020.fig1 import Fig1
from suite.experiments.poli2020.lorenz import LorenzRollouts
from suite.experiments.poli2020.theorem1 import Theorem1
from tests.reports.drawn import Row, evidence, points

pytestmark = pytest.mark.usefixtures("light")


def theorem_rows(variant: str) -> list[Row]:
    rows: list[Row] = []
    for order in (1, 2):
        shared: Row = {"variant": variant, "order": order, "problem": "van-der-pol"}
        for step in (0.1, 0.2):
            own: Row = {**shared, "step": step, **({"delta": 0.1} if variant == "oracle" else {})}
            rows.append({**own, "metric": "local_error", "value": step ** (order + 1)})
            rows.append({**own, "metric": "global_error", "value": step**order})
        for multiple in (1.0, 2.0):
            rows.append({**shared, "metric": "gain", "multiple": multiple, "value": 4 * multiple})
        for t in (1.0, 2.0) if variant != "base" else ():
            rows.append({**shared, "metric": "rollout_error", "t": t, "value": t})
            rows.append({**shared, "metric": "base_rollout_error", "t": t, "value": 3 * t})
        rows.append({**shared, "metric": "delta", "region": "on", "statistic": "mean", "value": 0.5})
        rows.append({**shared, "metric": "delta", "region": "on", "statistic": "max", "value": 9.0})
        for width in (4, 8):
            rows.append({**shared, "metric": "overhead", "width": width, "value": 1 + width})
    return rows


def test_theorem_is_drawn_by_order_with_base_oracle_and_fitted_corrections() -> None:
    drawn = theorem1.draw(evidence(Theorem1, [row for name in Theorem1.variants for row in theorem_rows(name)]))
    assert all(drawing.figure is not None for drawing in drawn.values())
    local = drawn["local-error"]
    assert local.figure is not None
    assert [axes.get_title() for axes in local.figure.axes] == ["Euler, order 1", "Heun, order 2"]
    assert sum(line == [[0.1, pytest.approx(0.01)], [0.2, pytest.approx(0.04)]] for line in points(local)) == 4
    labels = [text.get_text() for text in local.figure.legends[0].get_texts()]
    assert labels == ["base", "frozen", "learned", "delta 0.1"]
    assert [[0.1, pytest.approx(0.2**3)]] in points(drawn["delta"])
    assert [[1.0, 3.0], [2.0, 6.0]] in points(drawn["roll-out"])
    assert [[1.0, 1.0], [2.0, 2.0]] in points(drawn["roll-out"])
    assert "on: 0.5" in drawn["regions"].alternative
    assert [[4.0, 5.0], [8.0, 9.0]] in points(drawn["overhead"])


def lorenz_rows(variant: str, number: int) -> list[Row]:
    rows: list[Row] = []
    for system in ("lorenz", "van-der-pol"):
        shared: Row = {"variant": variant, "system": system}
        for rate in (40, 80):
            rows.append({**shared, "metric": "valid_time", "rate": rate, "value": rate / 10 + number})
            for t in (1.0, 2.0):
                rows.append({**shared, "metric": "error", "rate": rate, "t": t, "value": rate * t})
        for rival in ("hyper-heun", "hyper-euler"):
            rows.append({**shared, "metric": "equal_operations_error", "rival": rival, "value": 0.1})
            rows.append({**shared, "metric": "operations_share", "rival": rival, "value": 0.25})
    return rows


def test_roll_outs_are_drawn_by_system_and_said_not_to_be_in_the_paper() -> None:
    rows = [row for number, name in enumerate(LorenzRollouts.variants) for row in lorenz_rows(name, number)]
    drawn = lorenz.draw(evidence(LorenzRollouts, rows))
    assert [[40.0, 4.0], [80.0, 8.0]] in points(drawn["valid-time"])
    assert [[40.0, 8.0], [80.0, 12.0]] in points(drawn["valid-time"])
    assert [[1.0, 80.0], [2.0, 160.0]] in points(drawn["error"])
    assert drawn["attractor"].figure is None
    assert "25% of them" in drawn["operations"].caption
    for name in ("valid-time", "error", "operations"):
        assert "Not in the paper." in drawn[name].caption


@pytest.mark.parametrize("variant", ["base", "oracle", "learned"])
def test_partial_records_are_drawn_as_far_as_they_go(variant: str) -> None:
    assert theorem1.draw(evidence(Theorem1, theorem_rows(variant)))["local-error"].figure is not None


def test_without_data_the_figures_say_so() -> None:
    for experiment, draw in ((Theorem1, theorem1.draw), (LorenzRollouts, lorenz.draw)):
        rows: list[Row] = [{"variant": experiment.variants[0], "metric": "other", "value": 1.0}]
        for drawing in draw(evidence(experiment, rows)).values():
            assert drawing.figure is None
            assert "No data" in drawing.caption


def flow_rows(variant: str, number: int) -> list[Row]:
    rows: list[Row] = []
    for target in ("rings", "gaussians"):
        shared: Row = {"variant": variant, "target": target}
        for nfe in (2, 8):
            rows.append({**shared, "metric": "sample_error", "nfe": nfe, "value": (number + 1) / nfe})
        rows.append({**shared, "metric": "error_at_two", "value": 0.1 * (number + 1)})
        rows.append({**shared, "metric": "sample", "x": 0.5, "value": 0.25 + number})
        if variant == "hyper-heun":
            rows.append({**shared, "metric": "equivalent_nfe", "method": "dopri5", "value": 26})
        if variant == "dopri5":
            for tolerance in (1e-2, 1e-4):
                rows.append({**shared, "metric": "adaptive_nfe", "tolerance": tolerance, "value": 10 / tolerance})
    return rows


def test_samples_are_drawn_for_each_target_beside_their_errors() -> None:
    names = ("heun", "dopri5", "hyper-heun")
    drawn = fig1.draw(evidence(Fig1, [row for number, name in enumerate(names) for row in flow_rows(name, number)]))
    pictures = drawn["samples-rings"]
    assert points(pictures) == [[[0.5, 0.25]], [[0.5, 2.25]], [[0.5, 1.25]]]
    assert "heun: 0.1" in pictures.alternative
    assert [[2.0, 0.5], [8.0, 0.125]] in points(drawn["error"])
    assert "hyper-heun: 0.3" in drawn["error-at-two"].alternative
    assert "dopri5: 26" in drawn["equivalent"].alternative
    assert [[1e-4, 1e5], [1e-2, 1e3]] in points(drawn["tolerance"])


def test_evaluations_of_adaptive_methods_are_averaged_over_seeds_before_they_are_drawn() -> None:
    rows: list[Row] = [
        {
            "variant": "dopri5",
            "target": "rings",
            "metric": "sample_error",
            "seed": seed,
            "nfe": nfe + 4 * seed,
            "value": v,
        }
        for seed in (0, 1)
        for nfe, v in ((20, 0.5), (60, 0.25))
    ]
    drawn = fig1.draw(evidence(Fig1, rows))
    assert [[22.0, 0.5], [62.0, 0.25]] in points(drawn["error"])


def test_without_data_figure_1_says_so() -> None:
    for drawing in fig1.draw(evidence(Fig1, [{"variant": "heun", "metric": "other", "value": 1.0}])).values():
        assert drawing.figure is None
