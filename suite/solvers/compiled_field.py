"""A vector field compiled by itself, and counted from outside."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from suite.solvers.compiled_graph import Outputs
from suite.solvers.compiled_kept import kept_for
from suite.solvers.step_graph import Evaluation
from suite.solvers.vector_field import PackedField, count_evaluations, without_counters


class CompiledField:
    """A vector field compiled by itself, for the evaluations outside steps; counted as :class:`PackedField` counts.

    Args:
        field: The vector field on the packed state, whose count goes up.
        evaluation: The field as the compiler sees it: this one, or one made of it.
    """

    def __init__(self, field: PackedField, evaluation: Evaluation) -> None:
        self.subject, self._counters = without_counters(field.vector_field)
        self._packed = field
        self._function = kept_for(self.subject).function(evaluation)
        self._bound: Callable[..., Outputs] | None = None

    def __call__(self, t: Tensor, state: Tensor) -> Tensor:
        """Evaluate the field, without gradients."""
        self.count(1)
        state = state.contiguous()
        t = t.to(state.dtype)
        with torch.no_grad():
            if self._bound is None:
                (derivative,), self._bound = self._function.bind(self.subject, t, state)
            else:
                (derivative,) = self._bound(t, state)
        return derivative

    def check(self, t: Tensor, state: Tensor) -> None:
        """Evaluate the field uncompiled and uncounted: one that returns no state is refused in its own words."""
        PackedField(self.subject, self._packed.layout)(t, state)

    def count(self, evaluations: int) -> None:
        """Count evaluations that compiled steps made."""
        count_evaluations(self._packed, self._counters, evaluations)
