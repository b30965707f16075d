"""Planar vector fields of several widths, evaluated together with their divergences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from suite.models.flow_ensembles.steady_planar_field import SteadyPlanarField
from suite.models.flows import PlanarField


class FieldEnsemble(nn.Module, ABC):
    """Independent planar fields as one: the derivative of ``[z, log p]`` of every field.

    The units of all fields stand below each other, so that a field's sum over its units is a product with a matrix
    that is zero outside the field's own block. On a fixed grid the fields take no notice of each other; an adaptive
    step is shared.
    """

    def __init__(self, widths: Sequence[int], like: Tensor) -> None:
        """Prepare for fields of these widths, on tensors like a parameter of theirs."""
        super().__init__()
        self.widths = tuple(widths)
        owner = torch.arange(len(widths)).repeat_interleave(torch.tensor(widths)).to(like.device)
        self.register_buffer("owner", owner, persistent=False)
        self.register_buffer("blocks", nn.functional.one_hot(owner).to(like), persistent=False)

    @abstractmethod
    def units(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return ``w [units, d]``, ``u [units, d]`` and ``b [units]`` of the units of all fields at a time."""

    @abstractmethod
    def put_back(self) -> None:
        """Copy the parameters into the fields that the ensemble was made of."""

    def forward(self, t: Tensor, state: Tensor) -> Tensor:
        """Return the derivative of points and log-densities, ``[fields, d + 1, n]``: velocity and minus divergence."""
        w, u, b = self.units(t)
        blocks = cast(Tensor, self.blocks)
        fields, dimensions, count = state.shape[0], state.shape[1] - 1, state.shape[2]
        z = state[:, :-1].reshape(fields * dimensions, count)
        directions = torch.einsum("mf,md->mfd", blocks, w).flatten(1)
        activation = torch.tanh(torch.addmm(b.unsqueeze(1), directions, z))
        velocity = torch.einsum("mf,md->fdm", blocks, u).flatten(0, 1) @ activation
        alignment = blocks.t() * (w * u).sum(dim=1)
        shrinkage = torch.addmm(-alignment.sum(dim=1, keepdim=True), alignment, activation.square())
        return torch.cat([velocity.view(fields, dimensions, count), shrinkage.unsqueeze(1)], dim=1)


class SteadyEnsemble(FieldEnsemble):
    """Fields whose parameters are constant in time."""

    def __init__(self, fields: Sequence[SteadyPlanarField]) -> None:
        """Copy the parameters of fields, which stay as they are until :meth:`put_back`."""
        super().__init__([len(field.b) for field in fields], fields[0].w)
        self.fields = tuple(fields)
        self.w = nn.Parameter(torch.cat([field.w.detach() for field in fields]))
        self.u = nn.Parameter(torch.cat([field.u.detach() for field in fields]))
        self.b = nn.Parameter(torch.cat([field.b.detach() for field in fields]))

    def units(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the parameters, the same at every time."""
        del t
        return self.w, self.u, self.b

    @torch.no_grad()
    def put_back(self) -> None:
        """Copy the parameters into the fields that the ensemble was made of."""
        for name in ("w", "u", "b"):
            parts = cast(Tensor, getattr(self, name)).split(self.widths)
            for field, part in zip(self.fields, parts, strict=True):
                getattr(field, name).copy_(part)


class GatedEnsemble(FieldEnsemble):
    """Fields whose units a hypernetwork of each gives at every time, all of one hidden size."""

    def __init__(self, fields: Sequence[PlanarField]) -> None:
        """Copy the parameters of fields, which stay as they are until :meth:`put_back`.

        Raises:
            ValueError: When a field averages its units or has a gate for each coordinate.
        """
        dimensions = fields[0].dimensions
        outputs = 2 * dimensions + 2
        if any(field.reduction != "sum" or _last(field).out_features != outputs * field.width for field in fields):
            raise ValueError("an ensemble is of fields that sum their units, with one gate for each")
        super().__init__([field.width for field in fields], _last(fields[0]).weight)
        self.fields = tuple(fields)
        self.sizes = (dimensions, dimensions, 1, 1)
        hidden = [[cast(nn.Linear, field.hypernetwork[layer]) for field in fields] for layer in (0, 2)]
        # A weight of shape [fields, inputs, outputs] multiplies from the right.
        self.weights = nn.ParameterList(torch.stack([each.weight.detach().t() for each in row]) for row in hidden)
        self.biases = nn.ParameterList(torch.stack([each.bias.detach() for each in row]).unsqueeze(1) for row in hidden)
        last = torch.cat([_by_unit(_rows(field), field) for field in fields])
        self.weights.append(last[..., :-1].transpose(1, 2).contiguous())
        self.biases.append(last[..., -1].unsqueeze(1).contiguous())

    def units(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the units that the hypernetworks give at a time."""
        first, second, third = self.weights
        time = t.to(device=first.device, dtype=first.dtype)
        hidden = torch.tanh(torch.add(self.biases[0], first * time))
        hidden = torch.tanh(torch.baddbmm(self.biases[1], hidden, second))
        own = hidden.index_select(0, cast(Tensor, self.owner))
        w, u, gate, b = torch.baddbmm(self.biases[2], own, third).squeeze(1).split(self.sizes, dim=1)
        return w, u * torch.sigmoid(gate), b.squeeze(1)

    @torch.no_grad()
    def put_back(self) -> None:
        """Copy the parameters into the fields that the ensemble was made of."""
        for index, layer in enumerate((0, 2)):
            for row, field in enumerate(self.fields):
                linear = cast(nn.Linear, field.hypernetwork[layer])
                linear.weight.copy_(self.weights[index][row].t())
                linear.bias.copy_(self.biases[index][row, 0])
        last = torch.cat([self.weights[2], self.biases[2]], dim=1).transpose(1, 2)
        for field, units in zip(self.fields, last.split(self.widths), strict=True):
            rows = torch.cat([part.flatten(0, 1) for part in units.split(self.sizes, dim=1)])
            _last(field).weight.copy_(rows[:, :-1])
            _last(field).bias.copy_(rows[:, -1])


def _last(field: PlanarField) -> nn.Linear:
    return cast(nn.Linear, field.hypernetwork[4])


def _rows(field: PlanarField) -> Tensor:
    """Return weights and bias of the hypernetwork's last layer side by side: rows of all ``w, u, gate, b``."""
    return torch.cat([_last(field).weight.detach(), _last(field).bias.detach().unsqueeze(1)], dim=1)


def _by_unit(rows: Tensor, field: PlanarField) -> Tensor:
    """Return the rows unit by unit, ``[M, 2 d + 2, hidden + 1]``."""
    sizes = (field.dimensions, field.dimensions, 1, 1)
    parts = rows.split([field.width * size for size in sizes])
    return torch.cat([part.view(field.width, size, -1) for part, size in zip(parts, sizes, strict=True)], dim=1)
