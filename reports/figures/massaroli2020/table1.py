"""Table 1 of Massaroli et al. 2020 on MNIST: accuracy, evaluations and parameters, and what solvers change."""

from __future__ import annotations

from reports.figures.drawing import Drawing, Evidence
from reports.figures.massaroli2020.augmentation import draw_table


def draw(evidence: Evidence) -> dict[str, Drawing]:
    """Draw every figure of the table's page."""
    return draw_table(evidence, "mnist")
