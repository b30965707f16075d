"""torchode, the library of Lienen and Günnemann (2022), behind the call that every library answers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from reference.libraries.installed import installed_version
from reference.libraries.prepared import SolveFailedError
from suite.declarations import Library


class Torchode(Library):
    """torchode, uncompiled, read at version 1.0.1.

    It controls the step of every sample on its own and calls fields with one time for each. Here the whole state is one
    sample, so that steps are controlled jointly as in the other libraries and any field fits. The controller is the
    integral one that its paper recommends for learned fields. The field counts evaluations: it
    is called once for each.
    """

    name = "torchode"
    methods = frozenset({"euler", "adaptive_heun", "dopri5", "tsit5"})
    gradients = ("direct", "adjoint")

    def version(self) -> str:
        """Return the installed version.

        Raises:
            LibraryMissingError: When it is not installed.
        """
        return installed_version("torchode")

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
        """Integrate with torchode; see :meth:`suite.declarations.Library.odeint`.

        Raises:
            SolveFailedError: When its status is not success.
        """
        import torchode

        term = torchode.ODETerm(_OneSample(vector_field, y0.shape), with_stats=False)
        step = {
            "euler": torchode.Euler,
            "adaptive_heun": torchode.Heun,
            "dopri5": torchode.Dopri5,
            "tsit5": torchode.Tsit5,
        }[method](term=term)
        first_step = None
        if method == "euler":
            controller: Any = torchode.FixedStepController()
            first_step = torch.full_like(t[:1], step_size or float(t[1] - t[0]))
        else:
            controller = torchode.IntegralController(atol=atol, rtol=rtol, term=term)
        problem = torchode.InitialValueProblem(y0=y0.reshape(1, -1), t_eval=t[None])
        if gradient == "adjoint":
            backsolve = torchode.JointBacksolveAdjoint(term, step, controller).to(y0.device)
            solution = backsolve.solve(problem, dt0=first_step)
        else:
            solution = torchode.AutoDiffAdjoint(step, controller).to(y0.device).solve(problem, term, dt0=first_step)
        status = int(solution.status.max()) if solution.status is not None else 0
        if status != 0:
            raise SolveFailedError(f"torchode ended with the status {torchode.Status(status).name}")
        states: Tensor = solution.ys[0]
        return states.reshape(len(t), *y0.shape)


class _OneSample(nn.Module):
    """A field on states of shape ``[1, size]`` at times of shape ``[1]``."""

    def __init__(self, vector_field: nn.Module, shape: torch.Size) -> None:
        super().__init__()
        self.vector_field = vector_field
        self.shape = shape

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        derivative: Tensor = self.vector_field(t[0], y.reshape(self.shape))
        return derivative.reshape(1, -1)
