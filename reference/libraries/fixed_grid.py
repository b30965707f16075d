"""The grid of a fixed-step method for libraries that are given every step."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor


def grid_with_outputs(t: Tensor, step_size: float) -> Tensor:
    """Return times that contain ``t`` and whose steps are equal between two outputs and at most ``step_size`` long.

    Args:
        t: Strictly monotone output times, shape ``[n]``.
        step_size: The longest step, positive.
    """
    grid = [t[:1]]
    for start, end in pairwise(t):
        # A length that is a whole number of steps but for rounding is that number of steps.
        steps = max(1, math.ceil(abs(float(end - start)) / step_size - 1e-6))
        fractions = torch.arange(1, steps + 1, dtype=t.dtype, device=t.device) / steps
        between = start + fractions * (end - start)
        between[-1] = end
        grid.append(between)
    return torch.cat(grid)
