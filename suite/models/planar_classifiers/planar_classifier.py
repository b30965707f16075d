"""An input network, a flow and a linear read-out: the general form of Massaroli et al. 2020 with a single output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from suite.models.data_control import DataControlledBlock
from suite.models.depth_varying import StackedField
from suite.models.ode_block import ODEBlock
from suite.solvers import Solution, solve


class PlanarClassifier(nn.Module):
    """``y = h_y(z(1))`` with ``dz/ds = f(s, z, x)`` and ``z(0) = h_x(x)`` (section 2 of the paper).

    Attributes:
        input_network: ``h_x``, from points ``[n, 2]`` to states ``[n, d]``.
        block: The flow as it is trained: an :class:`ODEBlock`, a :class:`DataControlledBlock` whose condition is the
            point itself, or None where the read-out follows on the input network.
        readout: ``h_y``, linear from ``[n, d]`` to ``[n, 1]``.
    """

    def __init__(
        self, input_network: nn.Module, block: ODEBlock | DataControlledBlock | None, readout: nn.Linear
    ) -> None:
        super().__init__()
        self.input_network = input_network
        self.block = block
        self.readout = readout

    def forward(self, x: Tensor) -> Tensor:
        """Predict the label of points ``[n, 2]`` by the solver that the block was made with; shape ``[n]``."""
        z: Tensor = self.input_network(x)
        if isinstance(self.block, DataControlledBlock):
            z = self.block(z, x)
        elif self.block is not None:
            z = self.block(z)
        return self.read(z)

    def read(self, z: Tensor) -> Tensor:
        """Apply the read-out to states ``[..., d]``; shape ``[...]``."""
        labels: Tensor = self.readout(z)
        return labels.squeeze(-1)

    @property
    def field(self) -> nn.Module:
        """The vector field.

        Raises:
            TypeError: When there is no flow.
        """
        if isinstance(self.block, DataControlledBlock):
            return self.block.field
        if self.block is None:
            raise TypeError("a model without a flow has no vector field")
        return cast(nn.Module, self.block.counted.vector_field)

    def derivative(self, s: Tensor, z: Tensor, x: Tensor) -> Tensor:
        """Return the field at a depth, for states ``[n, d]`` of the points ``x [n, 2]``."""
        controlled = isinstance(self.block, DataControlledBlock)
        value: Tensor = self.field(s, z, x) if controlled else self.field(s, z)
        return value

    @torch.no_grad()
    def solution(self, x: Tensor, depths: Sequence[float], tolerance: float) -> Solution:
        """Solve the flow of points ``[n, 2]`` by dopri5, whatever it was trained with.

        Args:
            x: The points.
            depths: Output depths, strictly monotone; the input network gives the states at the first.
            tolerance: Relative and absolute.

        Raises:
            TypeError: When there is no flow.
        """
        field = self.field
        # On the host whatever the state's device is: the solver reads depths there.
        times = torch.tensor(depths, dtype=torch.float64)
        options = field.adaptive_options(times) if isinstance(field, StackedField) else None
        return solve(
            lambda s, z: self.derivative(s, z, x),
            self.input_network(x),
            times,
            method="dopri5",
            rtol=tolerance,
            atol=tolerance,
            options=options,
        )

    @torch.no_grad()
    def final_states(self, x: Tensor, tolerance: float) -> Tensor:
        """Return what the read-out sees of points ``[n, 2]``, ``[n, d]``; without a flow that is ``h_x(x)``."""
        if self.block is None:
            initial: Tensor = self.input_network(x)
            return initial
        return cast(Tensor, self.solution(x, (0.0, 1.0), tolerance).states)[-1]

    @torch.no_grad()
    def predictions(self, x: Tensor, tolerance: float) -> Tensor:
        """Predict the labels of points ``[n, 2]`` with the flow solved to a tolerance; shape ``[n]``."""
        return self.read(self.final_states(x, tolerance))
