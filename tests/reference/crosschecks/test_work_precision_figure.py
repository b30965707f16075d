"""Work-precision diagrams compare libraries on the problems that all of them solve, by geometric means."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reference.crosschecks.work_precision import WorkPrecision
from reports.figures.crosscheck.work_precision import draw
from reports.figures.drawing import Evidence
from reports.figures.theme import LIGHT

# Errors and evaluations of two libraries on A1, A2 and B1 at two tolerances; torchode does not solve B1.
MEASURED = {
    ("suite", "A1", 1e-3): (1e-3, 100), ("suite", "A1", 1e-6): (1e-6, 400),
    ("suite", "A2", 1e-3): (1e-5, 400), ("suite", "A2", 1e-6): (1e-8, 1600),
    ("suite", "B1", 1e-3): (1.0, 9000), ("suite", "B1", 1e-6): (1.0, 9000),
    ("torchode", "A1", 1e-3): (1e-2, 50), ("torchode", "A1", 1e-6): (1e-5, 200),
    ("torchode", "A2", 1e-3): (0.0, 50), ("torchode", "A2", 1e-6): (1e-7, 200),
}  # fmt: skip


def _evidence(rows: list[dict[str, object]]) -> Evidence:
    columns = ["metric", "value", "variant", "seed", "problem", "method", "tolerance"]
    return Evidence(WorkPrecision.id, WorkPrecision.variants, "error", pd.DataFrame(rows, columns=columns), {})


@pytest.fixture
def evidence() -> Evidence:
    rows: list[dict[str, object]] = []
    for (variant, problem, tolerance), (error, nfe) in MEASURED.items():
        axes = {"variant": variant, "seed": 0, "problem": problem, "method": "dopri5", "tolerance": tolerance}
        for metric, value in (("error", error), ("nfe", nfe), ("seconds", nfe * 1e-6)):
            rows.append({"metric": metric, "value": float(value), **axes})
    for problem, walled in (("A1", 0.0), ("B1", 1.0)):
        axes = {"variant": "reference", "seed": 0, "problem": problem}
        rows += [{"metric": "reference_error", "value": 1e-12, **axes}, {"metric": "walled", "value": walled, **axes}]
    return _evidence(rows)


def test_a_point_is_the_geometric_mean_over_the_problems_that_every_library_solved(evidence: Evidence) -> None:
    with LIGHT.applied():
        figure = draw(evidence)["nfe-dopri5"].figure
    assert figure is not None
    curves = {
        str(line.get_label()): np.asarray(line.get_xydata(), dtype=np.float64) for line in figure.axes[0].get_lines()
    }
    np.testing.assert_allclose(curves["suite"], [[200, 1e-4], [800, 1e-7]])
    # An error of zero has no logarithm: it is drawn at 1e-16.
    np.testing.assert_allclose(curves["torchode"], [[50, 1e-9], [200, 1e-6]])


def test_every_class_with_a_solved_problem_has_a_panel_and_a_walled_problem_is_named(evidence: Evidence) -> None:
    with LIGHT.applied():
        drawing = draw(evidence)["classes-dopri5"]
    assert drawing.figure is not None
    assert [axes.get_title() for axes in drawing.figure.axes] == ["A: single equations", "B: small systems"]
    assert draw(evidence)["reference"].caption.endswith("curves flatten at one error on B1.")


def test_without_data_the_figure_says_so() -> None:
    drawings = draw(_evidence([]))
    assert [drawing.figure for drawing in drawings.values()] == [None, None]
