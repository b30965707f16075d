"""Figures of an ODE-Net's solves, drawn from synthetic rows: points and published medians are where they should be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reference import published
from reports.figures.chen2018 import fig3, section6
from reports.figures.drawing import Evidence
from suite.experiments.chen2018.fig3 import Fig3
from suite.experiments.chen2018.section6 import Section6
from tests.reports.drawn import Row, points

TOLERANCES = (1.0, 1e-1, 1e-2, 1e-3)


pytestmark = pytest.mark.usefixtures("light")


def evidence(experiment: type[Fig3] | type[Section6], rows: list[Row]) -> Evidence:
    shared = {"seed": 0, "unit": "1", "stand_in_for": ""}
    table = pd.DataFrame([{**shared, **row} for row in rows])
    return Evidence(experiment.id, experiment.variants, experiment.headline, table, published.load())


def statistics(variant: str) -> list[Row]:
    rows: list[Row] = []
    for tolerance in TOLERANCES:
        forward = 10.0 - 5 * np.log10(tolerance)
        where: Row = {"variant": variant, "tolerance": tolerance, "per": "image", "index": 0}
        plain = {
            "nfe_forward": forward,
            "numerical_error": tolerance / 10,
            "forward_seconds": forward / 1000,
            "reconstruction_error": tolerance,
        }
        rows += [{**where, "metric": metric, "value": value} for metric, value in plain.items()]
        for scale in (1.0, 1000.0):
            rows += [
                {**where, "loss_scale": scale, "metric": metric, "value": value}
                for metric, value in (
                    ("nfe_backward", forward / 2 * scale**0.1),
                    ("nfe_ratio", 0.5 * scale**0.1),
                    ("gradient_error", tolerance / scale**0.1),
                )
            ]
    return rows


def test_panels_show_each_image_beside_the_published_medians() -> None:
    training: list[Row] = [
        {
            "variant": "training",
            "metric": "nfe_probe",
            "value": 10.0 + epoch,
            "epoch": epoch,
            "tolerance": 1e-3,
            "method": method,
        }
        for epoch in (0.0, 1.0, 2.0)
        for method in ("dopri5", "vode_adams")
    ]
    drawn = fig3.draw(evidence(Fig3, [*statistics("dopri5"), *statistics("vode_adams"), *training]))
    assert all(drawing.figure is not None for drawing in drawn.values())
    panel = points(drawn["error"])
    assert [[10.0, 0.1]] in panel  # measured at tolerance 1
    assert [[13.0, 0.005]] in panel  # published at tolerance 1
    assert "100 % of the points lie below" in drawn["error"].caption
    assert [[25.0, 25 / 25]] in points(drawn["time"])
    assert [[13.0, 6.0]] in points(drawn["backward"])
    assert "is 0.50" in drawn["backward"].caption
    assert [[0.0, 10.0], [0.5, 11.0], [1.0, 12.0]] in points(drawn["training"])
    assert "dopri5, 1e-03: 10 at first, 12 at last" in drawn["training"].alternative
    assert "At tolerance 1e-03" in drawn["loss-scale"].caption
    assert "vode_adams: 0.5 at 1, 0.998 at 1000" in drawn["loss-scale"].alternative


def test_figures_of_partial_records_say_what_is_missing() -> None:
    bare: list[Row] = [{"variant": "dopri5", "metric": "other", "value": 1.0}]
    for module, experiment in ((fig3, Fig3), (section6, Section6)):
        drawn = module.draw(evidence(experiment, bare))
        assert all(drawing.figure is None and "No data" in drawing.caption for drawing in drawn.values())
    some = [row for row in statistics("tsit5") if row["metric"] in ("nfe_forward", "numerical_error")]
    drawn = fig3.draw(evidence(Fig3, some))
    assert drawn["error"].figure is None  # the paper's solver is not among them
    assert drawn["error-tolerance"].figure is not None


def test_trials_of_section_6_are_drawn_at_their_numbers() -> None:
    rows: list[Row] = []
    for variant, growth in (("mild", 0.0), ("mixed-stiffness", 1.0)):
        for batch in (1, 4, 16):
            where: Row = {"variant": variant, "batch": batch, "tolerance": 1e-3}
            rows += [
                {**where, "metric": metric, "value": value}
                for metric, value in (
                    ("nfe_over_single", 1 + growth * batch), ("nfe_per_sample", 30.0), ("joint_error", 2e-3),
                    ("alone_error", 1e-3),
                )
            ]  # fmt: skip
    rows += [
        {"variant": "mild", "metric": "round_trip_error", "value": tolerance, "tolerance": tolerance}
        for tolerance in (1e-2, 1e-4)
    ]
    for tolerance in (1e-1, 1e-5):
        rows.append({"variant": "classifier-tolerance", "metric": "test_error", "value": 5.0, "tolerance": tolerance})
        rows.append({"variant": "density-tolerance", "metric": "excess_nll", "value": 0.2, "tolerance": tolerance})
    drawn = section6.draw(evidence(Section6, rows))
    assert all(drawing.figure is not None for drawing in drawn.values())
    assert "mixed-stiffness: 17 at 16" in drawn["minibatch"].alternative
    assert "mild: 2 at 16" in drawn["minibatch-error"].alternative
    assert "mild: 0.0001 at 0.0001" in drawn["reversal"].alternative
    assert [[1e-5, 5.0], [1e-1, 5.0]] in points(drawn["classifier-tolerance"])
