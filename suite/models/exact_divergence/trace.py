"""The trace of a Jacobian by automatic differentiation, one coordinate after the other."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def jacobian_trace(function: Callable[[Tensor], Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``f(z) [n, d]`` and ``tr(df/dz) [n]`` of a function that maps each of the points ``[n, d]`` by itself.

    Exact, at ``d`` backward passes; both can be differentiated again when ``z`` is part of a graph.
    """
    follows = torch.is_grad_enabled()
    with torch.enable_grad():
        point = z if z.requires_grad else z.detach().requires_grad_()
        value = function(point)
        # Row i of each point's Jacobian at once, since no value depends on another point.
        rows = [
            torch.autograd.grad(value[:, i].sum(), point, create_graph=follows, retain_graph=True)[0]
            for i in range(z.shape[1])
        ]
        trace = torch.stack([row[:, i] for i, row in enumerate(rows)]).sum(dim=0)
    return (value, trace) if follows else (value.detach(), trace.detach())
