"""One two-layer field for each way in which its parameters can depend on depth."""

from __future__ import annotations

import copy
import typing
from collections.abc import Callable, Mapping
from typing import Literal

from torch import nn

from suite.models.depth_varying import (
    Basis,
    ChebyshevBasis,
    DepthConcatenation,
    DepthField,
    FourierBasis,
    GalerkinLinear,
    MonomialBasis,
    ReleasedFourierBasis,
    StackedField,
)

Dependence = Literal["constant", "concatenated", "stacked", "monomials", "chebyshev", "released", "fourier"]
"""How the parameters of both layers depend on depth."""
DEPENDENCES: tuple[Dependence, ...] = typing.get_args(Dependence)


def two_layer_field(
    dependence: Dependence,
    dimensions: int,
    hidden: int,
    *,
    degree: int = 4,
    harmonics: int = 5,
    period: float = 1.0,
    pieces: int = 20,
) -> DepthField | StackedField:
    """Return ``f(s, z) = W2(s) tanh(W1(s) z + b1(s)) + b2(s)`` on the depths [0, 1].

    All start as a field that does not depend on depth, but for ``concatenated``, which has the depth as one more input
    of each layer; the pieces of ``stacked`` start alike.

    Args:
        dependence: How the parameters depend on depth.
        dimensions: Of the state.
        hidden: Units between the layers.
        degree: Of the polynomials of ``monomials`` and ``chebyshev``.
        harmonics: Of ``released`` and ``fourier``.
        period: Of ``fourier``, in units of depth.
        pieces: Of ``stacked``.

    Raises:
        ValueError: For an unknown dependence.
    """
    bases: Mapping[str, Callable[[], Basis]] = {
        "monomials": lambda: MonomialBasis(degree),
        "chebyshev": lambda: ChebyshevBasis(degree),
        "released": lambda: ReleasedFourierBasis(harmonics),
        "fourier": lambda: FourierBasis(harmonics, period),
    }
    if dependence in bases:
        make = bases[dependence]
        layers = GalerkinLinear(dimensions, hidden, make()), nn.Tanh(), GalerkinLinear(hidden, dimensions, make())
        return DepthField(*layers)
    if dependence == "concatenated":
        first, second = nn.Linear(dimensions + 1, hidden), nn.Linear(hidden + 1, dimensions)
        return DepthField(DepthConcatenation(), first, nn.Tanh(), DepthConcatenation(), second)
    if dependence not in DEPENDENCES:
        raise ValueError(f"unknown dependence {dependence!r}; the ways are {', '.join(DEPENDENCES)}")
    field = DepthField(nn.Linear(dimensions, hidden), nn.Tanh(), nn.Linear(hidden, dimensions))
    return field if dependence == "constant" else StackedField([copy.deepcopy(field) for _ in range(pieces)])
