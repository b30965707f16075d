"""Vector fields of one architecture as one field on the states of all."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from suite.models.depth_varying import StackedField
from suite.models.replicas.replicas import Replicas


def field_replicas(fields: Sequence[nn.Module]) -> Replicas | StackedField:
    """Return the field ``f(s, z)`` of states ``z [replicas, ...]``; a slice of it is a field by itself.

    A stacked field, which chooses a piece on the host, becomes a stacked field of the replicas of every piece.

    Raises:
        ValueError: When the architectures differ.
    """
    first = fields[0]
    if not isinstance(first, StackedField):
        return Replicas(fields)
    pieces: list[Replicas] = []
    for index in range(len(first.fields)):
        same = []
        for field in fields:
            if not isinstance(field, StackedField) or field.boundaries != first.boundaries:
                raise ValueError("replicas of a stacked field are stacked fields of as many pieces on one interval")
            same.append(field.fields[index])
        pieces.append(Replicas(same, pieces[0] if pieces else None))
    return StackedField(pieces, first.start, first.end, first.beyond)


def put_back(module: nn.Module) -> None:
    """Copy the parameters of all replicas in a module into the modules that they were made of."""
    for part in module.modules():
        if isinstance(part, Replicas):
            part.put_back()
