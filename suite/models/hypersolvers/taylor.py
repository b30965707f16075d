"""The exact leading term of Euler's local error as a correction: a Taylor method of second order."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import jvp

from suite.solvers.hyper import StepInputs
from suite.solvers.vector_field import VectorField


@dataclass(frozen=True)
class TaylorCorrection:
    """``g = (df/ds + f' f) / 2`` by a Jacobian-vector product, which evaluates the field once more in every step.

    Attributes:
        field: ``f(s, z)``.
    """

    field: VectorField

    def __call__(self, inputs: StepInputs) -> Tensor:
        """Return half the acceleration at the state of a step of Euler's method, like the state.

        Raises:
            TypeError: When the state is a tuple.
        """
        state, (slope,) = inputs.state, inputs.stages
        if not isinstance(state, Tensor) or not isinstance(slope, Tensor):
            raise TypeError("the state is one tensor")
        time = torch.as_tensor(inputs.time, dtype=state.dtype, device=state.device)
        product: Tensor = jvp(self.field, (time, state), (torch.ones_like(time), slope))[1]
        return product / 2
