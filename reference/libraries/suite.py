"""Our own solvers, behind the call that every library answers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from importlib import metadata
from typing import ClassVar

from torch import Tensor, nn

from suite.declarations import Library, LibraryMissingError
from suite.gradients.checkpointed import Checkpointed
from suite.gradients.continuous_adjoint import Adjoint
from suite.gradients.interpolated import InterpolatedAdjoint
from suite.gradients.reversible import Reversible
from suite.solvers import METHODS, Differentiation, explicit_methods, solve

DIFFERENTIATIONS: Mapping[str, Differentiation | None] = {
    "direct": None,
    "adjoint": Adjoint(variant="default"),
    "seminorm": Adjoint(variant="seminorm"),
    "quadrature": Adjoint(variant="quadrature"),
    "segments": Adjoint(variant="segments"),
    "interpolated": InterpolatedAdjoint(),
    "checkpointed": Checkpointed(every=1),
    "recursive": Checkpointed(),
    "reversible": Reversible(),
}
"""By name. ``checkpointed`` stores every step's state, ``recursive`` a logarithm of their number."""


class Suite(Library):
    """depthmark's solvers and gradients.

    ``reversible`` takes the reversible methods alone, the other ways but ``direct`` explicit Runge-Kutta methods.
    """

    name = "suite"
    methods = frozenset(METHODS)
    gradients = tuple(DIFFERENTIATIONS)
    compiled: ClassVar[bool] = False

    def version(self) -> str:
        """Return the installed version, or say that it runs from a source tree."""
        try:
            return metadata.version("depthmark")
        except metadata.PackageNotFoundError:
            return "source tree"

    def odeint(
        self,
        vector_field: nn.Module,
        y0: Tensor,
        t: Tensor,
        *,
        method: str,
        rtol: float,
        atol: float,
        step_size: float | None = None,
        gradient: str = "direct",
    ) -> Tensor:
        """Integrate with our solvers; see :meth:`suite.declarations.Library.odeint`."""
        states = solve(
            vector_field,
            y0,
            t,
            method=method,
            rtol=rtol,
            atol=atol,
            options=None if step_size is None else {"step_size": step_size},
            gradient=DIFFERENTIATIONS[gradient],
            compile=self.compiled,
        ).states
        if isinstance(states, tuple):
            raise TypeError("a state that is one tensor has outputs that are one tensor")
        return states


class CompiledSuite(Suite):
    """The same with ``compile=True``: each step one compiled call, the vector field in it."""

    name = "suite-compiled"
    methods = frozenset(explicit_methods())
    gradients = ("direct", "adjoint", "seminorm", "quadrature", "segments")
    compiled = True

    def version(self) -> str:
        """Return the installed version.

        Raises:
            LibraryMissingError: When there is no C++ compiler.
        """
        if not any(shutil.which(name) for name in (os.environ.get("CXX", ""), "g++", "clang++") if name):
            raise LibraryMissingError("compiled steps need a C++ compiler; install g++")
        return super().version()
