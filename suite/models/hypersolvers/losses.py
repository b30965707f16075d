"""The two losses of hypersolvers: of residuals on true states, and of the hypersolver's own roll-out."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from suite.models.hypersolvers.residuals import ResidualSamples
from suite.models.hypersolvers.trajectories import NominalTrajectories
from suite.solvers import solve
from suite.solvers.hyper import Correction, Hypersolver
from suite.solvers.vector_field import VectorField

Norm = Literal["l2", "l1"]
"""Of the state's error: Euclidean, or the mean of absolute values as in the authors' released CNF notebook."""


def residual_norms(correction: Correction, samples: ResidualSamples) -> Tensor:
    """Return ``||R - g||_2`` of each sample, over all dimensions of the state; shape ``[samples]``."""
    found = correction(samples.inputs)
    if not isinstance(found, Tensor):
        raise TypeError("residuals are of a state that is one tensor")
    norms: Tensor = torch.linalg.vector_norm((samples.residuals - found).flatten(1), dim=1)
    return norms


def residual_loss(correction: Correction, samples: ResidualSamples) -> Tensor:
    """Return the mean of ``||R_k - g(eps, s_k, x, z(s_k))||_2`` over steps and batch (residual fitting)."""
    return residual_norms(correction, samples).mean()


def trajectory_loss(
    hypersolver: Hypersolver, field: VectorField, trajectories: NominalTrajectories, norm: Norm = "l2"
) -> Tensor:
    """Return the mean of ``||z(s_k) - z_k||`` over steps and batch, ``z_k`` the hypersolver's (trajectory fitting).

    The paper sums over the steps; a mean differs by the factor ``1 / K``. Autograd follows the roll-out.

    Args:
        hypersolver: Steps over the grid of the trajectories.
        field: ``f(s, z)``.
        trajectories: What it should follow.
        norm: Of the error of a state.
    """
    times = torch.tensor(trajectories.times, dtype=torch.float64)
    states = solve(field, trajectories.states[0], times, method=hypersolver).states
    if not isinstance(states, Tensor):
        raise TypeError("trajectories are of a state that is one tensor")
    errors = (states[1:] - trajectories.states[1:]).flatten(2)
    return errors.abs().mean() if norm == "l1" else torch.linalg.vector_norm(errors, dim=2).mean()
