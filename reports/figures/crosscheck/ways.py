"""Ways to differentiate in two panels, so that no panel has more curves than there are looks."""

from __future__ import annotations

from matplotlib.axes import Axes

CONTINUOUS = (
    "torchdiffeq-adjoint",
    "adjoint",
    "adjoint-seminorm",
    "adjoint-quadrature",
    "adjoint-segments",
    "interpolated",
)
"""Variants that solve the continuous adjoint; the others differentiate the discretised solution."""

PANELS = {"the discretised solution": False, "the continuous adjoint": True}
"""Title of each panel, and whether it shows the continuous ones."""


def in_panel(variant: str, continuous: bool) -> bool:
    """Say whether a variant belongs to a panel."""
    return (variant in CONTINUOUS) == continuous


def legend_under(axes: Axes, columns: int = 2) -> None:
    """Put a panel's legend below it, where it hides no data."""
    handles, labels = axes.get_legend_handles_labels()
    legend = axes.get_legend()
    if legend is not None:
        legend.remove()
    if labels:
        axes.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=columns)
