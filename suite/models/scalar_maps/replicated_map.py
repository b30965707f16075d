"""Maps of one architecture by solves, evaluated at once, each with the steps that it would take alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from suite.models.depth_varying import StackedField
from suite.models.replicas import Replicas
from suite.models.scalar_maps.controlled_map import ControlledMap
from suite.models.scalar_maps.flow_map import FlowMap
from suite.models.scalar_maps.scalar_map import ScalarMap
from suite.solvers import solve_per_sample


class ReplicatedMap(nn.Module):
    """The values of several maps at the same numbers: ``[replicas, n, 1]``.

    The solver takes each replica, with all of its numbers, for one sample of a batch with step-size control of its own:
    its steps are those that the map takes alone, to rounding, and so are gradients through them.
    """

    def __init__(self, maps: Sequence[ScalarMap]) -> None:
        """Copy the parameters of maps, which :func:`suite.models.replicas.put_back` writes back.

        Raises:
            ValueError: When there is none, they differ in architecture or tolerance, or :meth:`takes` refuses one.
        """
        super().__init__()
        if not maps or not all(map(self.takes, maps)):
            raise ValueError("replicated maps are flows of smooth fields or data-controlled")
        flows = [each for each in maps if isinstance(each, FlowMap)]
        controlled = [each for each in maps if isinstance(each, ControlledMap)]
        self.into = Replicas([each.into for each in flows]) if flows else nn.Identity()
        self.out = Replicas([each.out for each in flows]) if flows else nn.Identity()
        tolerances = {*(each.tolerance for each in flows), *(each.block.rtol for each in controlled)}
        if (flows and controlled) or len(tolerances) != 1:
            raise ValueError("replicated maps are of one kind and one tolerance")
        self.reads_input = bool(controlled)
        self.tolerance = tolerances.pop()
        self.field = Replicas([*(each.field for each in flows), *(each.block.field for each in controlled)])

    @staticmethod
    def takes(candidate: ScalarMap) -> bool:
        """Return whether a map can be one of several: its field never jumps, where every replica would have to stop."""
        if isinstance(candidate, FlowMap):
            return not isinstance(candidate.field, StackedField)
        return isinstance(candidate, ControlledMap) and candidate.block.gradient == "direct"

    def forward(self, x: Tensor) -> Tensor:
        """Map the numbers ``[n, 1]`` by each, shape ``[replicas, n, 1]``."""
        condition = x.expand(len(self.field), *x.shape)

        def derivative(s: Tensor, z: Tensor) -> Tensor:
            times = s.reshape(-1)  # one for each replica
            found: Tensor = self.field(times, z, condition) if self.reads_input else self.field(times, z)
            return found

        t = torch.tensor((0.0, 1.0), dtype=x.dtype)
        solution = solve_per_sample(derivative, self.into(condition), t, rtol=self.tolerance, atol=self.tolerance)
        values: Tensor = self.out(torch.as_tensor(solution.states)[-1])
        return values
