"""The two kinds of flows that Fig. 4 of Chen et al. 2018 compares, each for several targets and sizes at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from suite.gradients import odeint_adjoint
from suite.models import Gradient, parameter_count
from suite.models.flow_ensembles import FieldEnsemble, FlowEnsemble
from suite.models.flows import NormalizingFlow, gaussian_log_density
from suite.solvers import CountedField, odeint


class MatchedFlows(ABC):
    """Models of one kind, one for each size and target, from the largest size to the smallest.

    Attributes:
        ensemble: What is trained.
        parameters_of_each: Trainable parameters of each model.
    """

    def __init__(self, ensemble: nn.Module, models: Sequence[nn.Module]) -> None:
        self.ensemble = ensemble
        self.parameters_of_each = [parameter_count(model) for model in models]

    @abstractmethod
    def push(self, base: Tensor) -> tuple[Tensor, Tensor]:
        """Map samples ``[n, 2]`` of the standard normal distribution through every model, as training does.

        Returns:
            Samples ``z [models, n, 2]`` and their log-densities ``log q(z) [models, n]``, in nats.
        """

    @abstractmethod
    def push_accurately(self, base: Tensor) -> tuple[Tensor, Tensor]:
        """Do as :meth:`push`, with every density right to the tolerance of an evaluation and without gradients."""

    @abstractmethod
    def log_density(self, points: Tensor) -> Tensor:
        """Return ``log q [models, n]`` at points ``[models, n, 2]``, without gradients."""


class MatchedPlanarFlows(MatchedFlows):
    """Planar normalizing flows: ``log q(z') = log q(z) - log |det dz'/dz|``."""

    def __init__(self, flows: Sequence[NormalizingFlow]) -> None:
        """Take flows from the deepest to the shallowest."""
        super().__init__(FlowEnsemble(flows), flows)
        self.flows = flows

    def push(self, base: Tensor) -> tuple[Tensor, Tensor]:
        """Map samples through every flow."""
        z, log_det = self.ensemble(base)
        return z, gaussian_log_density(base) - log_det

    @torch.no_grad()
    def push_accurately(self, base: Tensor) -> tuple[Tensor, Tensor]:
        """Map samples through every flow; nothing is approximated."""
        return self.push(base)

    @torch.no_grad()
    def log_density(self, points: Tensor) -> Tensor:
        """Return log-densities through the inverse of every flow."""
        cast(FlowEnsemble, self.ensemble).put_back()
        found = []
        for flow, own in zip(self.flows, points, strict=True):
            base = flow.inverse(own)
            found.append(gaussian_log_density(base) - flow(base)[1])
        return torch.stack(found)


@dataclass(frozen=True)
class Solver:
    """How an ODE is solved: on a fixed grid of ``steps``, or adaptively when it is 0."""

    method: str
    steps: int
    tolerance: float
    gradient: Gradient

    def solve(self, field: Callable[[Tensor, Tensor], Tensor], state: Tensor, start: float, end: float) -> Tensor:
        """Return the state ``[fields, 3, n]`` at the end."""
        times = torch.tensor([start, end])  # on the host, where the solver reads it
        options: dict[str, Any] = {"step_size": abs(end - start) / self.steps} if self.steps else {"norm": largest_rms}
        arguments: dict[str, Any] = {"method": self.method, "rtol": self.tolerance, "atol": self.tolerance}
        solve = odeint if self.gradient == "direct" else odeint_adjoint
        return cast(Tensor, solve(field, state, times, options=options, **arguments))[-1]


def largest_rms(error: Tensor) -> Tensor:
    """Return the largest root mean square over the fields of an error ``[fields, 3, n]``.

    Fields that share a step then each keep to the tolerance, whatever the others do.
    """
    return error.square().mean(dim=(1, 2)).max().sqrt()


class MatchedContinuousFlows(MatchedFlows):
    """Continuous flows: ``d log q/dt = -tr(df/dz)``, solved with the samples (Chen et al. 2018, theorem 1).

    Attributes:
        counted: Counts evaluations of all fields together.
    """

    points_at_once = 16_384
    """Points whose density is evaluated together; bounds the memory of a fine grid."""

    def __init__(
        self, ensemble: FieldEnsemble, fields: Sequence[nn.Module], end_time: float, training: Solver, accurate: Solver
    ) -> None:
        """Take fields with the solvers of training and of evaluation."""
        super().__init__(ensemble, fields)
        self.counted = CountedField(ensemble)
        self.models = len(fields)
        self.end_time = end_time
        self.training = training
        self.accurate = accurate

    def push(self, base: Tensor) -> tuple[Tensor, Tensor]:
        """Map samples through every flow by the solver of training."""
        return self._push(base, self.training)

    @torch.no_grad()
    def push_accurately(self, base: Tensor) -> tuple[Tensor, Tensor]:
        """Map samples through every flow by the solver of evaluation."""
        return self._push(base, self.accurate)

    @torch.no_grad()
    def log_density(self, points: Tensor) -> Tensor:
        """Return log-densities by solving backwards in time."""
        found = []
        for part in points.split(self.points_at_once, dim=1):
            state = torch.cat([part.transpose(1, 2), torch.zeros_like(part[..., :1]).transpose(1, 2)], dim=1)
            solved = self.accurate.solve(self.counted, state, self.end_time, 0.0)
            base = solved[:, :2].transpose(1, 2)
            found.append(gaussian_log_density(base.reshape(-1, 2)).view(base.shape[:2]) - solved[:, 2])
        return torch.cat(found, dim=1)

    def _push(self, base: Tensor, solver: Solver) -> tuple[Tensor, Tensor]:
        state = torch.cat([base, gaussian_log_density(base).unsqueeze(1)], dim=1).t()
        solved = solver.solve(self.counted, state.expand(self.models, *state.shape), 0.0, self.end_time)
        return solved[:, :2].transpose(1, 2), solved[:, 2]
