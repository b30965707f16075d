"""How a solver walks the depth of a field, which may jump on its way."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from suite.models.depth_varying import StackedField
from suite.solvers.methods import find


def solver_options(field: nn.Module, method: str, steps: int, depths: Tensor) -> dict[str, Any]:
    """Return the options of a solve: an adaptive method stops where a stacked field jumps, others take equal steps.

    Args:
        field: The field, a :class:`suite.models.depth_varying.StackedField` or a smooth one.
        method: A method of ``suite.solvers``.
        steps: Number of steps in a unit of depth, for a method that does not choose them.
        depths: Output depths of the solve.

    Raises:
        ValueError: When the steps do not end where the pieces of a stacked field do.
    """
    adaptive = find(method).adaptive
    if not isinstance(field, StackedField):
        return {} if adaptive else {"step_size": 1 / steps}
    if adaptive:
        return field.adaptive_options(depths)
    pieces = len(field.fields)
    if steps % pieces:
        raise ValueError(f"{steps} steps do not end where {pieces} pieces do")
    return field.grid_options(steps // pieces)
