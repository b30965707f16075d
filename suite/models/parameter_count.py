"""The number of parameters of a model, as papers print it."""

from __future__ import annotations

from torch import nn


def parameter_count(model: nn.Module) -> int:
    """Count the trainable parameters of a model, shared ones once."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
