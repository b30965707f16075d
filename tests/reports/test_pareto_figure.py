"""Figures of the Pareto fronts: filled on the front, open where dominated, intervals over seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from reference.crosschecks.pareto import Pareto
from reference.statistics.intervals import mean_interval
from reports.figures.crosscheck import pareto
from reports.figures.drawing import Drawing
from tests.reports.drawn import Row, evidence, points

pytestmark = pytest.mark.usefixtures("light")

# Cost and error of each; Heun's is dominated by the hypersolver's.
POINTS = {
    ("classical", "euler", 1): (1.0, 0.4, 1.0),
    ("classical", "heun2", 1): (2.0, 0.3, 0.0),
    ("hyper", "hyper-heun", 1): (2.0, 0.1, 1.0),
    ("hyper", "hyper-heun", 2): (4.0, 0.2, 0.0),
}


def rows() -> list[Row]:
    found: list[Row] = []
    for seed, factor in enumerate((0.9, 1.0, 1.2)):
        for (kind, method, effort), (cost, error, front) in POINTS.items():
            own: Row = {
                "variant": "rings", "seed": seed, "method": method, "effort": effort, "library": "suite",
            }  # fmt: skip
            found.append({**own, "metric": "error", "kind": kind, "value": factor * error})
            for name in pareto.COSTS:
                found.append({**own, "metric": name, "value": cost})
                found.append({**own, "metric": "on_front", "cost": name, "value": front})
        for effort in (1, 2):
            short: Row = {"variant": "rings", "seed": seed, "method": "hyper-heun", "effort": effort, "cost": "macs"}
            for rivals in ("untrained", "any"):
                found.append({**short, "metric": "error_over_rival", "rivals": rivals, "value": 0.5 * effort})
        found.append({**short, "metric": "samples_to_pay", "rivals": "untrained", "value": 1e5})
        for variant, share in (("rings", 10.0), ("mnist", -1.0)):
            paid: Row = {**short, "variant": variant, "rivals": "untrained", "value": share}
            found.append({**paid, "metric": "paid_by_a_million"})
    return found


def drawn() -> dict[str, Drawing]:
    return pareto.draw(evidence(Pareto, rows()))


def test_points_are_geometric_means_and_the_line_joins_those_on_the_front() -> None:
    mean = (0.9 * 1.2) ** (1 / 3)
    for cost in pareto.COSTS:
        found = points(drawn()[cost])
        assert [[2.0, pytest.approx(0.3 * mean)]] in found
        assert [[1.0, pytest.approx(0.4 * mean)], [2.0, pytest.approx(0.1 * mean)]] in found


def test_points_on_the_front_are_filled_and_dominated_ones_open() -> None:
    figure = drawn()["macs"].figure
    assert figure is not None
    drawn_lines = [(np.asarray(line.get_xydata()), line.get_markerfacecolor()) for line in figure.axes[0].lines]
    fills = [(float(xy[0, 0]), to_rgba(colour)[3]) for xy, colour in drawn_lines if len(xy) == 1]
    # Euler and one step of the hypersolver are filled; Heun's step and two of the hypersolver's are open.
    assert sorted(fills) == [(1.0, 1.0), (2.0, 0.0), (2.0, 1.0), (4.0, 0.0)]
    assert drawn()["macs"].alternative.endswith("rings, by steps, on it: hyper-heun 1; off it: hyper-heun 2.")


def test_bars_are_intervals_over_seeds() -> None:
    figure = drawn()["macs"].figure
    assert figure is not None
    interval = mean_interval([math.log(0.3 * factor) for factor in (0.9, 1.0, 1.2)])
    bars = [segment for bar in figure.axes[0].collections for segment in bar.get_segments()]  # type: ignore[attr-defined]
    wanted = [math.exp(interval.low), math.exp(interval.high)]
    assert any([end[1] for end in bar] == pytest.approx(wanted) for bar in bars)


def test_ratios_to_rivals_stand_beside_the_line_of_the_front() -> None:
    found = points(drawn()["over-untrained"])
    assert [[1.0, 0.5], [2.0, 1.0]] in found
    assert "hyper-heun: 0.5 at 1, 1 at 2" in drawn()["over-any"].alternative
    assert [[2.0, 1e5]] in points(drawn()["amortisation"])
    assert "never pays on mnist." in drawn()["amortisation"].caption


def test_without_data_the_figures_say_so() -> None:
    for drawing in pareto.draw(evidence(Pareto, [{"variant": "rings", "metric": "other", "value": 1.0}])).values():
        assert drawing.figure is None
        assert "No data" in drawing.caption
