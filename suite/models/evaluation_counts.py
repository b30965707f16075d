"""Evaluations of a vector field counted apart in forward and in backward passes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from suite.solvers import CountedField
from suite.solvers.deferred_counts import once_counted


class CountsEvaluations(nn.Module):
    """A module that solves an ODE, and says how often the field was evaluated.

    Attributes:
        counted: The field, with a count of its evaluations; set by whoever derives from this.
        nfe_forward: Evaluations of the field in forward passes since the counts were reset.
    """

    counted: CountedField

    def __init__(self) -> None:
        super().__init__()
        self.nfe_forward = 0

    @property
    def nfe_backward(self) -> int:
        """Evaluations of the field in backward passes since the counts were reset; direct gradients need none."""
        return int(self.counted.nfe) - self.nfe_forward

    def reset_counts(self) -> None:
        """Set the counts of evaluations to zero; call it between passes, not between a forward and its backward."""
        self.counted.reset()
        self.nfe_forward = 0

    @contextmanager
    def forward_pass(self) -> Iterator[None]:
        """Count what is evaluated inside the ``with`` block as a forward pass; a recording counts at every replay."""
        before = 0

        def begin() -> None:
            nonlocal before
            before = self.counted.nfe

        def end() -> None:
            self.nfe_forward += self.counted.nfe - before

        once_counted(begin)
        yield
        once_counted(end)
