"""Figures of the cross-checks, drawn from synthetic rows: every curve is there, at its numbers, in words too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from reference.crosschecks.gradients import Gradients
from reference.crosschecks.memory import Memory
from reference.crosschecks.precision import Precision
from reference.crosschecks.speed import Speed
from reports.figures.crosscheck import gradients, memory, precision, speed
from reports.figures.drawing import Drawing, Evidence
from suite.declarations import Experiment

pytestmark = pytest.mark.usefixtures("light")


def evidence(experiment: type[Experiment], rows: list[dict[str, object]]) -> Evidence:
    shared = {"seed": 0, "unit": "1", "stand_in_for": ""}
    table = pd.DataFrame([{**shared, **row} for row in rows])
    return Evidence(experiment.id, experiment.variants, experiment.headline, table, {})


def panels(drawing: Drawing) -> list[Axes]:
    assert drawing.figure is not None
    return list(drawing.figure.axes)


def legend(axes: Axes) -> list[str]:
    found = axes.get_legend()
    return [] if found is None else [text.get_text() for text in found.get_texts()]


def points(axes: Axes) -> list[list[list[float]]]:
    drawn = (np.asarray(line.get_xydata()) for line in axes.lines)
    return [each.tolist() for each in drawn if len(each)]


def test_memory_has_a_panel_of_the_discretised_and_one_of_the_continuous_with_the_worst_method() -> None:
    rows: list[dict[str, object]] = [
        {"variant": variant, "metric": "kept_bytes", "value": 1024.0 * steps, "method": "rk4", "steps": steps}
        for variant in Memory.variants
        for steps in (1, 10, 100)
    ]
    rows += [
        {"variant": "reversible", "metric": "kept_bytes", "value": 4096.0 * steps, "method": "other", "steps": steps}
        for steps in (1, 10, 100)
    ]
    drawn = memory.draw(evidence(Memory, rows))
    assert set(drawn) == {"kept-steps"}
    discrete, continuous = panels(drawn["kept-steps"])
    assert sorted([*legend(discrete), *legend(continuous)]) == sorted(Memory.variants)
    assert "adjoint" in legend(continuous)
    assert "recursive" in legend(discrete)
    assert [[1.0, 4.0], [10.0, 40.0], [100.0, 400.0]] in points(discrete)
    assert [[1.0, 4.0], [10.0, 40.0], [100.0, 400.0]] not in points(continuous)
    assert "reversible: 4 at 1, 400 at 100" in drawn["kept-steps"].alternative


def test_no_two_curves_of_a_panel_look_alike() -> None:
    for experiment, metric, draw, name in (
        (Memory, "kept_bytes", memory.draw, "kept-tolerance"),
        (Gradients, "reconstruction_error", gradients.draw, "drift-linear-dopri5"),
    ):
        rows: list[dict[str, object]] = [
            {"variant": variant, "metric": metric, "value": tolerance, "method": "dopri5", "problem": "linear"}
            | {"tolerance": tolerance}
            for variant in experiment.variants
            for tolerance in (1e-2, 1e-4)
        ]
        for axes in panels(draw(evidence(experiment, rows))[name]):
            handles, labels = axes.get_legend_handles_labels()
            drawn = [handle for handle in handles if isinstance(handle, Line2D)]
            looks = {(str(each.get_color()), str(each.get_marker()), str(each.get_linestyle())) for each in drawn}
            assert len(looks) == len(labels)


def test_speed_is_time_over_the_field_of_the_same_batch() -> None:
    times = {"suite": 2.0, "torchdiffeq": 4.0, "field": 1.0}
    rows: list[dict[str, object]] = [
        {"variant": variant, "metric": "seconds", "value": factor * batch + repeat, "library": library, "field": field}
        | {"batch": batch, "repeat": repeat}
        for variant in Speed.variants
        for field in ("small", "large")
        for batch in (1, 128)
        for library, factor in times.items()
        for repeat in (0, 1)
    ]
    rows += [
        {"variant": variant, "metric": "host_syncs", "value": value, "library": library}
        for variant in Speed.variants
        for library, value in (("suite", 0.0), ("torchdiffeq", 18.0))
    ]
    alone = {"library": "suite-compiled", "field": "small", "batch": 128, "value": 64.0, "repeat": 0}
    rows.append({"variant": "dopri5-forward", "metric": "seconds", **alone})
    drawn = speed.draw(evidence(Speed, rows))
    assert {f"time-{variant}" for variant in Speed.variants} < set(drawn)
    large, small = panels(drawn["time-dopri5-forward"])
    for axes in (large, small):
        assert [[1.0, 2.0], [128.0, 2.0]] in points(axes)
        assert [[1.0, 4.0], [128.0, 4.0]] in points(axes)
        assert ([[128.0, 0.5]] in points(axes)) == (axes is small)
    assert "rk4-direct, torchdiffeq: 18" in drawn["syncs"].alternative
    assert drawn["operations"].figure is None


def test_the_distance_from_the_limit_is_drawn_for_ours_and_told_with_every_time() -> None:
    shared = {"variant": "rk4-forward", "field": "small"}
    rows: list[dict[str, object]] = [
        {**shared, "metric": metric, "value": value / factor, "library": library, "batch": batch, "repeat": 0}
        for batch, value in ((1, 0.002), (128, 0.03))
        for library, factor in (("suite", 1.0), ("torchdiffeq", 4.0), ("field", 0.5))
        for metric in ("seconds", "fraction_of_limit")
    ]
    rows += [
        {"variant": variant, "metric": "copy_bandwidth", "value": rate, "size": size}
        for variant in ("rk4-forward", "rk4-direct")
        for size, rate in ((2**20, 9e12), (2**30, 4e12 if variant == "rk4-forward" else 3e12))
    ]
    rows.append({"variant": "rk4-forward", "metric": "matrix_rate", "value": 5e13, "precision": "float32"})
    drawn = speed.draw(evidence(Speed, rows))
    (axes,) = panels(drawn["limit"])
    assert [[1.0, 0.002], [128.0, 0.03]] in points(axes)
    assert [[1.0, 0.0005], [128.0, 0.0075]] not in points(axes)
    assert "copied 9,000 GB/s at best and 4,000 GB/s in tensors of 1024 MiB" in drawn["limit"].caption
    assert "50,000 GFLOP/s in float32" in drawn["limit"].caption
    told = "ours reaches 3 % at batch 128 of the field small (its work alone 6 %)"
    assert told in drawn["time-rk4-forward"].caption


def test_reversible_errors_are_drawn_against_steps_for_each_reference() -> None:
    rows: list[dict[str, object]] = [
        {"variant": "reversible", "metric": "gradient_error", "value": value, "problem": "linear", "wrt": wrt}
        | {"method": "reversible_heun", "steps": steps, "reference": reference}
        for steps in (8, 16)
        for wrt, scale in (("y0", 1.0), ("parameters", 3.0), ("times", 99.0))
        for reference, value in (("finite-differences", scale / steps**2), ("direct", 0.0))
    ]
    drawn = gradients.draw(evidence(Gradients, rows))
    (axes,) = panels(drawn["reversible-linear"])
    assert sorted(points(axes)) == [
        [[8.0, gradients.SMALLEST], [16.0, gradients.SMALLEST]],
        [[8.0, 3 / 64], [16.0, 3 / 256]],
    ]


@pytest.mark.parametrize(("experiment", "draw"), [(Memory, memory.draw), (Speed, speed.draw)])
def test_without_data_the_figures_say_so(experiment: type[Experiment], draw: object) -> None:
    rows: list[dict[str, object]] = [{"variant": experiment.variants[0], "metric": "other", "value": 1.0}]
    assert callable(draw)
    drawn = draw(evidence(experiment, rows))
    assert drawn
    for drawing in drawn.values():
        assert drawing.figure is None
        assert "No data" in drawing.caption


def test_precision_shows_training_by_epoch_and_solves_by_tolerance_over_those_of_float32() -> None:
    rows: list[dict[str, object]] = []
    for place, variant in enumerate(Precision.variants):
        for epoch in (1, 2):
            axes: dict[str, object] = {"variant": variant, "epoch": epoch}
            rows.append({"metric": "test_error", "value": 10.0 - epoch + place, **axes})
            rows.append({"metric": "nfe_forward", "value": 26.0 + place, **axes})
        for tolerance, evaluations in ((1e-1, 20.0), (1e-3, 40.0)):
            axes = {"variant": variant, "tolerance": tolerance}
            rows.append({"metric": "solve_error", "value": tolerance * (place + 1), **axes})
            rows.append({"metric": "solve_nfe", "value": evaluations * (1 + 0.1 * place), **axes})
            rows.append({"metric": "float32_nfe", "value": evaluations, **axes})
    drawn = precision.draw(evidence(Precision, rows))
    assert list(drawn) == ["error", "nfe", "accuracy", "evaluations"]
    (errors,) = panels(drawn["error"])
    assert [[1.0, 12.0], [2.0, 11.0]] in points(errors)
    (accuracy,) = panels(drawn["accuracy"])
    assert [[1e-3, 2e-3], [1e-1, 2e-1]] in points(accuracy)
    (relative,) = panels(drawn["evaluations"])
    assert np.asarray([[1e-3, 1.3], [1e-1, 1.3]]) == pytest.approx(np.asarray(points(relative)[3]))
    assert relative.xaxis_inverted()
    assert "tf32-channels-last: 1.3 at tolerance 0.1" in drawn["evaluations"].alternative


def test_precision_without_records_says_what_is_missing() -> None:
    drawn = precision.draw(evidence(Precision, [{"variant": "float32-contiguous", "metric": "other", "value": 1.0}]))
    assert all(each.figure is None and each.caption.startswith("No data") for each in drawn.values())
