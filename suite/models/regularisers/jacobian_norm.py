"""The Frobenius norm of a field's Jacobian as a running loss, exact or estimated."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class JacobianNorm(nn.Module):
    """``|df/dz|_F^2`` of each sample, the mean over samples (Finlay et al. 2020).

    With probes it is Hutchinson's estimate: ``E |e^T J|^2 = |J|_F^2`` where the entries of ``e`` are independent with
    mean 0 and variance 1. The probes stay the same along a path, so that the solver integrates a smooth function.
    Without probes it is exact, at one backward pass for each entry of a state.
    """

    def __init__(self, field: nn.Module, probes: Tensor | None = None) -> None:
        """Say whose Jacobian.

        Args:
            field: The vector field, called as ``field(t, z)``, of samples that do not see each other.
            probes: Random numbers of the shape of the states, or with one more dimension in front for several of them.
        """
        super().__init__()
        self.field = field
        self.probes = probes

    def forward(self, t: Tensor, z: Tensor, derivative: Tensor) -> Tensor:
        """Return the norm at states ``[n, ...]``, where the field is ``derivative``."""
        follows = torch.is_grad_enabled()
        with torch.enable_grad():
            # At the start of a path the state is data, and in an evaluation without gradients nothing is followed:
            # there the field is evaluated once more.
            if not (z.requires_grad and derivative.requires_grad):
                z = z.detach().requires_grad_()
                derivative = self.field(t, z)
            rows = [
                torch.autograd.grad(derivative, z, probe, create_graph=follows, retain_graph=True)[0]
                for probe in self._directions(z)
            ]
            squares = torch.stack([row.flatten(1).square().sum(dim=1).mean() for row in rows])
        norm = squares.sum() if self.probes is None else squares.mean()
        return norm if follows else norm.detach()

    def _directions(self, z: Tensor) -> list[Tensor]:
        if self.probes is not None:
            return list(self.probes) if self.probes.dim() > z.dim() else [self.probes]
        units = torch.eye(z[0].numel(), dtype=z.dtype, device=z.device)
        return [unit.view_as(z[0]).expand_as(z) for unit in units]
