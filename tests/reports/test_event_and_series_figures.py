"""Figures of event intensities and of real series, drawn from synthetic rows and from partial ones."""

from __future__ import annotations

import pytest

from reports.figures.chen2018 import fig7, time_series
from suite.experiments.chen2018.fig7 import Fig7
from suite.experiments.chen2018.time_series import TimeSeries
from tests.reports.drawn import Row, evidence, points

pytestmark = pytest.mark.usefixtures("light")


def event_rows(variants: tuple[str, ...]) -> list[Row]:
    rows: list[Row] = []
    for number, variant in enumerate(variants):
        for name, sequences in (("two-bumps", 1), ("random-phase", 2)):
            shared: Row = {"variant": variant, "intensity": name}
            rows.append({**shared, "metric": "excess_nll", "value": 0.5 * number})
            rows.append({**shared, "metric": "intensity_error", "value": 0.1 * number})
            for sequence in range(sequences):
                for t in (0.0, 5.0, 10.0):
                    rows.append({**shared, "metric": "intensity", "sequence": sequence, "t": t, "value": t + number})
    return rows


def test_each_intensity_is_drawn_over_the_truth_with_a_panel_for_each_sequence_and_its_events() -> None:
    rows = event_rows(Fig7.variants)
    rows.append({"variant": "truth", "metric": "event_time", "intensity": "two-bumps", "sequence": 0, "value": 2.5})
    drawn = fig7.draw(evidence(Fig7, rows))
    bumps, phases = drawn["intensity-two-bumps"], drawn["intensity-random-phase"]
    assert bumps.figure is not None
    assert phases.figure is not None
    assert (len(bumps.figure.axes), len(phases.figure.axes)) == (1, 2)
    for number in range(4):
        assert [[0.0, number], [5.0, 5.0 + number], [10.0, 10.0 + number]] in points(bumps)
    assert [[2.5, 0.0]] in points(bumps)
    assert "latent-ode: 0.3" in bumps.alternative
    assert "two-bumps, latent-ode: 1.5" in drawn["score"].alternative
    assert drawn["training"].figure is None


def test_errors_of_the_integral_are_drawn_with_the_line_of_the_tolerance() -> None:
    rows: list[Row] = [
        {
            "variant": "latent-ode",
            "metric": "integral_error",
            "intensity": "sinusoid",
            "tolerance": each,
            "value": each / 4,
        }
        for each in (1e-2, 1e-4)
    ]
    drawn = fig7.draw(evidence(Fig7, rows))["integral-error"]
    assert [[1e-4, 1e-4], [1e-2, 1e-2]] in points(drawn)
    assert [[1e-4, 2.5e-5], [1e-2, 2.5e-3]] in points(drawn)


def series_rows(variants: tuple[str, ...]) -> list[Row]:
    rows: list[Row] = []
    for number, variant in enumerate(variants):
        for part, missing in (("train", 54.0), ("test", 5.0)):
            rows.append(
                {"variant": variant, "metric": "steps_missing", "series": "co2", "part": part, "value": missing}
            )
        for task in time_series.TASKS:
            rows.append({"variant": variant, "metric": "rmse", "series": "co2", "task": task, "value": 1.0 + number})
        for t in (0.0, 1.0):
            rows.append({"variant": variant, "metric": "predicted", "series": "co2", "t": t, "value": t + number})
    return rows


def test_scores_of_series_say_which_gaps_are_real_and_which_are_artificial() -> None:
    rows = series_rows(TimeSeries.variants)
    rows.append(
        {"variant": "last-value", "metric": "observed", "series": "co2", "t": 0.5, "kind": "read", "value": 0.7}
    )
    drawn = time_series.draw(evidence(TimeSeries, rows))
    assert "co2 59 (5 in the test part)" in drawn["rmse-forecast"].caption
    assert "artificial" in drawn["rmse-interpolation"].caption
    assert "co2, latent-ode: 6" in drawn["rmse-forecast"].alternative
    assert drawn["nll-forecast"].figure is None
    window = drawn["window-co2"]
    assert window.figure is not None
    assert len(window.figure.axes) == 2
    assert [[0.5, 0.7]] in points(window)
    for number in range(6):
        assert [[0.0, number], [1.0, 1.0 + number]] in points(window)


@pytest.mark.parametrize("variant", ["latent-ode", "histogram"])
def test_partial_records_of_events_are_drawn_as_far_as_they_go(variant: str) -> None:
    drawn = fig7.draw(evidence(Fig7, event_rows((variant,))))
    assert drawn["intensity-two-bumps"].figure is not None


def test_without_data_the_figures_say_so() -> None:
    for experiment, draw in ((Fig7, fig7.draw), (TimeSeries, time_series.draw)):
        rows: list[Row] = [{"variant": experiment.variants[0], "metric": "other", "value": 1.0}]
        for drawing in draw(evidence(experiment, rows)).values():
            assert drawing.figure is None
            assert "No data" in drawing.caption
