"""Planar normalizing flows of several depths, evaluated together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

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
        self.w = nn.Parameter(_stacked([flow.w for flow in flows], self.depths[0]))
        self.u = nn.Parameter(_stacked([flow.u for flow in flows], self.depths[0]))
        self.b = nn.Parameter(_stacked([flow.b for flow in flows], self.depths[0]))

    @torch.no_grad()
    def put_back(self) -> None:
        """Copy the parameters into the flows that the ensemble was made of."""
        for row, (flow, depth) in enumerate(zip(self.flows, self.depths, strict=True)):
            for own, whole in ((flow.w, self.w), (flow.u, self.u), (flow.b, self.b)):
                own.copy_(whole[row, :depth])

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map the same points ``[n, d]`` through every flow.

        Returns:
            Points of shape ``[flows, n, d]`` and ``log |det dz'/dz|`` of shape ``[flows, n]``.
        """
        u, stretch = constrained(self.u, self.w)
        directions, steps, offsets = self.w.unsqueeze(-2), u.unsqueeze(-1), self.b.unsqueeze(-1).unsqueeze(-1)
        # Points last, where the operations of a layer run over contiguous memory.
        z = z.t().expand(len(self.depths), *z.t().shape)
        log_det = z.new_zeros(z.shape[0], z.shape[2])
        ended_z, ended_log_det = [], []
        for first, last, active in self._segments():
            ended_z.append(z[active:])
            ended_log_det.append(log_det[active:])
            z, log_det = z[:active], log_det[:active]
            # Taken apart once for all layers: the derivative of each indexing alone is as large as the whole.
            layers = (each[:active, first:last].unbind(1) for each in (directions, steps, offsets))
            activations = []
            for w, step, b in zip(*layers, strict=True):
                activations.append(torch.tanh(torch.baddbmm(b, w, z)))
                z = torch.addcmul(z, step, activations[-1])
            squared = torch.cat(activations, dim=1).square()
            # As in NormalizingFlow: a sum of positive terms.
            scale = stretch[:active, first:last].unsqueeze(-1)
            log_det = log_det + torch.log(squared + (1 - squared) * scale).sum(dim=1)
        return torch.cat([z, *reversed(ended_z)]).transpose(1, 2), torch.cat([log_det, *reversed(ended_log_det)])

    def _segments(self) -> list[tuple[int, int, int]]:
        """Return runs of layers, first and last, with the number of flows that have them."""
        ends = [0, *sorted(set(self.depths))]
        return [(first, last, sum(depth >= last for depth in self.depths)) for first, last in pairwise(ends)]


def _stacked(parts: Sequence[Tensor], depth: int) -> Tensor:
    """Return ``[flows, depth, ...]`` of parameters ``[own depth, ...]``, each filled up at its end.

    With ones: no flow uses them, and the constraint of a direction of zeros has no finite derivative.
    """
    whole = parts[0].new_ones(len(parts), depth, *parts[0].shape[1:])
    for row, part in zip(whole, parts, strict=True):
        row[: len(part)] = part.detach()
    return whole
