"""torchdyn, the library of Massaroli et al. and Poli et al., behind the call that every library answers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reference.libraries.fixed_grid import grid_with_outputs
from reference.libraries.installed import installed_version
from suite.declarations import Library

ADAPTIVE = frozenset({"dopri5", "tsit5"})


class Torchdyn(Library):
    """torchdyn's numerics, read at version 1.0.6.

    Its ``rk4`` is left out: its nodes are 0, 1/2, 1/2 where they should be 1/2, 1/2, 1, so that it is of order 1 on a
    field that depends on time. In double precision its adaptive errors do not fall below about 1e-8: from the second
    step on the step size is a single-precision tensor of one element, and so are its products with the coefficients and
    nodes, which are double but without dimensions. A step that is not a number makes its adaptive loop run for ever, so
    limit the evaluations of a field that may blow up. Output times inside the interval end a step. The field counts
    evaluations: it is called once for each.

    ``adjoint`` is its autograd function, taken from ``torchdyn.numerics`` because ``torchdyn.core`` imports
    pytorch-lightning and torchvision; it needs a field with parameters.
    """

    name = "torchdyn"
    methods = frozenset({"euler", "midpoint"}) | ADAPTIVE
    gradients = ("direct", "adjoint")

    def version(self) -> str:
        """Return the installed version.

        Raises:
            LibraryMissingError: When it is not installed.
        """
        return installed_version("torchdyn")

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
        """Integrate with torchdyn; see :meth:`suite.declarations.Library.odeint`."""
        if gradient == "adjoint":
            return self._adjoint(vector_field, y0, t, method, rtol, atol)
        from torchdyn.numerics import odeint

        states: Tensor
        if method in ADAPTIVE:
            _, states = odeint(vector_field, y0, t, method, atol=atol, rtol=rtol)
            return states
        grid = t if step_size is None else grid_with_outputs(t, step_size)
        _, states = odeint(vector_field, y0, grid, method, save_at=t)
        return states

    def _adjoint(self, vector_field: nn.Module, y0: Tensor, t: Tensor, method: str, rtol: float, atol: float) -> Tensor:
        from torchdyn.numerics.sensitivity import _gather_odefunc_adjoint

        parameters = torch.cat([parameter.reshape(-1) for parameter in vector_field.parameters()])
        function = _gather_odefunc_adjoint(
            vector_field, parameters, method, atol, rtol, None, method, atol, rtol, None, "standard"
        )
        states: Tensor = function.apply(parameters, y0, t, None, ())[1]
        return states
