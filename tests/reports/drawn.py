"""Figures drawn from a few rows written by hand, and what is found on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from reports.figures.drawing import Drawing, Evidence
from suite.declarations import Experiment

Row = dict[str, Any]


def evidence(experiment: type[Experiment], rows: Sequence[Row]) -> Evidence:
    """Return rows of one seed, in no unit and on no stand-in unless they say otherwise, beside no published number."""
    table = pd.DataFrame([{"seed": 0, "unit": "1", "stand_in_for": "", **row} for row in rows])
    return Evidence(experiment.id, experiment.variants, experiment.headline, table, {})


def points(drawing: Drawing) -> list[list[list[float]]]:
    """Return the points of every line of a figure, panel by panel."""
    assert drawing.figure is not None
    return [np.asarray(line.get_xydata()).tolist() for axes in drawing.figure.axes for line in axes.lines]
