"""Figures of Fig. 4 and theorem 1, drawn from synthetic rows: every curve is there, at its numbers, in words too."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from reference import published
from reports.figures.chen2018 import fig4, theorem1
from reports.figures.drawing import Drawing, Evidence
from suite.declarations import Experiment
from suite.experiments.chen2018.fig4 import Fig4
from suite.experiments.chen2018.theorem1 import Theorem1

Rows = list[dict[str, object]]
SIZES = (2, 4, 8, 16, 32)
TARGETS = ("u1", "u3", "u4")


pytestmark = pytest.mark.usefixtures("light")


def evidence(experiment: type[Experiment], rows: Rows) -> Evidence:
    shared = {"seed": 0, "unit": "1", "stand_in_for": ""}
    table = pd.DataFrame([{**shared, **row} for row in rows])
    return Evidence(experiment.id, experiment.variants, experiment.headline, table, published.load())


def panels(drawing: Drawing) -> list[Axes]:
    assert drawing.figure is not None
    return list(drawing.figure.axes)


def heights(axes: Axes) -> list[list[float]]:
    drawn = (np.asarray(line.get_ydata(), dtype=float) for line in axes.lines)
    return [each.tolist() for each in drawn if len(each)]


def losses(metric: str = "loss") -> Rows:
    """Losses that fall from 2 to 0 with the size; a CNF is lower by one, and the last seed is an outlier."""
    return [
        {"variant": variant, "metric": metric, "target": target, "size": size, "seed": seed}
        | {"value": 2 - i / 2 - (variant == "cnf") + (10 if seed == 2 else 0)}
        for variant in Fig4.variants
        for target in TARGETS
        for i, size in enumerate(SIZES)
        for seed in range(3)
    ]


@pytest.mark.parametrize(("name", "metric"), [("loss", "loss"), ("divergence", "window_divergence")])
def test_medians_are_drawn_against_the_size_in_a_panel_for_each_target(name: str, metric: str) -> None:
    drawing = fig4.draw(evidence(Fig4, losses(metric)))[name]
    assert [axes.get_title() for axes in panels(drawing)] == ["U1", "U3", "U4"]
    for axes in panels(drawing):
        assert [1.0, 0.5, 0.0, -0.5, -1.0] in heights(axes)
        assert heights(axes).count([2.0, 1.5, 1.0, 0.5, 0.0]) == 4
        assert axes.get_legend() is None
    assert drawing.figure is not None
    assert {text.get_text() for text in drawing.figure.legends[0].get_texts()} >= set(Fig4.variants)
    assert "U4, cnf: 1.000, 0.500, 0.000, -0.500, -1.000" in drawing.alternative
    assert "Median of 3 seeds" in drawing.caption


def test_published_heights_stand_beside_ours_on_one_scale() -> None:
    drawing = fig4.draw(evidence(Fig4, losses()))["published"]
    left, right, *_ = panels(drawing)
    (theirs_nf, theirs_cnf), (ours_nf, ours_cnf) = heights(left), heights(right)
    assert ours_nf == pytest.approx([1, 5 / 6, 4 / 6, 3 / 6, 2 / 6])
    assert ours_cnf == pytest.approx([4 / 6, 3 / 6, 2 / 6, 1 / 6, 0])
    # U1: the NF goes from 2.62 to -0.51, the highest and the lowest point of the row.
    assert (theirs_nf[0], theirs_nf[-1]) == (1.0, 0.0)
    assert theirs_cnf[0] == pytest.approx((1.14 + 0.51) / (2.62 + 0.51))


def test_density_is_put_where_it_was_and_faint_cells_are_empty() -> None:
    # The density is highest at z1 = 3.5, z2 = -3.5 of a grid of 8 cells.
    cells = {(3.5, -3.5): 4.0, (2.5, -3.5): 2.0, (-3.5, 3.5): 1.0}
    rows: Rows = [
        {"variant": variant, "metric": "density", "target": "u3", "size": size, "z1": z1, "z2": z2, "value": value}
        for variant in ("nf-rmsprop", "cnf")
        for size in (2, 32)
        for (z1, z2), value in cells.items()
    ]
    drawn = fig4.draw(evidence(Fig4, rows))
    assert drawn["densities-u1"].figure is None
    assert len(panels(drawn["densities-u3"])) == 2 * (1 + 2)
    picture = np.asarray(panels(drawn["densities-u3"])[1].images[0].get_array())
    assert picture.shape == (8, 8)
    # Rows of an image are z2, from below.
    assert (picture[0, 7], picture[0, 6], picture[7, 0], picture.sum()) == (4.0, 2.0, 1.0, 7.0)


def test_training_and_cost_of_the_largest_and_of_every_size() -> None:
    rows: Rows = [
        {"variant": variant, "metric": "training_loss", "target": "u1", "size": size, "iteration": i, "value": 1.0 / i}
        for variant in Fig4.variants
        for size in (2, 32)
        for i in (1, 2, 4)
    ]
    rows += [
        {"variant": variant, "metric": "fastest_update_seconds", "size": size, "value": 1e-3 * size}
        for variant in Fig4.variants
        for size in (2, 32)
    ]
    drawn = fig4.draw(evidence(Fig4, rows))
    (training,), (cost,) = panels(drawn["training"]), panels(drawn["cost"])
    assert training.get_title() == "U1, K = M = 32"
    assert heights(training) == [[1.0, 0.5, 0.25]] * 5
    assert [2.0, 32.0] in heights(cost)
    assert "cnf: 32 ms" in drawn["cost"].alternative


def theorem_rows() -> Rows:
    rows: Rows = [
        {"variant": variant, "metric": "change_error", "tolerance": tolerance, "value": 3 * tolerance}
        for variant in ("mlp", "planar", "hamiltonian")
        for tolerance in (1e-3, 1e-6)
    ]
    for m in (2, 32):
        rows += [
            {"variant": "width", "metric": metric, "width": m, "value": value}
            for metric, value in (
                ("evaluation_macs", 10.0 * m), ("determinant_macs", m**3 / 3), ("narrow_determinant_macs", 4.0 * m),
                ("evaluation_seconds", 1e-6 * m), ("determinant_seconds", 1e-9 * m**3),
            )
        ]  # fmt: skip
    for t in (0.5, 1.0):
        rows += [{"variant": "mass", "metric": "mass", "t": t, "value": 1 - 1e-4 * t}]
        rows += [{"variant": "mass", "metric": "untraced_mass_error", "t": t, "value": 0.5 * t}]
    for quantity, variant in (("nfe", "reversal"), ("seconds", "reversal"), ("nfe", "mlp")):
        rows += [
            {"variant": variant, "metric": f"{quantity}_{way}", "tolerance": tolerance, "value": value}
            for tolerance in (1e-3, 1e-6)
            for way, value in (("forward", 20.0), ("reverse", 26.0))
        ]
    return rows


def test_theorem_1_draws_every_consequence_at_its_numbers() -> None:
    drawn = theorem1.draw(evidence(Theorem1, theorem_rows()))
    (change,), (cost,), (mass,), (reversal,) = (panels(drawn[n]) for n in ("change", "cost", "mass", "reversal"))
    assert heights(change).count([3e-6, 3e-3]) + heights(change).count([3e-3, 3e-6]) == 3
    assert [20.0, 320.0] in heights(cost)
    assert any(each == pytest.approx([8 / 3, 32**3 / 3]) for each in heights(cost))
    assert any(each == pytest.approx([5e-5, 1e-4]) for each in heights(mass))
    assert [26.0, 26.0] in heights(reversal)
    assert len([each for each in heights(reversal) if each == [20.0, 20.0]]) == 1
    assert "At the tolerance 1e-06, hamiltonian: 3e-06; planar: 3e-06; mlp: 3e-06." in drawn["change"].alternative
    assert all(drawing.figure is not None for drawing in drawn.values())


@pytest.mark.parametrize(("experiment", "draw"), [(Fig4, fig4.draw), (Theorem1, theorem1.draw)])
def test_without_data_the_figures_say_so(
    experiment: type[Experiment], draw: Callable[[Evidence], dict[str, Drawing]]
) -> None:
    drawn = draw(evidence(experiment, [{"variant": experiment.variants[0], "metric": "other", "value": 1.0}]))
    assert drawn
    for drawing in drawn.values():
        assert drawing.figure is None
        assert "No data" in drawing.caption
