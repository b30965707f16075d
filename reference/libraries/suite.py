"""Our own solvers, behind the call that every library answers."""

from __future__ import annotations

from importlib import metadata

from torch import Tensor, nn

from suite.declarations import Library
from suite.gradients import odeint_adjoint
from suite.solvers import METHODS, odeint


class Suite(Library):
    """depthmark's solvers and gradients."""

    name = "suite"
    methods = frozenset(METHODS)
    gradients = ("direct", "adjoint", "seminorm", "quadrature", "segments")

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
        options = None if step_size is None else {"step_size": step_size}
        if gradient == "direct":
            states = odeint(vector_field, y0, t, method=method, rtol=rtol, atol=atol, options=options)
        else:
            variant = "default" if gradient == "adjoint" else gradient
            states = odeint_adjoint(
                vector_field,
                y0,
                t,
                method=method,
                rtol=rtol,
                atol=atol,
                options=options,
                adjoint_options={**(options or {}), "variant": variant},
            )
        if isinstance(states, tuple):
            raise TypeError("a state that is one tensor has outputs that are one tensor")
        return states
