"""Planar vector fields of several widths, evaluated together with their divergences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from suite.models.flow_ensembles.padding import put_back, stacked
from suite.models.flow_ensembles.steady_planar_field import SteadyPlanarField
from suite.models.flows import PlanarField


class FieldEnsemble(nn.Module, ABC):
    """Independent planar fields as one: the derivative of ``[z, log p]`` of every field, shape ``[fields, n, d + 1]``.

    Narrow fields are filled up with units whose parameters are zero. Such a unit adds nothing, and the derivative of
    anything with respect to its parameters is zero, so that gradient descent leaves it so. On a fixed grid the fields
    take no notice of each other; an adaptive step is shared.
    """

    @abstractmethod
    def units(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return ``w [fields, M, d]``, ``u [fields, M, d]`` and ``b [fields, 1, M]`` of all units at a time."""

    @abstractmethod
    def put_back(self) -> None:
        """Copy the parameters into the fields that the ensemble was made of."""

    def forward(self, t: Tensor, state: Tensor) -> Tensor:
        """Return velocities and the negative divergence at points and log-densities ``[fields, n, d + 1]``."""
        w, u, b = self.units(t)
        activation = torch.tanh(torch.baddbmm(b, state[..., :-1], w.transpose(1, 2)))
        alignment = (w * u).sum(dim=-1, keepdim=True)
        shrinkage = torch.baddbmm(alignment.sum(dim=1, keepdim=True), activation.square(), alignment, alpha=-1)
        return torch.cat([torch.bmm(activation, u), -shrinkage], dim=-1)


class SteadyEnsemble(FieldEnsemble):
    """Fields whose parameters are constant in time."""

    def __init__(self, fields: Sequence[SteadyPlanarField]) -> None:
        """Copy the parameters of fields, which stay as they are until :meth:`put_back`."""
        super().__init__()
        self.fields = tuple(fields)
        width = max(len(field.b) for field in fields)
        self.w = nn.Parameter(stacked([field.w.detach() for field in fields], width))
        self.u = nn.Parameter(stacked([field.u.detach() for field in fields], width))
        self.b = nn.Parameter(stacked([field.b.detach() for field in fields], width))

    def units(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the parameters, the same at every time."""
        del t
        return self.w, self.u, self.b.unsqueeze(1)

    def put_back(self) -> None:
        """Copy the parameters into the fields that the ensemble was made of."""
        for whole, name in ((self.w, "w"), (self.u, "u"), (self.b, "b")):
            put_back(whole.detach(), [getattr(field, name).data for field in self.fields])


class GatedEnsemble(FieldEnsemble):
    """Fields whose parameters a hypernetwork of each gives at every time, all of one hidden size."""

    def __init__(self, fields: Sequence[PlanarField]) -> None:
        """Copy the parameters of fields, which stay as they are until :meth:`put_back`.

        Raises:
            ValueError: When a field averages its units or has a gate for each coordinate.
        """
        super().__init__()
        if any(field.reduction != "sum" or _parts(field)[2].shape[0] != field.width for field in fields):
            raise ValueError("an ensemble is of fields that sum their units, with one gate for each")
        self.fields = tuple(fields)
        self.dimensions = fields[0].dimensions
        width = max(field.width for field in fields)
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for layer in (0, 2):
            linear = [cast(nn.Linear, field.hypernetwork[layer]) for field in fields]
            self.weights.append(torch.stack([each.weight.detach().t() for each in linear]))
            self.biases.append(torch.stack([each.bias.detach() for each in linear]).unsqueeze(1))
        parts = list(zip(*(_parts(field) for field in fields), strict=True))
        self.sizes = tuple(width * size for size in (self.dimensions, self.dimensions, 1, 1))
        padded = [stacked(part, size) for part, size in zip(parts, self.sizes, strict=True)]
        last = torch.cat(padded, dim=1)
        self.weights.append(last[..., :-1].transpose(1, 2).contiguous())
        self.biases.append(last[..., -1].unsqueeze(1).contiguous())

    def units(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the units that the hypernetworks give at a time."""
        first, second, third = self.weights
        time = t.to(device=first.device, dtype=first.dtype)
        hidden = torch.tanh(torch.add(self.biases[0], first * time))
        hidden = torch.tanh(torch.baddbmm(self.biases[1], hidden, second))
        w, u, gate, b = torch.baddbmm(self.biases[2], hidden, third).split(self.sizes, dim=-1)
        shape = (len(self.fields), -1, self.dimensions)
        return w.view(shape), u.view(shape) * torch.sigmoid(gate).view(len(self.fields), -1, 1), b

    @torch.no_grad()
    def put_back(self) -> None:
        """Copy the parameters into the fields that the ensemble was made of."""
        for index, layer in enumerate((0, 2)):
            for row, field in enumerate(self.fields):
                linear = cast(nn.Linear, field.hypernetwork[layer])
                linear.weight.copy_(self.weights[index][row].t())
                linear.bias.copy_(self.biases[index][row, 0])
        last = torch.cat([self.weights[2].transpose(1, 2), self.biases[2].transpose(1, 2)], dim=-1)
        for row, field in enumerate(self.fields):
            linear = cast(nn.Linear, field.hypernetwork[4])
            parts = _parts(field)
            padded = last[row].split(self.sizes)
            own = torch.cat([whole[: len(part)] for whole, part in zip(padded, parts, strict=True)])
            linear.weight.copy_(own[:, :-1])
            linear.bias.copy_(own[:, -1])


def _parts(field: PlanarField) -> tuple[Tensor, ...]:
    """Return the rows of the hypernetwork's last layer, weights and bias side by side, for ``w, u, gate, b``."""
    linear = cast(nn.Linear, field.hypernetwork[4])
    rows = torch.cat([linear.weight.detach(), linear.bias.detach().unsqueeze(1)], dim=1)
    vector = field.width * field.dimensions
    return rows.split((vector, vector, len(rows) - 2 * vector - field.width, field.width))
