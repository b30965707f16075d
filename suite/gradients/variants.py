"""The named variants of the continuous adjoint, and the options that choose one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from suite.solvers.error_norm import Norm
from suite.solvers.errors import InvalidProblemError, InvalidTypeError

Variant = Literal["default", "seminorm", "quadrature", "segments"]
"""Which continuous adjoint.

``default``: parameters in the error norm, as torchdiffeq's. ``seminorm``: parameters outside the norm (Kidger, Chen and
Lyons 2021). ``quadrature``: parameters outside the solve, their gradient integrated by Gauss quadrature over each step.
``segments``: a fresh solve from every output to the one before (Chen et al. 2018, Algorithm 2).
"""

_VARIANTS: tuple[Variant, ...] = ("default", "seminorm", "quadrature", "segments")


def choose_variant(
    adjoint_options: Mapping[str, Any], otherwise: Variant | None = None
) -> tuple[Variant, Norm | None, dict[str, Any]]:
    """Split ``adjoint_options`` into the variant, a norm of the user's own, and the options of the solver.

    ``norm`` is ``"seminorm"`` or a function of ``(t, y, adjoint, *parameter_adjoints)``, as in torchdiffeq;
    ``variant`` is one of the named variants; where it is not given, the one to take ``otherwise`` is, or the default.

    Raises:
        InvalidProblemError: When either is something else, or they contradict each other.
    """
    if not isinstance(adjoint_options, Mapping):
        raise InvalidTypeError(
            f"adjoint_options are a mapping of names to values, not {type(adjoint_options).__name__}"
        )
    rest = dict(adjoint_options)
    norm = rest.pop("norm", None)
    variant = rest.pop("variant", otherwise or ("seminorm" if norm == "seminorm" else "default"))
    if variant not in _VARIANTS:
        raise InvalidProblemError(f"adjoint option variant is one of {', '.join(_VARIANTS)}, not {variant!r}")
    if isinstance(norm, str):
        if norm != "seminorm":
            raise InvalidProblemError(f"adjoint option norm is 'seminorm' or a function, not {norm!r}")
        if variant in ("default", "segments"):
            raise InvalidProblemError(f"adjoint option norm='seminorm' excludes variant={variant!r}")
        norm = None
    if norm is not None and not callable(norm):
        raise InvalidTypeError(f"adjoint option norm is 'seminorm' or a function, not {norm!r}")
    return variant, norm, rest
