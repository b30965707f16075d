"""The grid of solvers, others' reproductions and the time of the adjoint, from synthetic rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reference import published
from reports.figures.chen2018 import table1
from reports.figures.drawing import Evidence
from reports.figures.theme import colours, dashes, markers
from suite.experiments.chen2018.table1 import Table1

Row = dict[str, object]
NETWORKS = ("euler-1", "ode-net")


pytestmark = pytest.mark.usefixtures("light")


def evidence(rows: list[Row]) -> Evidence:
    shared: Row = {"seed": 0, "unit": "%", "stand_in_for": ""}
    table = pd.DataFrame([{**shared, **row} for row in rows])
    return Evidence(Table1.id, Table1.variants, Table1.headline, table, published.load())


def solver_rows(metric: str, scale: float = 1.0) -> list[Row]:
    rows: list[Row] = []
    for variant in NETWORKS:
        for steps in (1, 2, 16):
            rows.append({"variant": variant, "metric": metric, "value": scale * steps, "test_steps": steps}
                        | {"test_solver": "euler"})  # fmt: skip
        for tolerance in (1e-1, 1e-3):
            rows.append({"variant": variant, "metric": metric, "value": -scale / tolerance}
                        | {"test_solver": "dopri5", "test_tolerance": tolerance})  # fmt: skip
    return rows


def test_grid_has_a_column_for_each_network_and_solvers_from_coarse_to_fine() -> None:
    figure = table1.draw(evidence(solver_rows("grid_change", 0.1)))["solver-grid"].figure
    assert figure is not None
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == list(NETWORKS)
    solvers = ["Euler (1)", "Euler (2)", "Euler (16)", "dopri5 (1e-1)", "dopri5 (1e-3)"]
    assert [label.get_text() for label in axes.get_yticklabels()] == solvers
    assert [text.get_text() for text in axes.texts[::2]] == ["+0.1", "+0.2", "+1.6", "-1.0", "-100"]


def test_error_is_drawn_against_evaluations() -> None:
    def positive(metric: str) -> list[Row]:
        return [{**row, "value": abs(float(str(row["value"])))} for row in solver_rows(metric)]

    figure = table1.draw(evidence([*positive("grid_error"), *positive("grid_nfe")]))["coarse-to-fine"].figure
    assert figure is not None
    first = [np.asarray(line.get_xydata()).tolist() for line in figure.axes[0].lines]
    assert [[1.0, 1.0], [2.0, 2.0], [16.0, 16.0]] in first


def test_reproductions_stand_beside_ours() -> None:
    rows: list[Row] = [{"variant": "resnet", "metric": "test_error_last", "value": 0.5}]
    words = table1.draw(evidence(rows))["reproductions"].alternative
    assert "ResNet, 6 blocks: ours 0.5, saparina 0.34, drawcodeboy 0.45, printed 0.41" in words
    assert "ODE-Net, Adams: drawcodeboy 1.33, drawcodeboy 0.71" in words


def test_time_of_the_adjoint_is_the_fastest_repeat_beside_that_of_direct_backpropagation() -> None:
    rows: list[Row] = [
        {"variant": "ode-net", "metric": metric, "value": seconds + repeat, "tolerance": 0.1, "repeat": repeat}
        for metric, seconds in (("step_seconds", 3.0), ("direct_step_seconds", 2.0))
        for repeat in (0, 1)
    ]
    words = table1.draw(evidence(rows))["adjoint-time"].alternative
    assert "adjoint: 3e+03 ms at 0.1" in words
    assert "direct: 2e+03 ms at 0.1" in words


def test_no_two_networks_look_alike() -> None:
    names = Table1.variants
    looks = {(colours(names)[name], markers(names)[name], str(dashes(names)[name])) for name in names}
    assert len(looks) == len(names)
    assert len({(colours(names)[name], markers(names)[name]) for name in names}) == len(names)
