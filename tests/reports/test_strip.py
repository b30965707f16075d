"""Points in bands: each stands in its own band, and groups differ without colour too."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reports.figures.strip import strip


def test_every_value_stands_in_its_band_and_every_group_has_a_marker_of_its_own() -> None:
    rows = pd.DataFrame(
        {
            "case": ["a", "b", "b", "c"],
            "way": ["one", "one", "two", "two"],
            "value": [1.0, 2.0, 3.0, 4.0],
        }
    )
    axes = Figure().subplots()
    strip(axes, rows, band="case", bands=["b", "a"], group="way", groups=["one", "two"])
    one, two = axes.lines[:2]
    assert [line.get_label() for line in (one, two)] == ["one", "two"]
    assert one.get_marker() != two.get_marker()
    assert np.asarray(one.get_xdata()).tolist() == [1.0, 2.0]
    assert np.rint(np.asarray(one.get_ydata())).tolist() == [1, 0]
    assert np.asarray(two.get_xdata()).tolist() == [3.0]  # what is of no band is left out
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a"]
