"""torchdiffeq, the reference library, behind the call that every library answers."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from reference.libraries.installed import installed_version
from suite.declarations import Library


class Torchdiffeq(Library):
    """Chen et al.'s library, as published on the Python package index; read at version 0.2.5.

    Its adaptive methods step beyond the last output time and return the value of their interpolant there, which is of
    order four: at tight tolerances the error of ``dopri8`` is that of its interpolant.
    """

    name = "torchdiffeq"
    methods = frozenset(
        {"euler", "midpoint", "heun2", "heun3", "rk4", "adaptive_heun", "fehlberg2", "bosh3", "dopri5", "dopri8"}
    )
    gradients = ("direct", "adjoint", "seminorm")

    def version(self) -> str:
        """Return the installed version.

        Raises:
            LibraryMissingError: When it is not installed.
        """
        return installed_version("torchdiffeq")

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
        """Integrate with torchdiffeq; see :meth:`suite.declarations.Library.odeint`."""
        import torchdiffeq

        options = None if step_size is None else {"step_size": step_size}
        arguments: dict[str, Any] = {"method": method, "rtol": rtol, "atol": atol, "options": options}
        solve = torchdiffeq.odeint if gradient == "direct" else torchdiffeq.odeint_adjoint
        if gradient == "seminorm":
            arguments["adjoint_options"] = {"norm": "seminorm"}
        states: Tensor = solve(vector_field, y0, t, **arguments)
        return states
