"""The ways to differentiate that cross-checks compare, by the names of their variants."""

from __future__ import annotations

from reference.libraries.suite import Suite
from reference.libraries.torchdiffeq import Torchdiffeq
from suite.declarations import Library

WAYS = (
    "torchdiffeq-direct",
    "direct",
    "torchdiffeq-adjoint",
    "checkpointed",
    "recursive",
    "reversible",
    "interpolated",
    "adjoint-segments",
    "adjoint-quadrature",
    "adjoint-seminorm",
    "adjoint",
)
"""Theirs beside ours, the adjoint that people call by default last."""

REVERSIBLE_METHODS = ("reversible_heun", "asynchronous_leapfrog")
"""The methods whose steps can be undone, which a reversible gradient needs; they take steps of a fixed size."""

_TORCHDIFFEQ = "torchdiffeq-"


def way(variant: str) -> tuple[Library, str]:
    """Return the library of a variant and its name for the way to differentiate.

    ``torchdiffeq-...`` are torchdiffeq's, all others ours; ``adjoint-seminorm`` is the way ``seminorm``.
    """
    library: Library = Torchdiffeq() if variant.startswith(_TORCHDIFFEQ) else Suite()
    return library, variant.removeprefix(_TORCHDIFFEQ).removeprefix("adjoint-")
