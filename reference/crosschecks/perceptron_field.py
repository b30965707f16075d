"""A tanh perceptron as a vector field that every library evaluates from the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from reference.libraries.neutral_field import NeutralField


class PerceptronField(NeutralField):
    """``dy/dt = W_n tanh(... tanh(W_1 y + b_1) ...) + b_n`` on states ``[batch, widths[0]]``."""

    def __init__(self, widths: Sequence[int], generator: torch.Generator) -> None:
        """Draw weights and biases uniformly on ``+- 1 / sqrt(inputs)``, as torch does for a linear layer.

        Args:
            widths: Width of every layer from the state to the derivative; the first and the last are the same.
            generator: A CPU generator.

        Raises:
            ValueError: When the derivative would not have the width of the state, or there is no layer.
        """
        super().__init__()
        if len(widths) < 2 or widths[0] != widths[-1]:
            raise ValueError(f"a field's widths begin and end with that of the state, not {tuple(widths)}")
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            linear = nn.Linear(inputs, outputs)
            for parameter in linear.parameters():
                parameter.data = (2 * torch.rand(parameter.shape, generator=generator) - 1) / inputs**0.5
            layers += [nn.Tanh(), linear] if layers else [linear]
        self.layers = nn.Sequential(*layers)

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        """Return the derivative of states ``[batch, widths[0]]``."""
        del t
        derivative: Tensor = self.layers(y)
        return derivative

    def formula(self, xp: Any, t: Any, y: Any, *numbers: Any) -> Any:
        """Return the derivative of states ``[batch, widths[0]]``."""
        del t
        for weight, bias in zip(numbers[:-2:2], numbers[1:-2:2], strict=True):
            y = xp.tanh(xp.matmul(y, weight.T) + bias)
        return xp.matmul(y, numbers[-2].T) + numbers[-1]
