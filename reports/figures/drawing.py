"""What a figure is drawn from, and what a figure module returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from reference.published import PublishedNumber


@dataclass(frozen=True)
class Evidence:
    """The measurements of one experiment that were made together, and the published numbers to set beside them.

    Attributes:
        experiment: Its id.
        variants: Its variants in the order of declaration; fixes colours, markers and rows.
        headline: The metric that stands for it.
        rows: Measurements, one per row: ``variant``, ``seed``, ``metric``, ``value``, ``unit`` and the axes.
        published: Published numbers by id.
    """

    experiment: str
    variants: tuple[str, ...]
    headline: str
    rows: pd.DataFrame
    published: Mapping[str, PublishedNumber]

    def metric(self, name: str, *axes: str) -> pd.DataFrame:
        """Return the finite values of a metric that have all the named axes; empty when there are none."""
        rows = self.rows[self.rows["metric"] == name]
        if any(axis not in rows for axis in axes):
            return rows.iloc[:0]
        return rows[np.isfinite(rows["value"].astype(float))].dropna(subset=list(axes))

    def unit(self, name: str) -> str:
        """Return the unit of a metric, empty for a pure number or one that was not measured."""
        units = self.rows.loc[self.rows["metric"] == name, "unit"]
        return "" if units.empty or units.iloc[0] == "1" else str(units.iloc[0])

    def present(self, rows: pd.DataFrame) -> list[str]:
        """Return the variants found in ``rows``: declared ones in their order, then any others."""
        found = set(rows["variant"])
        return [name for name in self.known if name in found]

    @property
    def known(self) -> list[str]:
        """Every variant: declared ones in their order, then any others that were measured."""
        return [*self.variants, *sorted(set(self.rows["variant"]) - set(self.variants))]

    def test_sizes(self, variant: str) -> pd.Series[float]:
        """Return the sizes of the test set that a variant's cells recorded."""
        rows = self.metric("test_size")
        return rows.loc[rows["variant"] == variant, "value"]

    def printed(self, variant: str, quantity: str) -> float | None:
        """Return the published value of a variant's quantity, if it is one that may be judged against."""
        number = self.published.get(f"{self.experiment}/{variant}/{quantity}")
        return None if number is None or not number.judgeable else number.value

    @property
    def stand_in_for(self) -> str:
        """The data set that other data stood in for, or nothing."""
        names = sorted({str(name) for name in self.rows["stand_in_for"].dropna() if name})
        return ", ".join(names)

    def not_finite(self, name: str) -> str:
        """Say in a sentence how many values of a metric are not finite and so not drawn, or nothing."""
        values = self.rows.loc[self.rows["metric"] == name, "value"].astype(float)
        count = int((~np.isfinite(values)).sum())
        if count == 0:
            return ""
        return (
            " 1 value that is not finite is not drawn." if count == 1 else f" {count} values not finite are not drawn."
        )


@dataclass(frozen=True)
class Drawing:
    """One figure with its words, or the statement that there is nothing to draw.

    Attributes:
        title: A few words.
        figure: The figure, or None when no record holds what it shows.
        caption: What is plotted, in a sentence or two; or what is missing.
        alternative: The figure in words, for readers who do not see it.
    """

    title: str
    figure: Figure | None
    caption: str
    alternative: str = ""

    @classmethod
    def missing(cls, title: str, metric: str) -> Drawing:
        """Return the statement that no record holds a metric."""
        return cls(title, None, f"No data: no finished record here holds {metric}.")
