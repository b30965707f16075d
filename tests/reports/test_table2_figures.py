"""Figures of Table 2 from synthetic rows: every panel is there, and nothing fails on part of a record."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reference import published
from reports.figures.chen2018 import table2
from reports.figures.drawing import Drawing, Evidence
from suite.experiments.chen2018.table2 import Table2

FIGURES = {
    "extrapolation",
    "ratio",
    "interpolation",
    "forecasts",
    "latent-paths",
    "sweep",
    "reconstructions",
    "direction",
    "training",
}


pytestmark = pytest.mark.usefixtures("light")


def evidence(rows: list[dict[str, object]]) -> Evidence:
    shared = {"seed": 0, "unit": "1", "stand_in_for": "", "value": 1.0}
    table = pd.DataFrame([{**shared, **row} for row in rows], columns=None)
    return Evidence(Table2.id, Table2.variants, Table2.headline, table, published.load())


def errors() -> list[dict[str, object]]:
    """RMSE of 1 for every baseline and of 0.5 for the latent ODE, by data and observations."""
    return [
        {"variant": variant, "metric": metric, "against": "truth", "data": data, "observations": count, "seed": seed}
        | {"value": 0.5 if variant == "latent-ode" else 1.0}
        for variant in Table2.variants
        for metric in ("extrapolation_rmse", "interpolation_rmse", "constant_rmse")
        for data in ("common-centre", "released")
        for count in (30, 50, 100)
        for seed in (0, 1)
    ]


def picture(variant: str, panel: str, curve: str, steps: range, **axes: object) -> list[dict[str, object]]:
    return [
        {"variant": variant, "metric": "picture", "panel": panel, "curve": curve, "step": step, "value": float(step)}
        | {"coordinate": coordinate, **axes}
        for step in steps
        for coordinate in "xy"
    ]


def pictures() -> list[dict[str, object]]:
    rows = []
    for panel in ("clockwise", "counter-clockwise"):
        rows += picture("latent-ode", panel, "truth", range(0, 200, 50))
        rows += picture("latent-ode", f"latent {panel}", f"path {len(panel)}", range(5))
        for count in (30, 50, 100):
            rows += picture("latent-ode", panel, "model", range(0, 200, 20), observations=count)
            rows += picture("latent-ode", panel, "observed", range(5), observations=count)
        for variant in Table2.variants[:-1]:
            rows += picture(variant, panel, "model", range(0, 200, 20), observations=50)
    for number in range(8):
        rows += picture("latent-ode", f"sweep {number}", str(number - 3.5), range(5))
    return rows


def others() -> list[dict[str, object]]:
    shared: dict[str, object] = {"data": "common-centre", "observations": 50}
    probes = ({"variant": "latent-ode", "probed": name} for name in ("z0", "first-observation"))
    rows = [shared | probe | {"metric": "direction_accuracy", "value": 99.0} for probe in probes]
    steps = ({"variant": name, "iteration": step} for name in Table2.variants for step in (100, 200))
    return rows + [shared | step | {"metric": "validation_rmse"} for step in steps]


def panels(drawing: Drawing) -> int:
    assert drawing.figure is not None
    return len(drawing.figure.axes)


def test_every_figure_is_drawn_with_a_panel_for_each_thing_it_compares() -> None:
    drawn = table2.draw(evidence(errors() + pictures() + others()))
    assert set(drawn) == FIGURES
    assert all(drawing.figure is not None for drawing in drawn.values())
    expected = {"extrapolation": 3, "ratio": 2, "interpolation": 2, "forecasts": 8, "reconstructions": 6, "sweep": 8}
    assert {name: panels(drawn[name]) for name in expected} == expected
    assert "rnn as printed: 0.3937 at 30, 0.3202 at 50, 0.1813 at 100" in drawn["extrapolation"].alternative
    assert "released generator's spirals, mean position: 0.875" in drawn["extrapolation"].alternative
    assert "over rnn-vae: 0.5 at 30, 0.5 at 50, 0.5 at 100" in drawn["ratio"].alternative
    assert "latent-ode, z0: 99 %" not in drawn["direction"].alternative
    assert "common-centre, z0 of latent-ode: 99 %" in drawn["direction"].alternative


def test_printed_ratios_are_drawn_beside_the_measured_ones() -> None:
    figure = table2.draw(evidence(errors()))["ratio"].figure
    assert figure is not None
    for axes in figure.axes:
        drawn = [np.asarray(line.get_xydata()).tolist() for line in axes.lines]
        assert [[30.0, 0.42], [50.0, 0.47], [100.0, 0.74]] in drawn


@pytest.mark.parametrize("kept", range(0, 60, 12))
def test_part_of_the_records_is_drawn_or_said_to_be_missing(kept: int) -> None:
    rows = (errors() + pictures() + others())[kept::61] or errors()[:1]
    drawn = table2.draw(evidence(rows))
    assert set(drawn) == FIGURES
    for drawing in drawn.values():
        assert drawing.figure is not None or drawing.caption.startswith("No data")
        if drawing.figure is not None:
            drawing.figure.draw_without_rendering()


def test_without_the_latent_ode_the_ratio_is_missing() -> None:
    rows = [row for row in errors() if row["variant"] == "rnn"]
    assert table2.draw(evidence(rows))["ratio"].figure is None
