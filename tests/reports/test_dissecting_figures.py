"""Figures of the theorems, the reflection and adaptive depth, drawn from synthetic rows and from partial ones."""

from __future__ import annotations

import pandas as pd
import pytest

from reference.published import PublishedNumber
from reference.published import load as published_numbers
from reports.figures.drawing import Evidence
from reports.figures.massaroli2020 import fig5, reflection, theorems
from suite.declarations import Experiment
from suite.experiments.massaroli2020.fig5 import Fig5
from suite.experiments.massaroli2020.reflection import Reflection
from suite.experiments.massaroli2020.theorems import Theorems
from tests.reports.drawn import Row, points

pytestmark = pytest.mark.usefixtures("light")


@pytest.fixture(scope="module")
def published() -> dict[str, PublishedNumber]:
    return dict(published_numbers())


def evidence(experiment: type[Experiment], rows: list[Row], published: dict[str, PublishedNumber]) -> Evidence:
    table = pd.DataFrame([{"seed": 0, "unit": "1", "stand_in_for": "", **row} for row in rows])
    own = {name: number for name, number in published.items() if number.artefact == experiment.id}
    return Evidence(experiment.id, experiment.variants, experiment.headline, table, own)


def test_gradient_errors_are_drawn_for_every_way_with_the_tolerance(published: dict[str, PublishedNumber]) -> None:
    rows: list[Row] = [
        {
            "variant": variant,
            "metric": "gradient_error",
            "way": way,
            "wrt": wrt,
            "tolerance": tolerance,
            "value": factor * tolerance,
        }
        for variant in ("generalised-adjoint", "spectral-gradient")
        for factor, way in enumerate(("autograd", "adjoint", "costate"), 1)
        for wrt in ("parameters", "initial-state")
        for tolerance in (1e-2, 1e-4)
    ]
    drawn = theorems.draw(evidence(Theorems, rows, published))
    one, other = points(drawn["generalised-adjoint"]), points(drawn["spectral-gradient"])
    for factor in (1, 2, 3):
        assert [[1e-4, factor * 1e-4], [1e-2, factor * 1e-2]] in one
    assert [[1e-4, 1e-4], [1e-2, 1e-2]] in one
    pilot = published[theorems.PILOT]
    assert [[x, y] for x, y in zip(pilot.x, pilot.y, strict=True)] in other
    assert len(other) == len(one) + 1
    assert "costate, as printed: 0.0003" in drawn["generalised-adjoint"].alternative
    assert all(drawn[name].figure is None for name in ("limits", "identities", "proposition-2", "memory"))


def test_limits_are_drawn_against_length_and_identities_with_what_is_allowed(
    published: dict[str, PublishedNumber],
) -> None:
    rows: list[Row] = [
        {"variant": "stacked-gradient", "metric": "limit_error", "pieces": pieces, "value": pieces**-2.0}
        for pieces in (4, 8)
    ]
    rows += [
        {"variant": "functional-gradient", "metric": "pointwise_error", "width": width, "centre": 0.5, "value": width}
        for width in (0.1, 0.2)
    ]
    rows += [
        {"variant": "proposition-2", "metric": "closed_form_error", "theta": 1.0, "value": value}
        for value in (0.0, 1e-12)
    ]
    rows += [{"variant": "proposition-2", "metric": "largest_error", "theta": 3.0, "value": 0.0996}]
    drawn = theorems.draw(evidence(Theorems, rows, published))
    assert [[0.125, 1 / 64], [0.25, 1 / 16]] in points(drawn["limits"])
    assert [[0.1, 0.1], [0.2, 0.2]] in points(drawn["limits"])
    assert [[theorems.SMALLEST, 0], [1e-12, 0]] in points(drawn["identities"])
    assert [[1e-9, 0]] in points(drawn["identities"])
    assert [[3.0, 0.0996]] in points(drawn["proposition-2"])
    assert [[1, 0.7358], [3, 0.09957], [5, 0.013476], [8, 0.0006709]] in points(drawn["proposition-2"])


def path_rows(variant: str, metric: str, **along: tuple[float, ...]) -> list[Row]:
    ((axis, places),) = along.items()
    return [
        {"variant": variant, "metric": metric, "x": x, axis: place, "value": x * (1 - 2 * place)}
        for x in (-1.0, 0.5)
        for place in places
    ]


def test_reflection_has_a_panel_for_each_model_and_the_floor(published: dict[str, PublishedNumber]) -> None:
    rows = [row for variant in Reflection.variants for row in path_rows(variant, "state", s=(0.0, 1.0))]
    for number, variant in enumerate(Reflection.variants):
        rows.append({"variant": variant, "metric": "mse", "value": 10.0**-number})
    drawn = reflection.draw(evidence(Reflection, rows, published))
    paths = drawn["paths"].figure
    assert paths is not None
    assert [axes.get_title() for axes in paths.axes] == list(Reflection.variants)
    assert [[0.0, 0.5], [1.0, -0.5]] in points(drawn["paths"])
    assert [[1.0, 1.0]] in points(drawn["paths"])  # the target of -1
    assert "data-controlled ends 0 from its targets" in drawn["paths"].alternative
    assert drawn["surface"].figure is not None
    assert "to 1 for the start -1" in drawn["surface"].alternative
    assert [[0.3401, 0.0], [0.3401, 1.0]] in points(drawn["errors"])
    assert "vanilla: 1; depth-concatenated: 0.1" in drawn["errors"].alternative
    assert drawn["training"].figure is None


def test_adaptive_depth_is_drawn_to_the_depth_of_every_path(published: dict[str, PublishedNumber]) -> None:
    rows: list[Row] = []
    for variant in Fig5.variants[1:]:
        rows += path_rows(variant, "path_state", fraction=(0.0, 1.0))
        rows += [{**row, "metric": "path_depth", "value": 3.0 * row["fraction"]} for row in rows[-4:]]
        rows += [{"variant": variant, "metric": "depth", "x": x, "value": 2 + x} for x in (-1.0, 1.0)]
        rows.append({"variant": variant, "metric": "crossings", "value": 0})
    rows += [
        {
            "variant": "mlp",
            "metric": "train_mse",
            "restart": restart,
            "iteration": iteration,
            "value": 1.0 / (1 + iteration),
        }
        for restart in (0, 1)
        for iteration in (0, 25)
    ]
    rows.append({"variant": "mlp", "metric": "success_rate", "value": 0.5})
    drawn = fig5.draw(evidence(Fig5, rows, published))
    assert [[0.0, 0.5], [3.0, -0.5]] in points(drawn["paths"])
    assert "depth-varying: depths from 3 to 3" in drawn["paths"].alternative
    assert "depth-varying: 0." in drawn["paths"].caption
    assert [[-1.0, 1.0], [1.0, 3.0]] in points(drawn["depth"])
    assert points(drawn["training"]).count([[0.0, 1.0], [25.0, 1 / 26]]) == 2
    assert "mlp: 50 % learn it" in drawn["training"].alternative
    assert drawn["errors"].figure is None


@pytest.mark.parametrize("experiment", [Theorems, Reflection, Fig5])
def test_pages_without_records_say_what_is_missing(
    experiment: type[Experiment], published: dict[str, PublishedNumber]
) -> None:
    module = {Theorems: theorems, Reflection: reflection, Fig5: fig5}[experiment]
    row: Row = {"variant": experiment.variants[0], "metric": "something-else", "value": 1.0}
    for drawing in module.draw(evidence(experiment, [row], published)).values():
        assert drawing.figure is None
        assert drawing.caption.startswith("No data")
