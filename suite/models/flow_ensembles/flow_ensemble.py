"""Planar normalizing flows of several depths, evaluated together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from suite.models.flow_ensembles.padding import put_back, stacked
from suite.models.flows import NormalizingFlow
from suite.models.flows.planar_flow import constrained


class FlowEnsemble(nn.Module):
    """Independent planar flows, each a chain of its own depth, with their layers of one number in one operation.

    Flows that end early leave the chain, so nothing is computed for a layer that a flow does not have. As optimisers
    that work element by element keep the flows apart, training them together is training each alone.
    """

    def __init__(self, flows: Sequence[NormalizingFlow]) -> None:
        """Copy the parameters of flows, which stay as they are until :meth:`put_back`.

        Raises:
            ValueError: When there is none, or they are not ordered from the deepest to the shallowest.
        """
        super().__init__()
        self.depths = tuple(flow.depth for flow in flows)
        if not flows or any(one < other for one, other in pairwise(self.depths)):
            raise ValueError(f"flows are ordered from the deepest to the shallowest, not of depths {self.depths}")
        self.flows = tuple(flows)
        # Filled up with ones: no flow uses them, and the constraint of a zero direction has no finite derivative.
        self.w = nn.Parameter(stacked([flow.w.detach() for flow in flows], self.depths[0], fill=1.0))
        self.u = nn.Parameter(stacked([flow.u.detach() for flow in flows], self.depths[0], fill=1.0))
        self.b = nn.Parameter(stacked([flow.b.detach() for flow in flows], self.depths[0], fill=1.0))

    def put_back(self) -> None:
        """Copy the parameters into the flows that the ensemble was made of."""
        for whole, name in ((self.w, "w"), (self.u, "u"), (self.b, "b")):
            put_back(whole.detach(), [getattr(flow, name).data for flow in self.flows])

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map the same points ``[n, d]`` through every flow.

        Returns:
            Points of shape ``[flows, n, d]`` and ``log |det dz'/dz|`` of shape ``[flows, n]``.
        """
        u, stretch = constrained(self.u, self.w)
        directions, steps = self.w.unsqueeze(-1), u.unsqueeze(-2)
        offsets = self.b.unsqueeze(-1).unsqueeze(-1)
        z = z.expand(len(self.depths), *z.shape)
        log_det = z.new_zeros(z.shape[:2])
        ended_z, ended_log_det = [], []
        for first, last, active in self._segments():
            ended_z.append(z[active:])
            ended_log_det.append(log_det[active:])
            z, log_det = z[:active], log_det[:active]
            activations = []
            for layer in range(first, last):
                own = slice(None, active), layer
                activations.append(torch.tanh(torch.baddbmm(offsets[own], z, directions[own])))
                z = torch.baddbmm(z, activations[-1], steps[own])
            squared = torch.stack(activations, dim=1).squeeze(-1).square()
            # As in NormalizingFlow: a sum of positive terms.
            scale = stretch[:active, first:last].unsqueeze(-1)
            log_det = log_det + torch.log(squared + (1 - squared) * scale).sum(dim=1)
        return torch.cat([z, *reversed(ended_z)]), torch.cat([log_det, *reversed(ended_log_det)])

    def _segments(self) -> list[tuple[int, int, int]]:
        """Return runs of layers, first and last, that the same number of flows has."""
        ends = [0, *sorted(set(self.depths))]
        return [(first, last, sum(depth >= last for depth in self.depths)) for first, last in pairwise(ends)]
