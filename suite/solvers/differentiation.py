"""How a solve is differentiated, where it is not by autograd through the solver's steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from suite.solvers.solution import Solution
from suite.solvers.state import State
from suite.solvers.vector_field import VectorField


class Differentiation(ABC):
    """A way to differentiate a solve; ``suite.gradients`` defines them."""

    @abstractmethod
    def solve(self, vector_field: VectorField, y0: State, t: Tensor, arguments: Mapping[str, Any]) -> Solution:
        """Solve so that the states of the solution are differentiable in this way.

        Args:
            vector_field: As in :func:`suite.solvers.solve`.
            y0: Likewise.
            t: Likewise.
            arguments: The other arguments of :func:`suite.solvers.solve`: method, tolerances, options.
        """
